"""One round: a twin with a configuration, judged; and the evidence when it failed."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic, sleep
from types import TracebackType

from msgspec import Struct
from msgspec.structs import replace

from hardentui import account
from hardentui.errors import ChangeFailed, EngineError
from hardentui.features.change.wait import SETTLED, Expectation, Readiness, has_health_check, stop_timeout
from hardentui.features.trial.configuration import (
    CapabilityBack,
    FailureSign,
    Lesson,
    Loosening,
    Raised,
    RefusedCall,
    Tools,
    TrialConfiguration,
    TwinPlanner,
    of_call,
    of_engine,
    of_log,
)
from hardentui.features.trial.learned.teaching import Needs, low_ports, merged_needs, needs_of
from hardentui.features.trial.life import RESTART, STOP, Habits, Stage, live
from hardentui.features.trial.observe.processes import merged
from hardentui.features.trial.observe.watch import Watch, native_way
from hardentui.features.trial.twins import Twin
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.model.spec import Spec
from hardentui.model.trial import How, NotExercised, Observation, OnTrialEvent, Round, TrialEvent, TrialStep
from hardentui.options import MOUNTS, SECCOMP_PROFILE
from hardentui.options.table import bounding_set

_TRACED = (
    "trace=%file,%creds,bind,socket,kill,tkill,tgkill,fchown,fchmod,fsetxattr,mount,umount2,unshare,setns,prctl,"
    "capset,setrlimit,prlimit64,mlock,mlockall,setpriority,sched_setscheduler,ptrace,sethostname,chroot,connect"
)
_ERRORS = frozenset({"EPERM", "EACCES", "EROFS"})
_LINE = re.compile(r"^(?:\[pid +)?(?:\d+\]? +)?(?P<call>\w+)\((?P<rest>.*)\) += -1 (?P<error>E[A-Z]+) ")
_RESUMED = re.compile(r"^(?:\d+ +)?<\.\.\. (?P<call>\w+) resumed>(?P<rest>.*)\) += -1 (?P<error>E[A-Z]+) ")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ATTACH_LIMIT = 3.0
_END_LIMIT = 5.0
_LOG_LIMIT = 16 << 20


class CallTrace:
    """Watches a process and everything it starts, from now on; a context manager.

    Without `strace` or permission, the trace is empty.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def possible() -> bool:
        return account.find_program("strace") is not None

    def __enter__(self) -> CallTrace:
        self._directory = tempfile.TemporaryDirectory(prefix="hardentui-")
        words = ["strace", "-f", "-qq", "--failed-only", "-s", "512", "-e", _TRACED, "-o", self._path]
        with suppress(OSError):
            self._process = subprocess.Popen(
                [*words, "-p", str(self._pid)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=account.environment(),
                start_new_session=True,
            )
            self._wait_until_attached()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        if self._directory is not None:
            self._directory.cleanup()

    def end(self) -> None:
        """Detach from the process, which keeps running."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=_END_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=_END_LIMIT)

    def refused(self) -> tuple[RefusedCall, ...]:
        """The denied calls, each once, in order; call it after `end`."""
        try:
            with open(self._path, encoding="utf-8", errors="replace") as file:
                text = file.read(_LOG_LIMIT)
        except OSError:
            return ()
        return tuple(dict.fromkeys(parse(text)))

    @property
    def _path(self) -> str:
        return os.path.join(self._directory.name if self._directory else "", "calls")

    def _wait_until_attached(self) -> None:
        end = monotonic() + _ATTACH_LIMIT
        while monotonic() < end and self._process is not None and self._process.poll() is None:
            with (
                suppress(OSError),
                open(f"/proc/{self._pid}/status", encoding="ascii", errors="replace") as file,
            ):
                if "TracerPid:\t0\n" not in file.read():
                    return
            sleep(0.02)


def parse(text: str) -> Iterator[RefusedCall]:
    """The denied calls of a trace written by `strace --failed-only`."""
    for line in text.splitlines():
        match = _LINE.match(line) or _RESUMED.match(line)
        if match is None or match["error"] not in _ERRORS:
            continue
        paths = [path for path in _PATH.findall(match["rest"]) if path.startswith("/")]
        if match["call"] == "connect" and "AF_UNIX" not in match["rest"]:
            continue
        call = match["call"]
        path = paths[-1] if paths and call.startswith(("rename", "link", "symlink")) else (paths or [""])[0]
        yield RefusedCall(call, match["error"], path)


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
        log: what the unchanged twin wrote.
        habits: what the unchanged twin does when asked.
        answered: the user said which capabilities to keep: a twin that has to be killed is told, and works.

    Attributes:
        thorough: a twin is also led through its life, stopped and started again.
        exercised: what the last twin that worked did.
        missing: what it was not asked for although the unchanged one was.
        slow_stop: that a twin had to be killed, if that was not counted.
    """

    def __init__(
        self,
        stage: Stage,
        planner: TwinPlanner,
        expected: Expectation,
        on_event: OnTrialEvent,
        *,
        stop_seconds: float | None,
        habits: Habits,
        log: str = "",
        answered: bool = False,
    ) -> None:
        self.stage = stage
        self.planner = planner
        self.expected = expected
        self.habits = habits
        self.thorough = False
        self.exercised: tuple[str, ...] = ()
        self.missing: tuple[NotExercised, ...] = ()
        self.restarts = True  # the last twin that was asked to
        self.answered = answered
        self.slow_stop = ""
        self.records: list[Round] = []
        self._on_event = on_event
        self._stop_seconds = stop_seconds
        self._usual = _complaints(log)

    @property
    def judges_work(self) -> bool:
        """Whether a probe or health check shows that it answers, not only that it exists."""
        expected = self.expected
        return bool(expected.probes) or expected.how is How.HEALTH or expected.ends_well

    def run(self, configuration: TrialConfiguration, purpose: str, *, trace: bool = False) -> Tried:
        """One round. `trace`: watch its system calls too; slower."""
        self._on_event(TrialEvent(TrialStep.ROUND, purpose, changes=configuration.checks))
        begun = monotonic()
        try:
            tried = self._on_a_twin(configuration, trace)
        except ChangeFailed as error:
            signs = (*of_engine(error.title), *of_log(error.title))
            tried = Tried(configuration, False, error.title.rstrip("."), signs)
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
        with self.stage.twin(self.planner.spec(configuration), copy_volumes=self.thorough) as twin:
            refused: tuple[RefusedCall, ...] = ()
            if trace and CallTrace.possible() and self.stage.files is not None:
                with CallTrace(twin.init()) as calls:
                    why, stopped = self.lead(twin)
                    calls.end()
                    refused = calls.refused()
            else:
                why, stopped = self.lead(twin)
            log = twin.log()
            evidence = [sign for call in refused for sign in of_call(call)]
            evidence += of_log(log)
            evidence += of_state(twin)
            if not stopped:
                evidence += of_stop(configuration, self.planner)
            return Tried(configuration, not why, why, tuple(dict.fromkeys(evidence)), log)

    def unchanged(self) -> str:
        """Why the unchanged twin does not survive what a thorough round asks for; empty if it does."""
        with self.stage.twin(self.planner.facts.spec, copy_volumes=True) as twin:
            return self.lead(twin)[0]

    def lead(self, twin: Twin, before_start: Callable[[Twin], None] = lambda twin: None) -> tuple[str, bool]:
        """Start it, judge it, stop it; if thorough, live in between, and start it again. Volumes of such a
        twin must be copies: copy-on-write ends with a stop.

        Returns:
            Why it failed, and whether it stopped properly.
        """
        before_start(twin)
        # one that says what it is refused, which the unchanged one did not, is not waited for to the end
        outcome = self.start(twin, is_hopeless=lambda: not _complaints(twin.log()) <= self._usual)
        if not outcome.ready:
            return outcome.why, True
        done: tuple[str, ...] = ()
        runs = outcome.exit_code is None
        if runs and self.thorough:
            lived = live(self.stage, twin, self.expected, self.habits)
            done, self.missing = lived.exercised, lived.missing
            if lived.why:
                return lived.why, True
        if runs and (why := self._stopped(twin)):
            if not self.answered:
                return why, False
            self.slow_stop = why
        if self.thorough:
            before_start(twin)
            again = self.start(twin)
            self.restarts = again.ready
            if not again.ready:
                return f"after a restart: {again.why}", True
            self.exercised = (*done, *((STOP, RESTART) if runs else (RESTART,)))
        return "", True

    def _stopped(self, twin: Twin) -> str:
        """Stop it, if that says something or is needed; why it does not stop as the unchanged one did."""
        if self._stop_seconds is None and not self.thorough:
            return ""
        limit = stop_limit(self.stage, self._stop_seconds)
        stopped = stop(self.stage, twin, limit)
        if not stopped.killed or self._stop_seconds is None:
            return ""
        return f"it does not stop within {limit} s any more (before: {self._stop_seconds:.1f} s)"

    def start(
        self, twin: Twin, settle: float | None = None, *, is_hopeless: Callable[[], bool] = lambda: False
    ) -> Readiness:
        """Start a twin and wait until it is ready, or hopeless. `settle`: seconds that it must stay alive
        afterwards, instead of the expected ones.
        """
        twin.start()
        expected = self.expected if settle is None else replace(self.expected, settle=settle)
        if expected.how is not How.HEALTH and has_health_check(twin.document()):
            expected = replace(expected, how=How.HEALTH, settle=SETTLED)  # one that the plan adds
        return self.stage.wait(twin, expected, is_hopeless=is_hopeless)


def _complaints(log: str) -> frozenset[tuple[Loosening | None, str]]:
    """What a twin says that it lacks, without the times in its messages."""
    return frozenset((sign.loosening, sign.blames) for sign in of_log(log))


def longest_stop(stage: Stage) -> int:
    """How long a twin may take to stop, as Podman lets the original."""
    return min(stop_timeout(stage.facts.inspect), _MOST_STOP)


def stop_limit(stage: Stage, seconds: float | None) -> int:
    """How long a twin may take to stop when the unchanged one took this long; one that had to be killed is
    not waited for again."""
    if seconds is None:
        return 1
    return min(longest_stop(stage), math.ceil(_LEAST_STOP + _TIMES_AS_LONG * seconds))


def stop(stage: Stage, twin: Twin, timeout: int) -> Stopped:
    """Stop a twin, and kill it after `timeout` seconds; without a second, every container is killed."""
    begun = monotonic()
    stage.changing.containers.stop(twin.id, timeout=timeout)
    seconds = monotonic() - begun
    state = twin.document().get("State") or {}
    killed = int(state.get("ExitCode") or 0) == 137 and seconds > timeout - _AT_ONCE and timeout > 0
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


# Learning from unchanged twins: watched while they start, serve, stop and start again.

_TIMES_AS_SLOW = 10
_LEAST_PATIENCE = 60.0


def held_by(facts: ContainerFacts, spec: Spec) -> frozenset[str]:
    """The capabilities of a container with this spec."""
    return bounding_set(spec, facts.engine.default_capabilities)


def learn(
    lesson: Lesson,
    stage: Stage,
    facts: ContainerFacts,
    expected: Expectation,
    tools: Tools,
    *,
    habits: Habits,
    stop_seconds: float | None,
) -> Needs:
    """The container's needs, from observations of unchanged twins.

    One starts with the existing data, is led through its life and started again; if there are volumes,
    another one starts with empty ones, for what an entry point does only on first use. A probe may need the
    data, so it is not waited for there.

    Args:
        habits, stop_seconds: of the unchanged twin.
    """
    runs = {False: "watching an unchanged twin, also after a restart"}
    if any(mount.type == "volume" and not mount.read_only for mount in facts.spec[MOUNTS]):
        runs[True] = "watching it with empty volumes"
    patience = max(_LEAST_PATIENCE, _TIMES_AS_SLOW * expected.patience)
    slow = replace(expected, patience=patience)
    account = stage.changing.account()
    limit = stop_limit(stage, None if stop_seconds is None else _TIMES_AS_SLOW * stop_seconds)
    seen: Observation | None = None
    base = None if isinstance(lesson.base, Unread) else lesson.base
    held = held_by(facts, facts.spec)
    for empty, text in runs.items():
        tools.on_event(TrialEvent(TrialStep.LEARNING, text))
        watch = Watch(base, held, account=account, files=stage.files)
        try:
            awaited = replace(slow, probes=()) if empty else slow
            observation = _watched(watch, stage, facts.spec, awaited, tools, habits, limit, empty=empty)
        except EngineError as error:
            tools.on_event(TrialEvent(TrialStep.LEARNING, f"that twin could not be watched: {error.title}"))
            continue
        finally:
            watch.close()
        if isinstance(observation, str):
            tools.on_event(TrialEvent(TrialStep.LEARNING, f"that twin did not become ready: {observation}"))
            continue
        seen = observation if seen is None else merged(seen, observation)
    if seen is None:
        return lesson.before or Needs(runs=0, unknown={"learning": "no twin could be watched"})
    needs = needs_of(seen, held, native=native_way(), low_ports=low_ports(facts))
    return needs if lesson.before is None else merged_needs(lesson.before, needs)


def _watched(
    watch: Watch,
    stage: Stage,
    spec: Spec,
    expected: Expectation,
    tools: Tools,
    habits: Habits,
    limit: int,
    *,
    empty: bool,
) -> Observation | str:
    """The observations of one twin, or why it did not become ready."""
    watch.open()
    if watch.profile_path:
        spec = spec.with_(SECCOMP_PROFILE, watch.profile_path)
    with stage.twin(spec, copy_volumes=True, empty_volumes=empty) as twin:
        why = _run(watch, stage, twin, expected)
        if why:
            return why
        lives = not expected.ends_well and not empty  # a first use is over when it is ready
        if lives and (trouble := live(stage, twin, expected, habits).why):
            tools.on_event(TrialEvent(TrialStep.LEARNING, f"not all of its life was seen: {trouble}"))
        seen = tools.look(twin.document())
        changes = known(lambda: seen.changes)
        if not expected.ends_well:
            stop(stage, twin, limit)
            if lives and not _run(watch, stage, twin, expected):
                stop(stage, twin, limit)
    written = tuple(change.path for change in changes) if isinstance(changes, tuple) else changes
    return watch.finish(written)


def _run(watch: Watch, stage: Stage, twin: Twin, expected: Expectation) -> str:
    """One start, until it is ready and every probe succeeded; returns why it is not."""
    watch.attach(twin.init())
    twin.start()
    return stage.wait(twin, expected).why
