"""What the kernel lets a container do: capabilities, seccomp, security module, as a page to read."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from hardentui.features.looking.default_profile import default_profile
from hardentui.features.rights.capabilities import (
    CapabilityPage,
    CapabilityReach,
    CapabilityRow,
    capability_page,
    capability_words,
)
from hardentui.features.rights.seccomp import FilterKind, SeccompPage, seccomp_page
from hardentui.features.rights.seccomp import summary as seccomp_summary
from hardentui.features.rights.security_module import Confinement, LsmPage, lsm_page
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.trial.kept_learning import kept_needs
from hardentui.model.draft import TextFile
from hardentui.model.facts import (
    ContainerFacts,
)

if TYPE_CHECKING:
    from hardentui.host.files import Files


class Rights(Struct, frozen=True):
    """What the kernel lets a container do.

    Attributes:
        unknown: what the kernel would say of a running container is not known.
    """

    container: str
    engine: str
    running: bool
    capabilities: CapabilityPage
    seccomp: SeccompPage
    lsm: LsmPage

    @property
    def unknown(self) -> bool:
        asked = bool(self.capabilities.unknown) or self.lsm.state is Confinement.UNKNOWN
        return (self.running and asked) or self.seccomp.kind is FilterKind.UNKNOWN


def rights_of_container(facts: ContainerFacts, files: Files) -> Rights:
    """What the kernel says, and what trials of the container have learned."""
    module = lsm_page(facts)
    capabilities = capability_page(facts, kept_needs(facts))
    seccomp = seccomp_page(facts, default_profile(facts, files))
    return Rights(
        facts.name,
        facts.engine.label,
        module.running,
        capabilities,
        seccomp,
        module,
    )


def rights_of(
    facts: ContainerFacts,
    files: Files,
) -> tuple[tuple[PageSection, ...], tuple[TextFile, ...]]:
    """The page, and an AppArmor profile where AppArmor confines the container."""
    rights = rights_of_container(facts, files)
    profile = rights.lsm.profile
    return rights_page(rights), (
        TextFile(profile.name, profile.text),
    ) if profile is not None else ()


def rights_page(rights: Rights) -> tuple[PageSection, ...]:
    """All three, the worst of each first."""
    return (
        _capabilities(rights.capabilities),
        _seccomp(rights.seccomp),
        _module(rights.lsm),
    )


def _capabilities(page: CapabilityPage) -> PageSection:
    lines = [PageLine("requested", page.asked)]
    lines += [PageLine("", sentence) for sentence in capability_words(page)]
    if page.unknown:
        lines.append(
            PageLine(
                "not known",
                f"effective and bounding: {page.unknown}",
                Tone.BAD,
            )
        )
    if page.learned and not page.not_learned:
        lines.append(
            PageLine(
                "learned",
                f"used or not: as seen in {page.learned}",
                Tone.MUTED,
            )
        )
    if page.by_image:
        lines.append(PageLine("image", f"it needs, it says: {', '.join(page.by_image)}"))
    by_hold = {hold: [row for row in page.held if _hold(row) is hold] for hold in Hold}
    if by_hold[Hold.HAS]:
        lines.append(PageLine("", _ORDINARY, Tone.MUTED))
    unknown = by_hold.pop(Hold.UNKNOWN)
    for hold, rows in by_hold.items():
        lines += [
            _capability(
                row,
                hold.value if at == 0 else "",
                page.own_user_namespace,
            )
            for at, row in enumerate(rows)
        ]
    if unknown:
        names = ", ".join(_short(row) for row in unknown)
        lines.append(PageLine(Hold.UNKNOWN.value, f"{names} (not declared)"))
    return PageSection("Capabilities", tuple(lines))


_ORDINARY = "Declared, in effect and in the bounding set, unless a line says otherwise."


class Hold(StrEnum):
    """How a container holds a capability; the word stands before the first of each kind."""

    HAS = "has"
    CAN_GET = "can get"
    DECLARED = "declared"
    UNKNOWN = "may have"


def _hold(row: CapabilityRow) -> Hold:
    if row.effective:
        return Hold.HAS
    if row.declared and (row.effective is None or not row.within_reach):
        return Hold.DECLARED
    return Hold.CAN_GET if row.within_reach else Hold.UNKNOWN


def _capability(
    row: CapabilityRow,
    label: str,
    own_user_namespace: bool,
) -> PageLine:
    danger = f" It {row.danger.value}." if row.danger and not own_user_namespace else ""
    bad = row.danger is CapabilityReach.TAKEOVER and row.within_reach and not own_user_namespace
    unlike = ", ".join(_unlike_its_kind(row))
    text = f"{_short(row)}: {row.meaning.rstrip('.')}.{danger}"
    return PageLine(
        label, f"{text} ({unlike})" if unlike else text, Tone.BAD if bad else Tone.PLAIN
    )


def _short(row: CapabilityRow) -> str:
    return row.name.removeprefix("CAP_")


def _unlike_its_kind(row: CapabilityRow) -> Iterator[str]:
    """Where the kernel's sets differ from what was declared, and from each other: mostly nowhere."""
    if not row.declared:
        yield "not declared"
    if row.effective and not row.bounding:
        yield "not in the bounding set"
    if row.effective is False:
        yield "not in effect"
        if row.bounding:
            yield "in the bounding set"
    if row.used is not None:
        yield "used" if row.used else "not used"


def _seccomp(page: SeccompPage) -> PageSection:
    unfiltered = page.kind is FilterKind.NONE
    unknown = page.kind is FilterKind.UNKNOWN
    tone = Tone.BAD if unfiltered else Tone.MUTED if unknown else Tone.PLAIN
    lines = [PageLine("", sentence, tone) for sentence in seccomp_summary(page)]
    if page.kind is FilterKind.PROFILE:
        lines += [
            PageLine(
                "dangerous",
                f"it {group.gives}: {', '.join(group.calls)}",
                Tone.BAD,
            )
            for group in page.dangerous
        ]
        if not page.dangerous:
            lines.append(
                PageLine(
                    "dangerous",
                    "allows no dangerous call that Podman's own profile refuses",
                    Tone.GOOD,
                )
            )
        if page.by_capability:
            lines.append(
                PageLine(
                    "by its caps",
                    f"allowed by capabilities: {', '.join(page.by_capability)}",
                )
            )
        lines += [
            PageLine(
                "sockets",
                f"{family.family}: {' and '.join(family.ways) or 'closed'}",
            )
            for family in page.families
        ]
        lines.append(PageLine("user ns", ", ".join(page.user_namespaces) or "closed"))
        if page.against is not None:
            against = page.against
            if against.looser:
                lines.append(PageLine("looser", " ".join(against.looser), Tone.BAD))
            if against.stricter:
                lines.append(
                    PageLine(
                        "stricter",
                        " ".join(against.stricter),
                        Tone.GOOD,
                    )
                )
    return PageSection("System calls (seccomp)", tuple(lines))


def _module(page: LsmPage) -> PageSection:
    tone = {
        Confinement.CONFINED: Tone.GOOD,
        Confinement.UNKNOWN: Tone.MUTED,
    }.get(page.state, Tone.BAD)
    lines = [
        PageLine(
            page.module or "module",
            f"{page.state.value}: {page.why}",
            tone,
        )
    ]
    if page.label:
        lines.append(PageLine("label", page.label))
    if page.asked:
        lines.append(PageLine("requested", page.asked))
    if page.own_policy:
        lines.append(PageLine("policy", "it has a dedicated one", Tone.GOOD))
    lines += [
        PageLine("dedicated" if at == 0 else "", command)
        for at, command in enumerate(page.commands)
    ]
    if page.profile is not None:
        lines += [PageLine("note", note, Tone.MUTED) for note in page.profile.notes]
    return PageSection("Security module", tuple(lines))
