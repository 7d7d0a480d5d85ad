"""One round: a twin with a configuration, judged; and the evidence when it failed."""

from __future__ import annotations

import math
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import ChangeFailed, EngineError
from hardentui.model.trial import How, OnTrialEvent, Round, TrialEvent, TrialStep
from hardentui.readiness.expectation import SETTLED, Expectation, has_health_check
from hardentui.readiness.wait import Readiness
from hardentui.trial.configuration import TMPFS_SIZE, CapabilityBack, Raised, TrialConfiguration, TwinPlanner
from hardentui.trial.evidence.calls import CallTrace
from hardentui.trial.evidence.refusals import FailureSign, RefusedCall, of_call, of_log
from hardentui.trial.stage import Stage
from hardentui.trial.twins import Twin

LOG_SHOWN = 4000
_AT_ONCE = 0.5  # seconds: a stop that uses up all its time was not clean
_LEAST_STOP = 3.0  # seconds that every twin may take to stop
_TIMES_AS_LONG = 4
_MOST_STOP = 60


class Stopped(Struct, frozen=True):
    """How a twin stopped; `killed`: it did not stop in time and had to be killed."""

    seconds: float
    killed: bool


class Tried(Struct, frozen=True):
    """How a round ended."""

    configuration: TrialConfiguration
    ready: bool
    why: str = ""
    evidence: tuple[FailureSign, ...] = ()
    log: str = ""


class Rounds:
    """Runs rounds and keeps their records.

    Args:
        expected: how the unchanged twin was judged.
        stop_seconds: how long the unchanged twin took to stop; None if it had to be killed.
    """

    def __init__(
        self,
        stage: Stage,
        planner: TwinPlanner,
        expected: Expectation,
        on_event: OnTrialEvent,
        *,
        stop_seconds: float | None,
    ) -> None:
        self.stage = stage
        self.planner = planner
        self.expected = expected
        self.records: list[Round] = []
        self._on_event = on_event
        self._stop_seconds = stop_seconds

    @property
    def judges_work(self) -> bool:
        """Whether a probe or health check shows that it answers, not only that it exists."""
        expected = self.expected
        return bool(expected.probes) or expected.how is How.HEALTH or expected.ends_well

    def run(self, configuration: TrialConfiguration, purpose: str, *, trace: bool = False) -> Tried:
        """One round.

        Args:
            trace: watch its system calls too; slower.
        """
        self._on_event(TrialEvent(TrialStep.ROUND, purpose, changes=configuration.checks))
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
        self._on_event(
            TrialEvent(TrialStep.ROUND, tried.why or "it works", seconds, configuration.checks, record)
        )
        return tried

    def _on_a_twin(self, configuration: TrialConfiguration, trace: bool) -> Tried:
        with self.stage.twin(self.planner.spec(configuration)) as twin:
            refused: tuple[RefusedCall, ...] = ()
            if trace and CallTrace.possible() and self.stage.files is not None:
                with CallTrace(twin.init()) as calls:
                    why, stopped = self._life(twin)
                    calls.end()
                    refused = calls.refused()
            else:
                why, stopped = self._life(twin)
            log = twin.log()
            evidence = [sign for call in refused for sign in of_call(call, TMPFS_SIZE)]
            evidence += of_log(log, TMPFS_SIZE)
            evidence += of_state(twin)
            if not stopped:
                evidence += of_stop(configuration, self.planner)
            return Tried(configuration, not why, why, tuple(dict.fromkeys(evidence)), log)

    def _life(self, twin: Twin) -> tuple[str, bool]:
        """Start it, judge it, stop it: why it failed, and whether it stopped properly."""
        outcome = self.start(twin)
        if not outcome.ready or outcome.exit_code is not None or self._stop_seconds is None:
            return outcome.why, True
        limit = min(stop_timeout(self.stage), math.ceil(_LEAST_STOP + _TIMES_AS_LONG * self._stop_seconds))
        stopped = stop(self.stage, twin, limit)
        if not stopped.killed:
            return "", True
        return f"it does not stop within {limit} s any more (before: {self._stop_seconds:.1f} s)", False

    def start(self, twin: Twin) -> Readiness:
        """Start a twin and wait until it is ready."""
        twin.start()
        expected = self.expected
        if expected.how is not How.HEALTH and has_health_check(twin.document()):
            expected = replace(expected, how=How.HEALTH, settle=SETTLED)  # one that the plan adds
        return self.stage.wait(twin, expected)


def stop_timeout(stage: Stage) -> int:
    """How long Podman lets the original take to stop."""
    given = (stage.facts.inspect.get("Config") or {}).get("StopTimeout")
    return min(10 if given is None else int(given), _MOST_STOP)


def stop(stage: Stage, twin: Twin, timeout: int) -> Stopped:
    """Stop a twin, and kill it after `timeout` seconds."""
    begun = monotonic()
    stage.changing.containers.stop(twin.id, timeout=timeout)
    seconds = monotonic() - begun
    state = twin.document().get("State") or {}
    killed = int(state.get("ExitCode") or 0) == 137 and seconds > timeout - _AT_ONCE
    return Stopped(seconds, killed)


def of_state(twin: Twin) -> list[FailureSign]:
    """The evidence in Podman's state of it."""
    try:
        state = twin.document().get("State") or {}
    except EngineError:
        return []
    if state.get("OOMKilled"):
        return [FailureSign("the kernel's OOM killer killed it", Raised("memory", 2))]
    if int(state.get("ExitCode") or 0) in (128 + 31, 31):
        return [FailureSign("it ended with SIGSYS: its seccomp profile forbids a system call")]
    return []


def of_stop(configuration: TrialConfiguration, planner: TwinPlanner) -> list[FailureSign]:
    """The evidence in a killed stop: without CAP_KILL root may not stop other users' processes."""
    if "CAP_KILL" not in planner.dropped_capabilities(configuration):
        return []
    return [
        FailureSign("it had to be killed: it may not stop other users' processes", CapabilityBack("CAP_KILL"))
    ]
