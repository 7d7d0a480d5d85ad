"""The baseline of a trial: the unchanged twin, and what it lacks or how it works."""

from __future__ import annotations

import io
import os
import posixpath
import signal
import stat
import tarfile
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from hardentui.engine.change.copying import Pieces
from hardentui.errors import ChangeFailed, EngineError
from hardentui.model.activity import AskedMemory, WrittenDirectory
from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.known import known
from hardentui.model.trial import Baseline, How, Lack, TrialEvent, TrialStep
from hardentui.readiness.expectation import ALIVE, Expectation, expectation
from hardentui.readiness.ports import ports_of
from hardentui.readiness.wait import Readiness
from hardentui.reading.asked_memory import asked_by_file, config_paths
from hardentui.reading.containers import ask_or
from hardentui.trial.life import Habits, habits_of, handles
from hardentui.trial.proposing import advice_for, proposed_probe
from hardentui.trial.request import Tools, TrialRequest
from hardentui.trial.rounds import LOG_SHOWN, stop, stop_timeout
from hardentui.trial.stage import Stage
from hardentui.trial.twins import Twin

_SYSTEM = frozenset(
    {"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys"}
    | {"/tmp", "/usr", "/var/run", "/var/lock", "/var/tmp"}  # noqa: S108 - compared
    | {"/var/lib/apk", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/pam", "/var/lib/rpm", "/var/lib/systemd"}
    | {"/var/cache/apk", "/var/cache/apt", "/var/cache/debconf", "/var/cache/ldconfig", "/var/backups"}
    | {"/var/lib/dnf", "/var/lib/ucf", "/var/cache/dnf", "/var/empty", "/var/lib/private"}
)
_OF_EVERY_IMAGE = frozenset(
    {"/home", "/media", "/mnt", "/opt", "/srv", "/var/cache", "/var/lib", "/var/lib/misc", "/var/local"}
    | {"/var/log", "/var/mail", "/var/opt", "/var/spool", "/var/spool/mail", "/var"}
)
_DEEPEST, _MOST_ENTRIES, _MOST = 6, 20_000, 16
_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def empty_directories(place: str) -> dict[str, WrittenDirectory]:
    """Path in the container -> the directory, outside mounts and the system's own trees; 16 at most.

    It is walked from descriptor to descriptor, never through a link. What cannot be read is left out.

    Args:
        place: the root of the container, `/proc/PID/root`.
    """
    budget = [_MOST_ENTRIES]
    try:
        root = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return {}
    try:
        device = os.fstat(root).st_dev
        return dict(sorted(_below(root, "/", device, budget))[:_MOST])
    finally:
        os.close(root)


def _below(
    here: int, path: str, device: int, budget: list[int], depth: int = 0
) -> Iterator[tuple[str, WrittenDirectory]]:
    seen = os.fstat(here)
    if seen.st_dev != device:
        return
    try:
        names = os.listdir(here)
    except OSError:
        return
    budget[0] -= len(names)
    if not names and path not in _OF_EVERY_IMAGE:
        yield path, WrittenDirectory(0, seen.st_uid, seen.st_gid, stat.S_IMODE(seen.st_mode))
    if depth >= _DEEPEST or budget[0] < 0:
        return
    for name in names:
        inner = posixpath.join(path, name)
        if inner in _SYSTEM:
            continue
        try:
            below = os.open(name, _STEP, dir_fd=here)
        except OSError:
            continue
        try:
            yield from _below(below, inner, device, budget, depth + 1)
        finally:
            os.close(below)


_READ_LIMIT = 10.0
_MOST_FILES = 50
_LARGEST = 1 << 20


def asked_memory(stage: Stage, twin: Twin) -> tuple[AskedMemory, ...]:
    """The memory that they ask for; a file that cannot be read asks for nothing."""
    asked: list[AskedMemory] = []
    for path in config_paths(stage.facts):
        try:
            for name, text in _texts(stage, twin, path):
                asked += asked_by_file(name, text)
        except (EngineError, tarfile.TarError):
            continue
    return tuple(asked)


def _texts(stage: Stage, twin: Twin, path: str) -> Iterator[tuple[str, str]]:
    pieces = stage.changing.containers.archive(twin.id, path, seconds=_READ_LIMIT)
    with tarfile.open(fileobj=io.BufferedReader(Pieces(pieces)), mode="r|") as archive:
        for count, entry in enumerate(archive):
            if count >= _MOST_FILES:
                return
            file = archive.extractfile(entry) if entry.isreg() and entry.size <= _LARGEST else None
            if file is not None:
                name = posixpath.join(posixpath.dirname(path), posixpath.normpath(entry.name))
                yield name, file.read().decode("utf-8", "replace")


_LEAST_PATIENCE = 8.0
_TIMES_AS_LONG = 6  # how many times longer a changed twin may take than the unchanged one


class BaselineSeen(Struct, frozen=True):
    """Observations of the unchanged twin."""

    baseline: Baseline
    facts: ContainerFacts
    expected: Expectation
    stop_seconds: float | None = None
    probe: str = ""
    habits: Habits = Habits()
    lacks: tuple[Lack, ...] = ()


def run_baseline(request: TrialRequest, tools: Tools, stage: Stage) -> BaselineSeen:
    """Run the unchanged twin: what it lacks, or how it works, listens, writes and stops."""
    facts = request.facts
    tools.on_event(TrialEvent(TrialStep.BASELINE, "starting a twin without any change"))
    ports = ports_of(ask_or(facts, lambda kernel: kernel.listening, ()))
    expected = replace(
        expectation(facts.inspect, ports, request.patience),
        probes=request.probes,
        ends_well=_is_job(facts) and not request.probes,  # a stopped one needs no probe
    )
    log = ""
    lacks: tuple[Lack, ...] = ()
    try:
        with stage.twin(facts.spec) as twin:
            lacks = twin.lacks
            twin.start()
            outcome = stage.wait(twin, expected)
            log = twin.log()[-LOG_SHOWN:]
            if outcome.ready:
                seen = _observed(request, tools, stage, twin, outcome, expected)
                return replace(seen, baseline=replace(seen.baseline, log=log), lacks=lacks)
    except ChangeFailed as error:
        outcome = Readiness(False, expected.how, 0.0, error.title.rstrip("."))
    advice = advice_for(facts, outcome.failed_probe, log, lacks, outside=request.outside)
    baseline = Baseline(False, outcome.how, round(outcome.seconds, 2), outcome.why, advice, log=log)
    tools.on_event(TrialEvent(TrialStep.BASELINE, f"it does not work even without changes: {outcome.why}"))
    return BaselineSeen(baseline, facts, expected, lacks=lacks)


def _observed(
    request: TrialRequest, tools: Tools, stage: Stage, twin: Twin, outcome: Readiness, expected: Expectation
) -> BaselineSeen:
    """What a twin that works does."""
    facts = request.facts
    probe = ""
    stopped = None
    habits = Habits()
    patience = min(request.patience, max(_LEAST_PATIENCE, _TIMES_AS_LONG * outcome.seconds))
    if outcome.exit_code is None:
        seen = tools.look(twin.document())
        listening = ports_of(ask_or(seen, lambda kernel: kernel.listening, ()))
        if expected.how is How.ALIVE and listening:
            expected = expectation({}, listening)
        facts = _informed(facts, seen).replace(
            asked_memory=asked_memory(stage, twin),
            empty_directories=empty_directories(f"/proc/{twin.pid}/root") if stage.files is not None else {},
        )
        if not request.probes and expected.how is not How.HEALTH and tools.files is not None:
            proposed = proposed_probe(twin.run_probe, listening)
            probe = proposed.command if proposed else ""
        tools.on_event(TrialEvent(TrialStep.BASELINE, "finding out what it does when asked"))
        habits = habits_of(stage, twin, replace(expected, probes=request.probes, patience=patience))
        stopped = stop(stage, twin, stop_timeout(stage) if _stops_when_told(stage, twin) else 1)
    else:
        facts = _informed(facts, tools.look(twin.document()))
        expected = Expectation(How.ALIVE, settle=min(ALIVE, request.patience))
    stop_seconds = stopped.seconds if stopped and not stopped.killed else None
    took = round(stopped.seconds, 2) if stopped else 0.0
    baseline = Baseline(True, outcome.how, round(outcome.seconds, 2), stop_seconds=took)
    tools.on_event(
        TrialEvent(TrialStep.BASELINE, f"it works without changes ({outcome.how.value})", outcome.seconds)
    )
    expected = replace(
        expected, patience=patience, probes=request.probes, ends_well=outcome.exit_code is not None
    )
    return BaselineSeen(baseline, facts, expected, stop_seconds=stop_seconds, probe=probe, habits=habits)


def _stops_when_told(stage: Stage, twin: Twin) -> bool:
    """Whether its main process takes its stop signal: for process 1 the kernel drops it otherwise."""
    document = twin.document()
    given = str((document.get("Config") or {}).get("StopSignal") or "TERM").upper().removeprefix("SIG")
    number = int(given) if given.isdecimal() else getattr(signal, f"SIG{given}", signal.SIGTERM)
    files = stage.files
    return files is None or handles(files, int((document.get("State") or {}).get("Pid") or 0), number)


def _informed(facts: ContainerFacts, seen: ContainerFacts) -> ContainerFacts:
    """The container with the paths its twin wrote; for a stopped one, with everything observed."""
    changes = known(lambda: facts.changes)
    if isinstance(written := known(lambda: seen.changes), tuple):
        before = changes if isinstance(changes, tuple) else ()
        paths = {change.path for change in before}
        changes = (*before, *(change for change in written if change.path not in paths))
    kernel = facts.kernel if isinstance(facts.kernel, Kernel) else seen.kernel
    directories = {**seen.written_directories, **facts.written_directories}
    return facts.replace(changes=changes, kernel=kernel, written_directories=directories)


def _is_job(facts: ContainerFacts) -> bool:
    """It exited on its own, successfully, and nothing restarts it: it is not meant to stay."""
    state = facts.inspect.get("State") or {}
    policy = ((facts.inspect.get("HostConfig") or {}).get("RestartPolicy") or {}).get("Name") or "no"
    ended = state.get("Status") == "exited" and int(state.get("ExitCode") or 0) == 0
    return bool(ended and policy == "no" and not facts.labels.get("PODMAN_SYSTEMD_UNIT"))
