"""What hardening starts with: what is wished, and what will be tried."""

from __future__ import annotations

from msgspec import Struct

from hardentui.do import Sentence
from hardentui.features.change.wait import PATIENCE
from hardentui.features.trial.proposing import ProposedProbe
from hardentui.model.facts import ContainerFacts
from hardentui.model.plan import Choice, Plan
from hardentui.options import HEALTH_CMD
from hardentui.reading.containers import known_application
from hardentui.visible import visible

CONFIRM_WITHIN = 120.0
"""Seconds in which a person keeps what was applied; else it rolls back."""


class HardenWishes(Struct, frozen=True, kw_only=True):
    """The inputs."""

    checks: tuple[str, ...] = ()  # the fixes of these alone; empty = all that a trial can judge
    choices: tuple[Choice, ...] = ()  # the same with the values given for them
    # these, and every fix that can be carried out, also what no twin shows
    everything: bool = False
    # commands that prove that the service works; None = the proposed one
    probes: tuple[str, ...] | None = None
    patience: float = PATIENCE  # seconds for the service, and for a twin, to become ready
    confirm_within: float = 0.0  # seconds within which the change must be kept; 0 = no limit
    # seconds in which a learned seccomp profile only logs what it would refuse; None = none; 0 =
    # none, and a soak ends now
    soak: float | None = None
    tight: bool = False  # keep only the capabilities and system calls that were seen in use
    given: tuple[
        Choice, ...
    ] = ()  # decisions taken, and values given, beside what is tried unasked
    directory: str = ""  # where the files will be written; empty = it will be applied
    together: bool = False  # the other members of its pod are hardened too

    @property
    def named(self) -> list[Choice]:
        """The fixes that were asked for; empty = none in particular."""
        return [
            *self.choices,
            *map(Choice, dict.fromkeys(self.checks)),
        ]


class Outset(Struct, frozen=True):
    """What the trial starts with."""

    plan: Plan  # everything that will be tried
    probe: ProposedProbe | None = None  # proposed; it succeeds on the original
    judged: str = ""  # how a twin is judged without a probe
    host_lacks: tuple[str, ...] = ()  # fixes that this host does not allow, with what would help
    together: tuple[str, ...] = ()  # what its pod or compose project means for it, a sentence each
    # it soaks: what that has shown so far; `apply` enforces its profile
    soaked: tuple[Sentence, ...] = ()
    others: tuple[Outset, ...] = ()  # of those that are hardened with it


def planned_health(facts: ContainerFacts, plan: Plan) -> str:
    """The health check that the plan adds, and who says so; empty if it adds none."""
    command: str | None = plan.after[HEALTH_CMD]
    if not command:
        return ""
    application = known_application(facts)
    told = application is not None and command == application.health.command
    said_by = f", {application.said_by}" if application is not None and told else ""
    return f"the health check that the plan adds: {visible(command, 120)}{said_by}"
