"""The record of a trial, which the command line writes, `apply` reads and a screen shows."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

from hardentui.lib.observer.records import CallLog
from hardentui.model.check import ParameterValue
from hardentui.model.facts import SocketEndpoint
from hardentui.model.known import NOT_READ, Known
from hardentui.model.plan import Choice


class Sampled(Struct, frozen=True):
    """Repeated samples of /proc and the cgroup tree."""

    listening: Known[tuple[SocketEndpoint, ...]] = NOT_READ
    # memory_peak, pids_peak: bytes and tasks
    memory_peak: Known[int] = NOT_READ
    pids_peak: Known[int] = NOT_READ


class CapabilityCheck(Struct, frozen=True):
    """How often the kernel checked a capability, and how often it was granted."""

    name: str
    granted: int
    refused: int


class Observation(Struct, frozen=True):
    """All observations of one run; what could not be observed has the reason."""

    calls: Known[CallLog] = NOT_READ
    sampled: Known[Sampled] = NOT_READ
    # the kernel's own capability checks (tracefs, root only)
    capability_checks: Known[tuple[CapabilityCheck, ...]] = NOT_READ
    # paths of the root filesystem that differ from the image
    written: Known[tuple[str, ...]] = NOT_READ


SCHEMA = "hardentui/trial/1"


class Result(StrEnum):
    WORKS = "works"
    NOTHING_WORKS = "nothing-works"
    BASELINE_FAILS = "baseline-fails"
    NO_ROOM = "no-room"  # nothing was tried: the host has not enough left for the twins
    ORIGINAL_SUFFERS = "original-suffers"  # it was ended, because the original needs the host

    @property
    def judged(self) -> bool:
        """Whether changes were tried."""
        return self in (Result.WORKS, Result.NOTHING_WORKS)


class Resource(StrEnum):
    """Something finite that twins share with their original; memory and disk are in bytes."""

    MEMORY = "memory"
    DISK = "disk"
    FILES = "files"  # that a file system can hold
    PROCESSES = "processes"  # and threads
    HANDLES = "file-handles"


class BudgetLine(Struct, frozen=True):
    """What the twins of a trial need of one resource, and what is free of it before the first."""

    resource: Resource
    needed: int
    free: int
    reserve: int  # the part of what is free that no twin may take
    where: str  # `on this host`, `in the cgroup /machine.slice`, `in /var/lib/containers/storage`
    limited: bool = False  # the kernel keeps all twins together within what they may take

    @property
    def room(self) -> int:
        """What the twins may take."""
        return max(0, self.free - self.reserve)

    @property
    def fits(self) -> bool:
        return self.needed <= self.room


class How(StrEnum):
    """The evidence for readiness, best first."""

    HEALTH = "health"
    PORTS = "ports"
    ALIVE = "alive"


class Lack(Struct, frozen=True):
    """Something of the original that its twin does not get."""

    what: str
    # the option of the command line that gives it for one trial; empty if none does
    given_by: str = ""

    def __str__(self) -> str:
        return f"{self.what} (given by {self.given_by})" if self.given_by else self.what


class Baseline(Struct, frozen=True):
    """The twin without any change."""

    ready: bool
    how: How
    seconds: float  # time from the start until it was ready, or until the timeout
    why: str = ""  # what it lacks; empty if it was ready
    advice: str = ""  # how to provide what it lacks
    stop_seconds: float = 0.0
    log: str = ""


class Round(Struct, frozen=True):
    """One twin with changes."""

    changes: tuple[str, ...]  # IDs of the checks whose fixes were applied
    ready: bool
    why: str = ""  # how it failed; empty if it was ready
    purpose: str = ""
    seconds: float = 0.0
    log: str = ""


class Kept(Struct, frozen=True):
    """A change that works. Values are in command line notation, secrets masked; None = absent."""

    check: str
    option: str
    before: str | None
    after: str | None


class Relaxed(Struct, frozen=True):
    """A change that works in a looser form: the wanted value, the actual one, and why."""

    check: str
    option: str
    wanted: str | None
    given: str | None
    evidence: str


class LeftOut(Struct, frozen=True):
    check: str
    reason: str
    evidence: str = ""


class NotTried(Struct, frozen=True):
    """A change that is kept although a twin cannot test it."""

    check: str
    reason: str


class Proof(Struct, frozen=True):
    """The result of a check on the hardened twin: `effective` is what the kernel enforces."""

    check: str
    status: str
    effective: str


class CanNeed(Struct, frozen=True):
    """Kept although it was not seen, because a program of the container can ask for it."""

    program: str
    # those that the program imports or names; a capability without any is kept because it is not
    # known what the program asks for
    functions: tuple[str, ...] = ()
    capability: str = ""
    syscalls: tuple[str, ...] = ()
    place: str = ""  # where files of another account are, if that is why


class Learned(Struct, frozen=True):
    """The observed needs of the service."""

    capabilities: tuple[str, ...] = ()  # the capabilities that it used, each with `evidence`
    # number of system calls that the profile allows, of `syscalls_before` in its base profile
    syscalls: int = 0
    profile: str = ""  # file name of the profile; empty if there is none
    writable: tuple[str, ...] = ()  # directories of the root filesystem that it writes to
    # listening, outgoing: `tcp 0.0.0.0:80`; outgoing connections without loopback
    listening: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()
    # what shows that it asks others, or may, a sentence each; empty: it only serves; None: not known
    client: tuple[str, ...] | None = None
    # memory_peak, pids_peak: bytes and tasks; 0 if unknown
    memory_peak: int = 0
    pids_peak: int = 0
    syscalls_before: int = 0
    seccomp: dict[str, Any] | None = None
    seen: tuple[str, ...] = ()
    evidence: dict[str, tuple[str, ...]] = {}  # name of a capability -> the calls that used it
    runs: int = 1  # number of observed runs, including those of earlier trials
    can_need: tuple[CanNeed, ...] = ()  # what is kept although it was not seen
    unread: dict[str, str] = {}  # program -> why what it can ask for is not known
    # capabilities that were given explicitly and not seen in use; they stay
    given_unseen: tuple[str, ...] = ()
    # its programs with set-id bits or file capabilities; no-new-privileges takes their effect
    set_id: tuple[str, ...] = ()
    unknown: dict[str, str] = {}


class OptionChange(Struct, frozen=True):
    """One option of a saved plan or a working configuration: arguments of its flag, secrets masked."""

    option: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()  # the fixes that change it


class Decision(Struct, frozen=True):
    """A change that is left to a person, and why: a twin showed it, or the value was set on purpose.
    No twin shows what others notice."""

    check: str
    options: tuple[OptionChange, ...]
    why: str = ""


class NotExercised(Struct, frozen=True):
    """A part of the service's life that the trial did not show: `reload`, `login`; and why."""

    what: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.what} ({self.why})" if self.why else self.what


class ChosenFix(Struct, frozen=True):
    """A fix in a file: of a working configuration, or of a saved plan."""

    check: str
    parameters: dict[str, ParameterValue] = {}  # the values that it is carried out with

    @property
    def choice(self) -> Choice:
        return Choice(self.check, tuple(self.parameters.items()))


class EntryComparison(Struct, frozen=True):
    """The entry of its known application, and where a twin did otherwise. What the twin did wins."""

    application: str
    said_by: str
    differences: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        if not self.differences:
            return f"The twin did what is {self.said_by}."
        told = "; ".join(self.differences)
        return (
            f"The twin did otherwise than {self.said_by}: {told}. What it showed was taken; "
            "please report it."
        )


class Trial(Struct, frozen=True, kw_only=True):
    """A trial's record; as JSON it is `trial.json`."""

    schema: Annotated[str, Meta(extra_json_schema={"const": SCHEMA})] = SCHEMA
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
    # all differences between the container and the working configuration
    options: tuple[OptionChange, ...] = ()
    fixes: tuple[ChosenFix, ...] = ()
    decide: tuple[Decision, ...] = ()  # fixes that are in no trial unless they are named
    # what the watched twins did, in words such as `reload` or `restart`
    exercised: tuple[str, ...] = ()
    not_exercised: tuple[NotExercised, ...] = ()
    sure: str = ""  # how much this proves, one sentence
    lacks: tuple[Lack, ...] = ()  # what the twins did not have of the original
    probes: tuple[str, ...] = ()
    # a probe that would prove more; empty if probes were given or none is known
    proposed_probe: str = ""
    image: str = ""
    engine_version: str = ""
    seconds: float = 0.0
    ended: str = ""  # why it ended before its end, one sentence; empty if it did not
    budget: tuple[BudgetLine, ...] = ()  # what the twins needed, and what was free
    hooks: tuple[str, ...] = ()  # programs that the engine runs for each twin too, on the host
    # what the twins did beside the entry of its known application; None without an entry
    application: EntryComparison | None = None


class TrialStep(StrEnum):
    CLEANING = "cleaning"
    PREPARING = "preparing"
    BASELINE = "baseline"
    LEARNING = "learning"
    ROUND = "round"
    RESTART = "restart"
    PROOF = "proof"
    DONE = "done"


class TrialEvent(Struct, frozen=True):
    step: TrialStep
    text: str  # a sentence for a screen, not yet escaped
    seconds: float = 0.0
    changes: tuple[str, ...] = ()  # the checks whose fixes are applied to the twin
    round: Round | None = None
    loosened: str = ""
    left_out: LeftOut | None = None

    @property
    def decides(self) -> bool:
        """Whether a change was loosened or dropped."""
        return bool(self.loosened) or self.left_out is not None


OnTrialEvent: TypeAlias = Callable[[TrialEvent], None]
"""The receiver of the events of a running trial."""
