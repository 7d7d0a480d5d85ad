"""What the kernel lets a container do: capabilities, seccomp, security module, as a page to read."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from hardentui.features.looking.default_profile import default_profile
from hardentui.features.rights.seccomp import FilterKind, SeccompPage, seccomp_page
from hardentui.features.rights.seccomp import summary as seccomp_summary
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.trial.learned.needs import Needs
from hardentui.features.trial.tried import kept_needs
from hardentui.model.draft import TextFile, safe_file_name
from hardentui.model.facts import (
    ALL_CAPABILITIES,
    CapabilitySets,
    ContainerFacts,
    Kernel,
    NotRunning,
)
from hardentui.model.known import Known, Unread, known
from hardentui.options import APPARMOR, LABEL_TYPE
from hardentui.reading.capabilities import (
    DISRUPTIVE,
    HOST_TAKEOVER,
    declared_set,
    declared_words,
    live_sets,
    meaning,
    needed_by_image,
)
from hardentui.reading.confinement import (
    APPARMOR_LSM,
    SELINUX,
    UNCONFINED_TYPES,
    lsm,
    selinux_switched_off,
    selinux_type,
)
from hardentui.reading.containers import ask
from hardentui.reading.mounts import own_user_namespace
from hardentui.visible import command_word
from hardentui.words import own_command, plural
from hardentui.writers.profiles import AppArmorProfile, apparmor_profile

if TYPE_CHECKING:
    from hardentui.host.files import Files


# Which security module confines a container, with which label, and a dedicated policy for it.


class Confinement(StrEnum):
    """How a container is confined."""

    CONFINED = "confined"
    COMPLAINING = "only logged"
    UNCONFINED = "unconfined"
    NONE = "no security module"
    UNKNOWN = "unknown"


class LsmPage(Struct, frozen=True):
    """The security module's hold on one container."""

    container: str
    engine: str
    running: bool
    module: str  # `selinux`, `apparmor`, `none`; empty when it is not known
    state: Confinement
    # of the main process, as reported by the kernel; empty if it is not running or has none
    label: str = ""
    asked: str = ""
    why: str = ""
    own_policy: bool = False
    # how to create and use a dedicated policy; none without a module
    commands: tuple[str, ...] = ()
    # an AppArmor profile from what it declares; None if AppArmor does not confine it
    profile: AppArmorProfile | None = None


def lsm_page(facts: ContainerFacts) -> LsmPage:
    """The page of a container."""
    module = lsm(facts)
    if isinstance(module, Unread):
        return _page(
            facts,
            "",
            Confinement.UNKNOWN,
            module.reason,
        )
    if module == SELINUX:
        return _selinux(facts)
    if module == APPARMOR_LSM:
        return _apparmor(facts)
    return _page(
        facts,
        "none",
        Confinement.NONE,
        "this kernel has neither SELinux nor AppArmor, so only capabilities and seccomp confine it",
    )


def _page(
    facts: ContainerFacts,
    module: str,
    state: Confinement,
    why: str,
    **more: object,
) -> LsmPage:
    return LsmPage(
        facts.name,
        facts.engine.label,
        not isinstance(facts.kernel, NotRunning),
        module,
        state,
        why=why,
        **more,  # type: ignore[arg-type]
    )


def _label(facts: ContainerFacts) -> Known[str]:
    kernel = facts.kernel
    return known(lambda: kernel.lsm_label) if isinstance(kernel, Kernel) else ""


def _selinux(facts: ContainerFacts) -> LsmPage:
    label = _label(facts)
    off = selinux_switched_off(facts.spec)
    asked = off or f"type {facts.spec[LABEL_TYPE] or 'container_t'}"
    commands = _udica(facts)
    if isinstance(label, Unread):
        return _page(
            facts, SELINUX, Confinement.UNKNOWN, label.reason, asked=asked, commands=commands
        )
    kind = selinux_type(label)
    unconfined = kind in UNCONFINED_TYPES if kind else bool(off)
    mode = known(lambda: facts.host.security_modules.selinux, else_="")
    if unconfined:
        state, why = Confinement.UNCONFINED, "SELinux does not restrict it"
    elif mode == "permissive":
        state, why = Confinement.COMPLAINING, "SELinux is permissive: denials are only logged"
    else:
        state, why = Confinement.CONFINED, f"it runs as {kind or asked}"
    own = (
        bool(kind)
        and kind not in ("container_t", "container_init_t", "container_kvm_t")
        and not unconfined
    )
    return _page(
        facts,
        SELINUX,
        state,
        why,
        label=label,
        asked=asked,
        own_policy=own,
        commands=() if own else commands,
    )


def _udica(facts: ContainerFacts) -> tuple[str, ...]:
    """udica writes a policy from the output of inspect: mounts, ports, capabilities."""
    name = command_word(facts.name, "NAME")
    policy = safe_file_name(facts.name).replace(".", "_").replace("-", "_") + "_policy"
    return (
        "sudo dnf install udica",
        f"podman inspect {name} > {policy}.json",
        f"sudo udica -j {policy}.json {policy}",
        f"sudo semodule -i {policy}.cil /usr/share/udica/templates/base_container.cil",
        f"podman run --security-opt label=type:{policy}.process …   (as udica prints it)",
    )


def _apparmor(facts: ContainerFacts) -> LsmPage:
    if facts.engine.rootless is True:
        why = "Podman applies no AppArmor profile to rootless containers"
        return _page(
            facts,
            APPARMOR_LSM,
            Confinement.UNCONFINED,
            why,
        )
    label = _label(facts)
    asked = facts.spec[APPARMOR] or "the engine's profile"
    profile = _profile(facts)
    commands = (
        own_command(
            facts.engine.found_with,
            "fix",
            command_word(facts.name, "NAME"),
            *("--as-is", "--to", "apparmor", "-o", "."),
        ),
        f"sudo install -m 0644 {profile.name} /etc/apparmor.d/",
        f"sudo apparmor_parser -r -W /etc/apparmor.d/{profile.name}",
        f"podman run --security-opt apparmor={profile.name} …",
    )
    more: dict[str, object] = {"asked": asked, "commands": commands, "profile": profile}
    if isinstance(label, Unread):
        return _page(
            facts,
            APPARMOR_LSM,
            Confinement.UNKNOWN,
            label.reason,
            **more,
        )
    name = label.partition(" ")[0]
    own = bool(name) and name != "unconfined" and not name.startswith("containers-default")
    if own:
        more |= {"commands": ()}
    running = facts.running
    if running and name in ("", "unconfined"):
        state, why = Confinement.UNCONFINED, "it runs under no profile"
    elif label.endswith("(complain)"):
        state, why = Confinement.COMPLAINING, "its profile is in complain mode"
    elif label.endswith("(unconfined)"):
        state, why = Confinement.UNCONFINED, "its profile is unconfined"
    elif running:
        state, why = Confinement.CONFINED, f"it runs under {name}"
    else:
        state, why = Confinement.UNKNOWN, "it is not running, so its profile is unknown"
    return _page(
        facts,
        APPARMOR_LSM,
        state,
        why,
        label=label,
        own_policy=own,
        **more,
    )


def _profile(facts: ContainerFacts) -> AppArmorProfile:
    """For what the container declares, narrowed to what it really has."""
    sets = live_sets(facts)
    held = sets.bounding if isinstance(sets, CapabilitySets) else declared_set(facts)
    return apparmor_profile(facts.name, facts.spec, held)


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
    lines += [PageLine("", sentence) for sentence in _capability_words(page)]
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


# The capabilities of a container: what each allows, and which of the kernel's sets contain it.
# Pure.


class CapabilityReach(StrEnum):
    """The reach of a capability for root on the host; no reach in a separate user namespace."""

    TAKEOVER = "leads to the host"
    DISRUPTIVE = "disturbs the host"
    ORDINARY = ""


class CapabilityRow(Struct, frozen=True):
    """One capability; None = unknown."""

    name: str
    meaning: str
    danger: CapabilityReach
    default: bool
    declared: bool
    effective: bool | None  # its main process has it now
    reachable: bool | None  # it is permitted, inheritable or ambient, so the process can raise it
    bounding: bool | None  # a setuid program or a new root process can gain it
    used: bool | None

    @property
    def held(self) -> bool:
        """It is in some set, or may be."""
        return self.declared or any(
            word is not False for word in (self.effective, self.reachable, self.bounding)
        )

    @property
    def within_reach(self) -> bool:
        """The process has it or can gain it: according to the kernel, else as declared."""
        live = (self.effective, self.reachable, self.bounding)
        return self.declared if None in live else any(live)

    @property
    def unneeded(self) -> bool:
        """It is within reach, and no trial saw it used."""
        return self.used is False and self.within_reach


class CapabilityPage(Struct, frozen=True):
    """All capabilities of one container."""

    container: str
    engine: str
    running: bool
    asked: str
    rows: tuple[CapabilityRow, ...]
    unknown: str = ""  # why the kernel's sets are unknown; empty if they are known
    no_new_privileges: bool | None = None  # setuid programs gain nothing; None = unknown
    own_user_namespace: bool = False  # capabilities affect only what belongs to its user namespace
    by_image: tuple[str, ...] = ()
    learned: str = ""  # the file of the trial that shows what was used; empty if there is none
    not_learned: str = ""

    @property
    def held(self) -> tuple[CapabilityRow, ...]:
        return tuple(row for row in self.rows if row.held)


def capability_page(
    facts: ContainerFacts,
    needs: Needs | None = None,
) -> CapabilityPage:
    """The page of a container.

    Args:
        needs: what trials saw; None = no trial, so the use is unknown.
    """
    sets = live_sets(facts)
    live = sets if isinstance(sets, CapabilitySets) else None
    declared = declared_set(facts)
    defaults = facts.engine.default_capabilities
    names = (
        ALL_CAPABILITIES
        | declared
        | defaults
        | (live.bounding | live.permitted if live else frozenset())
    )
    used = None if needs is None or needs.capabilities is None else needs.capability_names
    flag = ask(facts, lambda kernel: kernel.no_new_privileges)
    return CapabilityPage(
        container=facts.name,
        engine=facts.engine.label,
        running=not isinstance(facts.kernel, NotRunning),
        asked=declared_words(facts),
        rows=tuple(
            CapabilityRow(
                name=name,
                meaning=meaning(name),
                danger=_danger(name),
                default=name in defaults,
                declared=name in declared,
                effective=None if live is None else name in live.effective,
                reachable=(
                    None
                    if live is None
                    else name in live.permitted | live.inheritable | live.ambient
                ),
                bounding=None if live is None else name in live.bounding,
                used=None if used is None else name in used,
            )
            for name in sorted(names, key=_order)
        ),
        unknown=_unknown(sets),
        no_new_privileges=flag if isinstance(flag, bool) else None,
        own_user_namespace=own_user_namespace(facts),
        by_image=tuple(sorted(needed_by_image(facts))),
        learned="" if needs is None else plural(needs.runs, "earlier trial"),
        not_learned=""
        if needs is None or used is not None
        else needs.unknown.get("capabilities", ""),
    )


def _unknown(sets: CapabilitySets | Unread | NotRunning) -> str:
    if isinstance(sets, NotRunning):
        return f"it is not running ({sets.state}), so only the declared capabilities are known"
    return sets.reason if isinstance(sets, Unread) else ""


def _danger(name: str) -> CapabilityReach:
    if name in HOST_TAKEOVER:
        return CapabilityReach.TAKEOVER
    return CapabilityReach.DISRUPTIVE if name in DISRUPTIVE else CapabilityReach.ORDINARY


def _order(name: str) -> tuple[int, str]:
    return tuple(CapabilityReach).index(_danger(name)), name


def _capability_words(page: CapabilityPage) -> tuple[str, ...]:
    """Conclusions, as sentences."""
    held = [row for row in page.rows if row.within_reach]
    lines = []
    if not held:
        return ("It has no capability and can gain none.",)
    worst = [
        row.name.removeprefix("CAP_") for row in held if row.danger is CapabilityReach.TAKEOVER
    ]
    if worst and not page.own_user_namespace:
        lines.append(f"{', '.join(worst)}: each one alone leads to the host.")
    if page.own_user_namespace:
        lines.append("They affect only what belongs to its own user namespace, not the host.")
    if page.no_new_privileges is True:
        lines.append(
            "No new privileges: setuid programs cannot gain what is only in the bounding set."
        )
    if page.not_learned:
        lines.append(f"The trial does not show what was used: {page.not_learned}.")
    idle = [row.name.removeprefix("CAP_") for row in held if row.unneeded]
    if idle:
        lines.append(f"Never used during the trial: {', '.join(idle)}.")
    return tuple(lines)
