"""The capabilities of a container: declared, held and used."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from hardentui.features.trial.learned.needs import Needs
from hardentui.model.facts import (
    ALL_CAPABILITIES,
    CapabilitySets,
    ContainerFacts,
    NotRunning,
)
from hardentui.model.known import Unread
from hardentui.reading.capabilities import (
    DISRUPTIVE,
    HOST_TAKEOVER,
    declared_set,
    declared_words,
    live_sets,
    needed_by_image,
)
from hardentui.reading.capability_meanings import meaning
from hardentui.reading.containers import ask
from hardentui.reading.user_namespaces import own_user_namespace
from hardentui.words import plural


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


def capability_words(page: CapabilityPage) -> tuple[str, ...]:
    """Conclusions, as sentences."""
    held = [row for row in page.rows if row.within_reach]
    lines = []
    if not held:
        return ("It has no capability and can gain none.",)
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
