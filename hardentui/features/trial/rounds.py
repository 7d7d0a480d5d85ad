"""One round: a twin with a configuration, judged; and the evidence when it failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from time import monotonic
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import ChangeFailed, EngineError
from hardentui.features.change.inspected import has_health_check
from hardentui.features.change.wait import SETTLED, Expectation, Readiness
from hardentui.features.trial.baseline import LOG_SHOWN, BaselineSeen, stop, stop_limit
from hardentui.features.trial.configuration import (
    CapabilityBack,
    FailureSign,
    Loosening,
    Raised,
    TrialConfiguration,
    TwinPlanner,
    of_calls,
    of_engine,
    of_log,
)
from hardentui.features.trial.denied import of_selinux
from hardentui.features.trial.learned.needs import Needs, merged_needs, needs_of
from hardentui.features.trial.learned.teaching import DEFAULT_CAPABILITIES, low_ports
from hardentui.features.trial.life import RESTART, STOP, Habits, live
from hardentui.features.trial.observe.watch import Watch, native_way
from hardentui.features.trial.stage import Stage
from hardentui.features.trial.twins import Twin
from hardentui.host.commands import run_program
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.model.spec import Spec
from hardentui.model.trial import How, NotExercised, Observation, Round, TrialStep
from hardentui.options import MOUNTS, SECCOMP_PROFILE
from hardentui.options.capability_sets import bounding_set
from hardentui.reading.application_needs import first_use_is_known

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


# Learning from unchanged twins: watched while they start, serve, stop and start again.

_TIMES_AS_SLOW = 10
_LEAST_PATIENCE = 60.0


def held_by(facts: ContainerFacts, spec: Spec) -> frozenset[str]:
    """The capabilities of a container with this spec."""
    return bounding_set(spec, facts.engine.default_capabilities)


@contextmanager
def watching(
    stage: Stage,
    profile: Mapping[str, Any] | None,
    spec: Spec,
) -> Iterator[Watch]:
    """An observer of a twin with this spec, which gets its profile. `profile`: in force on it; None
    = its system calls are not watched.
    """
    held, account = held_by(stage.facts, spec), stage.changing.account()
    watch = Watch(
        profile,
        held,
        account=account,
        files=stage.files,
    )
    try:
        watch.open()
        yield watch
    finally:
        watch.close()


def learn(stage: Stage, before: BaselineSeen) -> Needs:
    """The container's needs, from observations of unchanged twins.

    One starts with the existing data, is led through its life and started again; if there are
    volumes, another one starts with empty ones, for what an entry point does only on first use,
    unless the entry of its known application was proven by running it from there. A probe may need
    the data, so it is not waited for there. `before`: of the unchanged twin.
    """
    facts, expected = stage.facts, before.expected
    if before.probe and not expected.probes:
        expected = replace(expected, probes=(before.probe,))
    runs = {False: "watching an unchanged twin, also after a restart"}
    if not first_use_is_known(facts) and any(
        mount.type == "volume" and not mount.read_only for mount in facts.spec[MOUNTS]
    ):
        runs[True] = "watching it with empty volumes"
    patience = max(_LEAST_PATIENCE, _TIMES_AS_SLOW * expected.patience)
    slow = replace(expected, patience=patience)
    seconds = before.stop_seconds
    limit = stop_limit(stage, None if seconds is None else _TIMES_AS_SLOW * seconds)
    seen: Needs | None = None
    profile, held = stage.tools.profile(), held_by(facts, facts.spec)
    for empty, text in runs.items():
        stage.tell(TrialStep.LEARNING, text)
        awaited = replace(slow, probes=()) if empty else slow
        try:
            with watching(
                stage, None if isinstance(profile, Unread) else profile, facts.spec
            ) as watch:
                observation = _watched(
                    watch,
                    stage,
                    awaited,
                    before.habits,
                    limit,
                    empty=empty,
                )
        except EngineError as error:
            stage.tell(
                TrialStep.LEARNING,
                f"that twin could not be watched: {error.title}",
            )
            continue
        if isinstance(observation, str):
            stage.tell(
                TrialStep.LEARNING,
                f"that twin did not become ready: {observation}",
            )
            continue
        needs = needs_of(
            observation,
            held,
            native=native_way(),
            low_ports=low_ports(facts),
        )
        seen = needs if seen is None else replace(merged_needs(seen, needs), runs=1)
    earlier = stage.request.before
    if seen is None:
        return earlier or Needs(
            runs=0,
            unknown={"learning": "no twin could be watched"},
        )
    return seen if earlier is None else merged_needs(earlier, seen)


def _watched(
    watch: Watch,
    stage: Stage,
    expected: Expectation,
    habits: Habits,
    limit: int,
    *,
    empty: bool,
) -> Observation | str:
    """The observations of one twin, or why it did not become ready."""
    spec = stage.facts.spec
    if watch.profile_path:
        spec = spec.with_(SECCOMP_PROFILE, watch.profile_path)
    with stage.twin(
        spec,
        copy_volumes=True,
        empty_volumes=empty,
    ) as twin:
        why = _run(watch, stage, twin, expected)
        if why:
            return why
        lives = not expected.ends_well and not empty  # a first use is over when it is ready
        if lives and (trouble := live(stage, twin, expected, habits).why):
            stage.tell(
                TrialStep.LEARNING,
                f"not all of its life was seen: {trouble}",
            )
        seen = stage.tools.look(twin.document())
        changes = known(lambda: seen.changes)
        if not expected.ends_well:
            stop(stage, twin, limit)
            if lives and not _run(watch, stage, twin, expected):
                stop(stage, twin, limit)
    written = tuple(change.path for change in changes) if isinstance(changes, tuple) else changes
    return watch.finish(written)


def _run(
    watch: Watch,
    stage: Stage,
    twin: Twin,
    expected: Expectation,
) -> str:
    """One start, until it is ready and every probe succeeded; returns why it is not."""
    watch.attach(twin.init())
    twin.start()
    return stage.wait(twin, expected).why
