"""One round: a twin with a configuration, judged; and the evidence when it failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import ChangeFailed, EngineError
from hardentui.features.change.inspected import has_health_check
from hardentui.features.change.wait import SETTLED, Readiness
from hardentui.features.trial.baseline import LOG_SHOWN, BaselineSeen, stop, stop_limit
from hardentui.features.trial.configuration import (
    CapabilityBack,
    Loosening,
    Raised,
    TrialConfiguration,
    TwinPlanner,
)
from hardentui.features.trial.denied import of_selinux
from hardentui.features.trial.failure_signs import FailureSign, of_calls, of_engine, of_log
from hardentui.features.trial.learned.teaching import DEFAULT_CAPABILITIES, low_ports
from hardentui.features.trial.learning import watching
from hardentui.features.trial.life import RESTART, STOP, live
from hardentui.features.trial.observe.watch import Watch
from hardentui.features.trial.stage import Stage
from hardentui.features.trial.twins import Twin
from hardentui.host.commands import run_program
from hardentui.model.spec import Spec
from hardentui.model.trial import How, NotExercised, Round, TrialStep
from hardentui.options import SECCOMP_PROFILE

_LEAST_WAIT = 2.0  # seconds that every twin may take to be ready
_SLOWER = 1.5  # times as long as the unchanged one


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
        seen: of the unchanged twin: how the others are judged, and how long they may take to stop.

    Attributes:
        thorough: a twin is also led through its life, stopped and started again.
        exercised: what the last twin that worked did.
        missing: what it was not asked for although the unchanged one was.
        answered: the user said which capabilities to keep: a twin that has to be killed is told,
            and works.
        slow_stop: that a twin had to be killed, if that was not counted.
    """

    def __init__(
        self,
        stage: Stage,
        planner: TwinPlanner,
        seen: BaselineSeen,
    ) -> None:
        self.stage = stage
        self.planner = planner
        self.seen = seen
        self.expected = seen.expected
        self.thorough = False
        self.exercised: tuple[str, ...] = ()
        self.missing: tuple[NotExercised, ...] = ()
        self.restarts = True  # the last twin that was asked to
        self.answered = any(
            choice.check == DEFAULT_CAPABILITIES and choice.parameters
            for choice in stage.request.choices
        )
        self.slow_stop = ""
        self.records: list[Round] = []
        self._usual = _complaints(seen.log)

    @property
    def judges_work(self) -> bool:
        """Whether a probe or health check shows that it answers, not only that it exists."""
        expected = self.expected
        return bool(expected.probes) or expected.how is How.HEALTH or expected.ends_well

    def run(
        self,
        configuration: TrialConfiguration,
        purpose: str,
        *,
        watched: bool = False,
    ) -> Tried:
        """One round. `watched`: its system calls are watched too; slower."""
        self.stage.tell(
            TrialStep.ROUND,
            purpose,
            changes=configuration.checks,
        )
        begun = monotonic()
        try:
            tried = self._on_a_twin(configuration, watched)
        except ChangeFailed as error:
            signs = (*of_engine(error.title), *of_log(error.title))
            tried = Tried(
                configuration,
                False,
                error.title.rstrip("."),
                signs,
            )
        seconds = monotonic() - begun
        record = Round(
            configuration.checks,
            tried.ready,
            tried.why,
            purpose,
            round(seconds, 2),
            tried.log[-LOG_SHOWN:],
        )
        self.records.append(record)
        self.stage.tell(
            TrialStep.ROUND,
            tried.why or "it works",
            seconds=seconds,
            changes=configuration.checks,
            round=record,
        )
        return tried

    def _on_a_twin(
        self,
        configuration: TrialConfiguration,
        watched: bool,
    ) -> Tried:
        spec = self.planner.spec(configuration)
        profile = self.stage.tools.profile() if watched else None
        with ExitStack() as around:
            watch = None
            if isinstance(profile, Mapping) and self.stage.files is not None:
                watch = around.enter_context(watching(self.stage, profile, spec))
                spec = (
                    spec.with_(SECCOMP_PROFILE, watch.profile_path) if watch.profile_path else spec
                )
            with self.stage.twin(spec, copy_volumes=self.thorough) as twin:
                why, stopped = self.lead(twin, watch)
                log = twin.log()
                evidence = [*self._denied(twin, spec, why), *of_log(log), *of_state(twin)]
                if not stopped:
                    evidence += of_stop(configuration, self.planner)
                if watch is not None:
                    stop(self.stage, twin, 1)
                    calls = watch.finish().calls
                    evidence = [
                        *of_calls(calls, low_ports(self.stage.facts)),
                        *evidence,
                    ]
            return Tried(
                configuration,
                not why,
                why,
                tuple(dict.fromkeys(evidence)),
                log,
            )

    def _denied(self, twin: Twin, spec: Spec, why: str) -> tuple[FailureSign, ...]:
        files = self.stage.files
        if files is None or not why:
            return ()
        return tuple(of_selinux(twin, self.planner.facts.spec, spec, files, run_program))

    def unchanged(self) -> str:
        """Why the unchanged twin does not survive what a thorough round asks for; empty if it does."""
        with self.stage.twin(self.planner.facts.spec, copy_volumes=True) as twin:
            return self.lead(twin)[0]

    def lead(
        self,
        twin: Twin,
        watch: Watch | None = None,
    ) -> tuple[str, bool]:
        """Start it, judge it, stop it; if thorough, live in between, and start it again. Volumes of
        such a twin must be copies: copy-on-write ends with a stop.

        Returns:
            Why it failed, and whether it stopped properly.
        """
        if watch is not None:
            watch.attach(twin.init())
        outcome = self.start(
            twin,
            is_hopeless=partial(self._is_hopeless, twin, monotonic()),
        )
        if not outcome.ready:
            return outcome.why, True
        done: tuple[str, ...] = ()
        runs = outcome.exit_code is None
        if runs and self.thorough:
            lived = live(
                self.stage,
                twin,
                self.expected,
                self.seen.habits,
            )
            done, self.missing = lived.exercised, lived.missing
            if lived.why:
                return lived.why, True
        if runs and (why := self._stopped(twin)):
            if not self.answered:
                return why, False
            self.slow_stop = why
        if self.thorough:
            if watch is not None:
                watch.attach(twin.init())
            again = self.start(twin)
            self.restarts = again.ready
            if not again.ready:
                return f"after a restart: {again.why}", True
            self.exercised = (*done, *((STOP, RESTART) if runs else (RESTART,)))
        return "", True

    def _stopped(self, twin: Twin) -> str:
        """Stop it, if that says something or is needed; why it does not stop as the unchanged one
        did."""
        before = self.seen.stop_seconds
        if before is None and not self.thorough:
            return ""
        limit = stop_limit(self.stage, before)
        stopped = stop(self.stage, twin, limit)
        if not stopped.killed or before is None or before > limit:
            return ""  # where the engine alone takes that long, it says nothing of the service
        return f"it does not stop within {limit} s any more (before: {before:.1f} s)"

    def _is_hopeless(self, twin: Twin, begun: float) -> bool:
        """It has had more time than the unchanged one took, and says what it is refused, which that
        one did not."""
        if monotonic() - begun < max(_LEAST_WAIT, _SLOWER * self.seen.baseline.seconds):
            return False
        return not _complaints(twin.log()) <= self._usual

    def start(
        self,
        twin: Twin,
        settle: float | None = None,
        *,
        is_hopeless: Callable[[], bool] = lambda: False,
    ) -> Readiness:
        """Start a twin and wait until it is ready, or hopeless. `settle`: seconds that it must stay
        alive afterwards, instead of the expected ones.
        """
        twin.start()
        expected = self.expected if settle is None else replace(self.expected, settle=settle)
        if expected.how is not How.HEALTH and has_health_check(twin.document()):
            expected = replace(
                expected,
                how=How.HEALTH,
                settle=SETTLED,
            )  # one that the plan adds
        return self.stage.wait(twin, expected, is_hopeless=is_hopeless)


def _complaints(log: str) -> frozenset[tuple[Loosening | None, str]]:
    """What a twin says that it lacks, without the times in its messages."""
    return frozenset((sign.loosening, sign.blames) for sign in of_log(log))


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


def of_stop(
    configuration: TrialConfiguration,
    planner: TwinPlanner,
) -> list[FailureSign]:
    """The evidence in a killed stop: without CAP_KILL root may not stop other users' processes."""
    if "CAP_KILL" not in planner.dropped_capabilities(configuration):
        return []
    return [
        FailureSign(
            "it had to be killed: it may not stop other users' processes",
            CapabilityBack("CAP_KILL"),
        )
    ]
