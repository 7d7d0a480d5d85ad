"""The capabilities of a container, each with what it allows and in which of the kernel's sets it is. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from hardentui.model.capabilities import ALL_CAPABILITIES
from hardentui.model.facts import CapabilitySets, ContainerFacts, NotRunning
from hardentui.model.known import Unreadable
from hardentui.reading.capabilities import (
    DISRUPTIVE,
    HOST_TAKEOVER,
    declared_set,
    declared_words,
    live_sets,
    needed_by_image,
)
from hardentui.reading.capability_words import meaning
from hardentui.reading.containers import ask
from hardentui.reading.user_namespace import own_user_namespace

if TYPE_CHECKING:
    from hardentui.workbench.learned import LearnedFrom


class CapabilityReach(StrEnum):
    """How far a capability reaches for root of the host; none of it in a user namespace of its own."""

    TAKEOVER = "leads to the host"
    DISRUPTIVE = "disturbs the host"
    ORDINARY = ""


class CapabilityRow(Struct, frozen=True):
    """One capability; None = not known.

    Attributes:
        default: the engine grants it when nothing is said.
        declared: the options of the container ask for it.
        effective: its main process has it now.
        reachable: it is permitted, inheritable or ambient, so that the process can take it up.
        bounding: a set-user-id program or a new process of root can get it.
        used: it was used while a trial watched.
    """

    name: str
    meaning: str
    danger: CapabilityReach
    default: bool
    declared: bool
    effective: bool | None
    reachable: bool | None
    bounding: bool | None
    used: bool | None

    @property
    def held(self) -> bool:
        """It is in some set, or may be."""
        return self.declared or any(
            word is not False for word in (self.effective, self.reachable, self.bounding)
        )

    @property
    def within_reach(self) -> bool:
        """The process has it or can get it: as the kernel says, else as declared."""
        live = (self.effective, self.reachable, self.bounding)
        return self.declared if None in live else any(live)

    @property
    def unneeded(self) -> bool:
        """It is within reach and no trial saw it used."""
        return self.used is False and self.within_reach


class CapabilityPage(Struct, frozen=True):
    """All capabilities of one container.

    Attributes:
        asked: the options that decide, in a few words.
        unknown: why the kernel's sets are not known; empty when they are.
        no_new_privileges: set-user-id programs give nothing; None = not known.
        own_user_namespace: capabilities reach only what belongs to its user namespace.
        by_image: what its image says it needs.
        learned: the file of the trial that tells what was used; empty when none does.
        not_learned: why that trial does not tell.
    """

    container: str
    engine: str
    running: bool
    asked: str
    rows: tuple[CapabilityRow, ...]
    unknown: str = ""
    no_new_privileges: bool | None = None
    own_user_namespace: bool = False
    by_image: tuple[str, ...] = ()
    learned: str = ""
    not_learned: str = ""

    @property
    def held(self) -> tuple[CapabilityRow, ...]:
        return tuple(row for row in self.rows if row.held)


def capability_page(facts: ContainerFacts, learned: LearnedFrom | None = None) -> CapabilityPage:
    """The page of a container.

    Args:
        learned: what a trial saw; None = nobody watched, so nothing is known of use.
    """
    sets = live_sets(facts)
    live = sets if isinstance(sets, CapabilitySets) else None
    declared = declared_set(facts)
    defaults = facts.engine.default_capabilities
    names = ALL_CAPABILITIES | declared | defaults | (live.bounding | live.permitted if live else frozenset())
    used = None if learned is None else learned.capabilities
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
                    None if live is None else name in live.permitted | live.inheritable | live.ambient
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
        learned="" if learned is None else learned.source,
        not_learned="" if learned is None else learned.why,
    )


def _unknown(sets: CapabilitySets | Unreadable | NotRunning) -> str:
    if isinstance(sets, NotRunning):
        return f"it does not run ({sets.state}), so only what is declared is known"
    return sets.reason if isinstance(sets, Unreadable) else ""


def _danger(name: str) -> CapabilityReach:
    if name in HOST_TAKEOVER:
        return CapabilityReach.TAKEOVER
    return CapabilityReach.DISRUPTIVE if name in DISRUPTIVE else CapabilityReach.ORDINARY


def _order(name: str) -> tuple[int, str]:
    return tuple(CapabilityReach).index(_danger(name)), name


def summary(page: CapabilityPage) -> tuple[str, ...]:
    """What to make of it, in plain sentences."""
    held = [row for row in page.rows if row.within_reach]
    lines = []
    if not held:
        return ("It has no capability and can get none.",)
    worst = [row.name.removeprefix("CAP_") for row in held if row.danger is CapabilityReach.TAKEOVER]
    if worst and not page.own_user_namespace:
        lines.append(f"{', '.join(worst)}: each of them alone leads to the host.")
    if page.own_user_namespace:
        lines.append("They reach only what belongs to its own user namespace, not what belongs to the host.")
    if page.no_new_privileges is True:
        lines.append(
            "No new privileges: what is only in the bounding set cannot be had from set-user-id programs."
        )
    if page.not_learned:
        lines.append(f"The trial does not tell what was used: {page.not_learned}.")
    idle = [row.name.removeprefix("CAP_") for row in held if row.unneeded]
    if idle:
        lines.append(f"Never used while the trial watched: {', '.join(idle)}.")
    return tuple(lines)
