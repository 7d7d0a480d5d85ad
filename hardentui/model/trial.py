"""What a trial found: the record that the command line writes, `apply` reads and a screen shows."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeAlias

from msgspec import Struct

from hardentui.model.check import ParameterValue

SCHEMA = "hardentui/trial/1"


class Result(StrEnum):
    """How a trial ended."""

    WORKS = "works"
    NOTHING_WORKS = "nothing-works"
    BASELINE_FAILS = "baseline-fails"


class How(StrEnum):
    """What readiness was judged by, the best evidence first."""

    HEALTH = "health"
    PORTS = "ports"
    ALIVE = "alive"


class Baseline(Struct, frozen=True):
    """The twin without any change.

    Attributes:
        seconds: from its start until it was ready, or until it was given up.
        why: what it lacks; empty when it was ready.
        advice: how to give it what it lacks.
        stop_seconds: how long it took to stop.
        log: its last lines.
    """

    ready: bool
    how: How
    seconds: float
    why: str = ""
    advice: str = ""
    stop_seconds: float = 0.0
    log: str = ""


class Round(Struct, frozen=True):
    """One twin with changes.

    Attributes:
        changes: ids of the checks whose fixes were on it.
        why: how it failed; empty when it was ready.
        purpose: what this round was to show.
        log: its last lines.
    """

    changes: tuple[str, ...]
    ready: bool
    why: str = ""
    purpose: str = ""
    seconds: float = 0.0
    log: str = ""


class Kept(Struct, frozen=True):
    """A change that works. Values are those of the command line, secrets masked; None = absent."""

    check: str
    option: str
    before: str | None
    after: str | None


class Relaxed(Struct, frozen=True):
    """A change that works in a looser form: what was wanted, what is given instead, and why."""

    check: str
    option: str
    wanted: str | None
    given: str | None
    evidence: str


class LeftOut(Struct, frozen=True):
    """A change that is not kept."""

    check: str
    reason: str
    evidence: str = ""


class NotTried(Struct, frozen=True):
    """A change that is kept although no twin can show what it does."""

    check: str
    reason: str


class Proof(Struct, frozen=True):
    """What a check says of the hardened twin: `effective` is what the kernel enforces."""

    check: str
    status: str
    effective: str


class Learned(Struct, frozen=True):
    """What was seen to be needed.

    Attributes:
        capabilities: those that it used; each stands in `evidence`.
        syscalls: how many system calls the profile allows, of `syscalls_before` that its base allows.
        profile: the name of its file; empty when there is none.
        seccomp: the profile itself.
        seen: the system calls that were made.
        writable: folders of the root file system that it writes to.
        listening, outgoing: `tcp 0.0.0.0:80`; what goes out without loopback.
        memory_peak, pids_peak: bytes and tasks; 0 when nobody could look.
        evidence: name of a capability -> the calls that took it.
        runs: how many runs were watched, those of earlier trials among them.
        unknown: what could not be seen -> why.
    """

    capabilities: tuple[str, ...] = ()
    syscalls: int = 0
    profile: str = ""
    writable: tuple[str, ...] = ()
    listening: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()
    memory_peak: int = 0
    pids_peak: int = 0
    syscalls_before: int = 0
    seccomp: dict[str, Any] | None = None
    seen: tuple[str, ...] = ()
    evidence: dict[str, tuple[str, ...]] = {}
    runs: int = 1
    unknown: dict[str, str] = {}


class OptionChange(Struct, frozen=True):
    """One option of the configuration that works: arguments of its flag, secrets masked."""

    option: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    checks: tuple[str, ...] = ()


class ChosenFix(Struct, frozen=True):
    """A fix of the configuration that works, with the values of its parameters."""

    check: str
    parameters: dict[str, ParameterValue] = {}


class Trial(Struct, frozen=True, kw_only=True):
    """A trial's record; as JSON it is `trial.json`.

    Attributes:
        options: the whole difference between the container and the configuration that works.
        fixes: the fixes behind it; loosened ones among them.
        sure: how much this proves, one sentence.
        probes: commands that had to succeed.
        proposed_probe: a probe that would prove more; empty when some were given or none is known.
        seconds: of the whole trial.
    """

    schema: str = SCHEMA
    container: str
    result: Result
    baseline: Baseline
    rounds: tuple[Round, ...] = ()
    kept: tuple[Kept, ...] = ()
    relaxed: tuple[Relaxed, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    not_tried: tuple[NotTried, ...] = ()
    proof: tuple[Proof, ...] = ()
    learned: Learned | None = None
    options: tuple[OptionChange, ...] = ()
    fixes: tuple[ChosenFix, ...] = ()
    sure: str = ""
    probes: tuple[str, ...] = ()
    proposed_probe: str = ""
    image: str = ""
    engine_version: str = ""
    seconds: float = 0.0


class TrialStep(StrEnum):
    """What a trial is doing."""

    CLEANING = "cleaning"
    PREPARING = "preparing"
    BASELINE = "baseline"
    LEARNING = "learning"
    ROUND = "round"
    RESTART = "restart"
    PROOF = "proof"
    DONE = "done"


class TrialEvent(Struct, frozen=True):
    """One thing that happened in a running trial, in order.

    Attributes:
        text: a sentence for a screen; not yet safe to show.
        changes: the checks whose fixes are on the twin.
        round: the round that ended with this event.
        loosened: what is given back, in a few words.
        left_out: what is not kept.
    """

    step: TrialStep
    text: str
    seconds: float = 0.0
    changes: tuple[str, ...] = ()
    round: Round | None = None
    loosened: str = ""
    left_out: LeftOut | None = None

    @property
    def decides(self) -> bool:
        """Something was loosened or left out."""
        return bool(self.loosened) or self.left_out is not None


Tell: TypeAlias = Callable[[TrialEvent], None]
"""Whom a running trial tells what happens."""
