"""What the kernel lets a container do: capabilities, seccomp, security module, as a page to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from hardentui.do import Flag, Sentence
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
        *_meanings(rights.capabilities),
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
    for hold, rows in by_hold.items():
        lines += _held_so(hold, rows, page.own_user_namespace)
    if any(_named(row) != _short(row) for row in page.held):
        lines.append(PageLine("", _ORDINARY, Tone.MUTED))
    return PageSection("Capabilities", tuple(lines))


def _held_so(
    hold: Hold,
    rows: Sequence[CapabilityRow],
    own_user_namespace: bool,
) -> Iterator[PageLine]:
    """Their names, by what they reach: the worst first. `_meanings` says what each allows."""
    label = f"{hold.value} {len(rows)}"
    for danger in CapabilityReach:
        names = [_named(row) for row in rows if row.danger is danger]
        if not names:
            continue
        reaches = danger and not own_user_namespace and hold is not Hold.UNKNOWN
        bad = reaches and danger is CapabilityReach.TAKEOVER
        told = f"{danger.value.capitalize()}: " if reaches else ""
        tone = Tone.BAD if bad else Tone.PLAIN
        yield PageLine(label, f"{told}{', '.join(names)}", tone)
        label = ""


def _named(row: CapabilityRow) -> str:
    unlike = ", ".join(_unlike_its_kind(row))
    return f"{_short(row)} ({unlike})" if unlike else _short(row)


def _meanings(page: CapabilityPage) -> Iterator[PageSection]:
    """What each capability allows, at the end: the page is about which there are."""
    lines = [
        PageLine("", f"{_short(row)}: {row.meaning}.")
        for row in page.held
        if _hold(row) is not Hold.UNKNOWN
    ]
    if lines:
        yield PageSection("What each capability allows", tuple(lines))


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


def _short(row: CapabilityRow) -> str:
    return row.name.removeprefix("CAP_")


def _unlike_its_kind(row: CapabilityRow) -> Iterator[str]:
    """Where the kernel's sets differ from what was declared, and from each other: mostly nowhere."""
    if _hold(row) is Hold.UNKNOWN:
        return
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


def _steps(page: LsmPage) -> Iterator[Sentence]:
    """To a policy of its own. A screen has a key for our own command."""
    for command in page.commands:
        ours = command.startswith("hardentui ")
        yield ("write its profile", Flag(command)) if ours else command


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
        PageLine("dedicated" if at == 0 else "", command) for at, command in enumerate(_steps(page))
    ]
    if page.profile is not None:
        lines += [PageLine("note", note, Tone.MUTED) for note in page.profile.notes]
    return PageSection("Security module", tuple(lines))
