"""One round: a twin with a configuration, judged; and what was seen of it when it failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

from msgspec import Struct

from hardentui.errors import ChangeFailed, EngineError
from hardentui.model.trial import How, Round, Step, TrialEvent
from hardentui.readiness.expectation import Expectation, has_health_check
from hardentui.readiness.wait import Outcome
from hardentui.trial.configuration import TMPFS_SIZE, Configuration, Planner, Raised
from hardentui.trial.evidence.calls import CallTrace
from hardentui.trial.evidence.refusals import Evidence, of_call, of_log
from hardentui.trial.stage import Stage, Twin
from hardentui.words import plural

Tell = Callable[[TrialEvent], None]
LOG_SHOWN = 4000
_AT_ONCE = 0.5  # seconds: a stop that takes all of its time but this was no stop


class Stopped(Struct, frozen=True):
    """How a twin stopped; `killed`: it had to be, because it did not end by itself in its time."""

    seconds: float
    killed: bool


class Tried(Struct, frozen=True):
    """How a round ended."""

    configuration: Configuration
    ready: bool
    why: str = ""
    evidence: tuple[Evidence, ...] = ()
    log: str = ""


class Rounds:
    """Runs rounds and keeps their records.

    Args:
        expected: what the twin without changes was judged by.
        stops: the twin without changes ended by itself when it was told to stop.
        ends_well: it is a job, which ends with exit code 0.
    """

    def __init__(
        self,
        stage: Stage,
        planner: Planner,
        expected: Expectation,
        probes: Sequence[str],
        tell: Tell,
        *,
        stops: bool,
        ends_well: bool = False,
    ) -> None:
        self.stage = stage
        self.planner = planner
        self.expected = expected
        self.probes = tuple(probes)
        self.records: list[Round] = []
        self._tell = tell
        self._stops = stops
        self._ends_well = ends_well

    @property
    def judges_work(self) -> bool:
        """Something tells whether it answers, not only that it is there."""
        return bool(self.probes) or self.expected.how is How.HEALTH or self._ends_well

    def run(self, configuration: Configuration, purpose: str, *, trace: bool = False) -> Tried:
        """One round.

        Args:
            trace: watch its system calls too; slower.
        """
        self._tell(TrialEvent(Step.ROUND, purpose, changes=configuration.checks))
        begun = monotonic()
        try:
            tried = self._on_a_twin(configuration, trace)
        except ChangeFailed as error:
            tried = Tried(
                configuration, False, error.title.rstrip("."), tuple(of_log(error.title, TMPFS_SIZE))
            )
        seconds = monotonic() - begun
        record = Round(
            configuration.checks, tried.ready, tried.why, purpose, round(seconds, 2), tried.log[-LOG_SHOWN:]
        )
        self.records.append(record)
        self._tell(TrialEvent(Step.ROUND, tried.why or "it works", seconds, configuration.checks, record))
        return tried

    def _on_a_twin(self, configuration: Configuration, trace: bool) -> Tried:
        with self.stage.twin(self.planner.spec(configuration)) as twin:
            evidence: list[Evidence] = []
            if trace and CallTrace.possible() and self.stage.files is not None:
                with CallTrace(twin.init()) as calls:
                    outcome = self.start(twin)
                    calls.end()
                    for refused in calls.refused():
                        evidence += of_call(refused, TMPFS_SIZE)
            else:
                outcome = self.start(twin)
            log = twin.log()
            evidence += of_log(log, TMPFS_SIZE)
            evidence += of_state(twin)
            why = outcome.why
            if outcome.ready and outcome.exit_code is None and self._stops:
                why = self._unstoppable(twin)
                if why:
                    evidence += of_stop(configuration, self.planner)
            return Tried(configuration, not why, why, tuple(dict.fromkeys(evidence)), log)

    def start(self, twin: Twin) -> Outcome:
        """Start a twin and wait until it is ready."""
        twin.start()
        expected = self.expected
        if expected.how is not How.HEALTH and has_health_check(twin.document()):
            expected = Expectation(How.HEALTH, patience=expected.patience)  # one that the plan adds
        return self.stage.wait(twin, expected, self.probes, ends_well=self._ends_well)

    def _unstoppable(self, twin: Twin) -> str:
        stopped = stop(self.stage, twin)
        return (
            f"it does not stop by itself any more: killed after {stopped.seconds:.0f} s"
            if stopped.killed
            else ""
        )


def stop(stage: Stage, twin: Twin) -> Stopped:
    """Stop a twin as Podman would stop the original."""
    config = stage.facts.inspect.get("Config") or {}
    timeout = min(int(config.get("StopTimeout") or 10), 60)
    begun = monotonic()
    stage.changing.containers.stop(twin.id, timeout=timeout)
    seconds = monotonic() - begun
    state = twin.document().get("State") or {}
    killed = int(state.get("ExitCode") or 0) == 137 and seconds > timeout - _AT_ONCE
    return Stopped(seconds, killed)


def of_state(twin: Twin) -> list[Evidence]:
    """The signs in what Podman tells of it."""
    try:
        state = twin.document().get("State") or {}
    except EngineError:
        return []
    if state.get("OOMKilled"):
        return [Evidence("the kernel killed it for want of memory", Raised("memory", 2))]
    if int(state.get("ExitCode") or 0) in (128 + 31, 31):
        return [Evidence("it ended with SIGSYS: a system call that its seccomp profile forbids")]
    return []


def of_stop(configuration: Configuration, planner: Planner) -> list[Evidence]:
    from hardentui.trial.configuration import CapabilityBack

    dropped = planner.dropped_capabilities(configuration)
    text = f"it cannot end its own processes ({plural(len(dropped), 'capability', 'capabilities')} dropped)"
    return [Evidence(text, CapabilityBack("CAP_KILL"))] if "CAP_KILL" in dropped else []
