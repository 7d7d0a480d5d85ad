"""The baseline of a trial: the unchanged twin, and what it lacks or how it works."""

from __future__ import annotations

import io
import math
import posixpath
import re
import tarfile
from collections.abc import Iterator, Sequence
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from hardentui.engine.change.copying import Pieces
from hardentui.errors import ChangeFailed, EngineError
from hardentui.features.change.inspected import stop_timeout
from hardentui.features.change.reached_ports import ports_of
from hardentui.features.change.wait import ALIVE, Expectation, Readiness, expectation
from hardentui.features.looking.stack import in_start_order
from hardentui.features.trial.empty_directories import empty_directories
from hardentui.features.trial.harmless import aliases
from hardentui.features.trial.life import Habits, habits_of, stops_when_told
from hardentui.features.trial.proposing import advice_for, proposed_probe
from hardentui.features.trial.stage import Stage, own_listening
from hardentui.features.trial.twins import Twin
from hardentui.model.facts import AskedMemory, ContainerFacts, Kernel
from hardentui.model.known import known
from hardentui.model.trial import Baseline, How, Lack, TrialStep
from hardentui.options import ENV, HEALTH_CMD
from hardentui.reading.asked_memory import asked_by_file, config_paths
from hardentui.reading.behaviour import command_of
from hardentui.reading.containers import ask_or
from hardentui.writers.needed import needed_containers

MISSING_HEALTH_CHECK = "missing-health-check"
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def needed(
    facts: ContainerFacts,
    company: Sequence[ContainerFacts],
    text: str,
) -> tuple[ContainerFacts, ...]:
    """Those of its company that it needs, each after those that it needs itself: it refers to them
    by ID, or their names are in its environment, its command, what compose noted, or this text.
    """
    visited = {facts.id}
    ordered: list[ContainerFacts] = []

    def place(called: frozenset[str]) -> None:
        for other in in_start_order(company):
            if other.id in visited or called.isdisjoint(
                (other.id, other.name, *aliases(other.spec))
            ):
                continue
            visited.add(other.id)
            if facts.name not in needed_containers(other.spec):  # else it cannot start before it
                place(_names_in(other))
                ordered.append(other)

    place(_names_in(facts, text))
    return tuple(ordered)


def _names_in(facts: ContainerFacts, text: str = "") -> frozenset[str]:
    variables: tuple[str, ...] = facts.spec[ENV]
    values = (variable.partition("=")[2] for variable in variables)
    starts_after = facts.labels.get("com.docker.compose.depends_on", "")
    words = _WORD.findall("\n".join((*values, *command_of(facts), starts_after, text)))
    return frozenset((*words, *needed_containers(facts.spec)))


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


def _texts(
    stage: Stage,
    twin: Twin,
    path: str,
) -> Iterator[tuple[str, str]]:
    pieces = stage.changing.containers.archive(
        twin.id,
        path,
        seconds=_READ_LIMIT,
    )
    with tarfile.open(
        fileobj=io.BufferedReader(Pieces(pieces)),
        mode="r|",
    ) as archive:
        for count, entry in enumerate(archive):
            if count >= _MOST_FILES:
                return
            file = archive.extractfile(entry) if entry.isreg() and entry.size <= _LARGEST else None
            if file is not None:
                name = posixpath.join(posixpath.dirname(path), posixpath.normpath(entry.name))
                yield name, file.read().decode("utf-8", "replace")


_LEAST_PATIENCE = 8.0
_TIMES_AS_PATIENT = 6  # how many times longer a changed twin may take than the unchanged one
LOG_SHOWN = 4000
_AT_ONCE = 0.5  # seconds: a stop that uses up all its time was not clean
_LEAST_STOP = 3.0  # seconds that every twin may take to stop
_TIMES_AS_LONG = 4
_MOST_STOP = 60


class Stopped(Struct, frozen=True):
    """How a twin stopped; `killed`: it did not stop in time and had to be killed."""

    seconds: float
    killed: bool


def longest_stop(stage: Stage) -> int:
    """How long a twin may take to stop, as Podman lets the original."""
    return min(stop_timeout(stage.facts.inspect), _MOST_STOP)


def stop_limit(stage: Stage, seconds: float | None) -> int:
    """How long a twin may take to stop when the unchanged one took this long; one that had to be
    killed is not waited for again."""
    if seconds is None:
        return 1
    return min(
        longest_stop(stage),
        math.ceil(_LEAST_STOP + _TIMES_AS_LONG * seconds),
    )


def stop(
    stage: Stage,
    twin: Twin,
    timeout: int,
) -> Stopped:
    """Stop a twin, and kill it after `timeout` seconds; without a second, every container is
    killed."""
    begun = monotonic()
    stage.changing.containers.stop(twin.id, timeout=timeout)
    seconds = monotonic() - begun
    state = twin.document().get("State") or {}
    killed = int(state.get("ExitCode") or 0) == 137 and seconds > timeout - _AT_ONCE and timeout > 0
    return Stopped(seconds, killed)


class BaselineSeen(Struct, frozen=True):
    """Observations of the unchanged twin."""

    baseline: Baseline
    facts: ContainerFacts
    expected: Expectation  # how the others are judged
    stop_seconds: float | None = None  # how long it took to stop; None if it had to be killed
    probe: str = ""
    habits: Habits = Habits()  # what it does when asked
    log: str = ""  # what it wrote
    lacks: tuple[Lack, ...] = ()
    # why the health check that the plan adds fails on it although it works; empty if it does not
    unhealthy: str = ""
    ended: bool = False  # it ended before it was ready


def run_baseline(stage: Stage) -> BaselineSeen:
    """Run the unchanged twin: what it lacks, or how it works, listens, writes and stops.

    It gets the health check that the plan adds. If that fails, another twin is judged without it.
    """
    stage.health = _planned_health(stage)
    seen = _run_unchanged(stage)
    if not stage.health or seen.baseline.ready or seen.ended:
        return seen
    stage.tell(
        TrialStep.BASELINE,
        f"once more without the health check that the plan adds: {seen.baseline.why}",
    )
    stage.health = ""
    without = _run_unchanged(stage)
    return replace(without, unhealthy=seen.baseline.why)


def _planned_health(stage: Stage) -> str:
    """The health check that the plan adds to a container without one; empty if it adds none."""
    choices = tuple(
        choice for choice in stage.request.choices if choice.check == MISSING_HEALTH_CHECK
    )
    if not choices:
        return ""
    command: str | None = stage.tools.make_plan(stage.facts, choices).after[HEALTH_CMD]
    return command or ""


def _run_unchanged(stage: Stage) -> BaselineSeen:
    facts, wishes = stage.facts, stage.request.wishes
    stage.tell(TrialStep.BASELINE, "starting a twin without any change")
    ports = ports_of(own_listening(facts, stage.request.company))
    usual = expectation(facts.inspect, ports, wishes.patience)
    expected = replace(
        Expectation(How.HEALTH, patience=wishes.patience) if stage.health else usual,
        probes=wishes.probes,
        ends_well=_is_job(facts) and not wishes.probes,  # a stopped one needs no probe
    )
    log = ""
    lacks: tuple[Lack, ...] = ()
    try:
        with stage.twin(facts.spec) as twin:
            lacks = twin.lacks
            twin.start()
            outcome = stage.wait(twin, expected)
            log = twin.log()
            if outcome.ready:
                seen = _observed(stage, twin, outcome, expected)
                baseline = replace(seen.baseline, log=log[-LOG_SHOWN:])
                return replace(
                    seen,
                    baseline=baseline,
                    log=log,
                    lacks=lacks,
                )
    except ChangeFailed as error:
        outcome = Readiness(
            False,
            expected.how,
            0.0,
            error.title.rstrip("."),
        )
    log = log[-LOG_SHOWN:]
    advice = advice_for(
        outcome.failed_probe,
        log,
        lacks,
        outside=wishes.outside,
    )
    baseline = Baseline(
        False,
        outcome.how,
        round(outcome.seconds, 2),
        outcome.why,
        advice,
        log=log,
    )
    stage.tell(
        TrialStep.BASELINE,
        f"it does not work even without changes: {outcome.why}",
    )
    return BaselineSeen(
        baseline,
        facts,
        expected,
        lacks=lacks,
        ended=outcome.exit_code is not None,
    )


def _observed(
    stage: Stage,
    twin: Twin,
    outcome: Readiness,
    expected: Expectation,
) -> BaselineSeen:
    """What a twin that works does."""
    files, wishes = stage.files, stage.request.wishes
    patience = min(
        wishes.patience,
        max(_LEAST_PATIENCE, _TIMES_AS_PATIENT * outcome.seconds),
    )
    seen = stage.tools.look(twin.document())
    facts = _informed(stage.facts, seen)
    probe, habits, stopped = "", Habits(), Stopped(0.0, killed=True)
    if outcome.exit_code is None:
        listening = ports_of(ask_or(seen, lambda kernel: kernel.listening, ()))
        if expected.how is How.ALIVE and listening:
            expected = expectation({}, listening)
        facts = facts.replace(
            asked_memory=asked_memory(stage, twin),
            empty_directories=empty_directories(f"/proc/{twin.pid}/root")
            if files is not None
            else {},
        )
        if not wishes.probes and expected.how is not How.HEALTH and files is not None:
            proposed = proposed_probe(twin.run_probe, listening)
            probe = proposed.command if proposed else ""
        stage.tell(TrialStep.BASELINE, "finding out what it does when asked")
        habits = habits_of(
            stage,
            twin,
            replace(
                expected,
                probes=wishes.probes,
                patience=patience,
            ),
        )
        told = files is None or stops_when_told(files, twin.document())
        stopped = stop(stage, twin, longest_stop(stage) if told else 1)
    else:
        expected = Expectation(How.ALIVE, settle=min(ALIVE, wishes.patience))
    stage.tell(
        TrialStep.BASELINE,
        f"it works without changes ({outcome.how.value})",
        seconds=outcome.seconds,
    )
    return BaselineSeen(
        Baseline(
            True, outcome.how, round(outcome.seconds, 2), stop_seconds=round(stopped.seconds, 2)
        ),
        facts,
        replace(
            expected,
            patience=patience,
            probes=wishes.probes,
            ends_well=outcome.exit_code is not None,
        ),
        stop_seconds=None if stopped.killed else stopped.seconds,
        probe=probe,
        habits=habits,
    )


def _informed(
    facts: ContainerFacts,
    seen: ContainerFacts,
) -> ContainerFacts:
    """The container with the paths its twin wrote; for a stopped one, with everything observed."""
    changes = known(lambda: facts.changes)
    if isinstance(written := known(lambda: seen.changes), tuple):
        before = changes if isinstance(changes, tuple) else ()
        paths = {change.path for change in before}
        changes = (
            *before,
            *(change for change in written if change.path not in paths),
        )
    kernel = facts.kernel if isinstance(facts.kernel, Kernel) else seen.kernel
    directories = {
        **seen.written_directories,
        **facts.written_directories,
    }
    return facts.replace(
        changes=changes,
        kernel=kernel,
        written_directories=directories,
    )


def _is_job(facts: ContainerFacts) -> bool:
    """It exited on its own, successfully, and nothing restarts it: it is not meant to stay."""
    state = facts.inspect.get("State") or {}
    policy = ((facts.inspect.get("HostConfig") or {}).get("RestartPolicy") or {}).get(
        "Name"
    ) or "no"
    ended = state.get("Status") == "exited" and int(state.get("ExitCode") or 0) == 0
    return bool(ended and policy == "no" and not facts.labels.get("PODMAN_SYSTEMD_UNIT"))
