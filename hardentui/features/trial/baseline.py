"""The baseline of a trial: the unchanged twin, and what it lacks or how it works."""

from __future__ import annotations

import io
import math
import os
import posixpath
import re
import stat
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from hardentui.account import find_program
from hardentui.engine.change.copying import Pieces
from hardentui.errors import ChangeFailed, EngineError
from hardentui.features.change.wait import (
    ALIVE,
    PROBE_LIMIT,
    Expectation,
    ProbeResult,
    Readiness,
    RunProbe,
    expectation,
    ports_of,
    stop_timeout,
)
from hardentui.features.looking.stack import in_start_order
from hardentui.features.trial.harmless import aliases
from hardentui.features.trial.life import Habits, Stage, habits_of, own_listening, stops_when_told
from hardentui.features.trial.twins import Twin
from hardentui.model.facts import AskedMemory, ContainerFacts, Kernel, WrittenDirectory
from hardentui.model.known import known
from hardentui.model.trial import Baseline, How, Lack, TrialStep
from hardentui.options import ENV
from hardentui.reading.asked_memory import asked_by_file, config_paths
from hardentui.reading.behaviour import command_of
from hardentui.reading.containers import ask_or
from hardentui.writers.context import needed_containers

# Advice for the user: a probe that would prove more, and how to give a twin what it lacks.

_GREETINGS = {
    **dict.fromkeys((21, 25, 587), "220"),
    22: "SSH-",
    110: "+OK",
    143: "* OK",
}
"""Port -> how a service there greets."""
_CONNECT = "exec 3<>/dev/tcp/$TARGET/"
_TALKS = {
    53: (  # the name servers of the root, without recursion, over TCP
        (
            r'printf "\0\21\22\64\0\0\0\1\0\0\0\0\0\0\0\0\2\0\1" >&3; head -c 4 <&3 | tail -c 1 | grep '
            r"-qa 4"
        ),
        "answers DNS",
    ),
    389: (  # an anonymous bind; the answer has the tag of one, which is "a"
        r'printf "\60\14\2\1\1\140\7\2\1\3\4\0\200\0" >&3; head -c 12 <&3 | grep -qa a',
        "answers LDAP",
    ),
    1883: (
        r'printf "\20\14\0\4MQTT\4\2\0\74\0\0" >&3; head -c 1 <&3 | grep -q " "',
        "accepts MQTT",
    ),
    3306: ("head -c 5 <&3 | grep -qa .", "greets as a database"),
    5432: (
        r'printf "\0\0\0\10\4\322\26\57" >&3; head -c 1 <&3 | grep -q "[SN]"',
        "speaks PostgreSQL",
    ),
    6379: (
        r'printf "PING\r\n" >&3; head -c 5 <&3 | grep -q -e PONG -e NOAU',
        "answers PING",
    ),
    11211: (
        r'printf "version\r\n" >&3; head -c 7 <&3 | grep -q VERSION',
        "tells its version",
    ),
}
"""Port -> what a client says there and has to hear, which changes nothing; and what that shows."""
_POSTGRES = 5432
_MOST_ASKED = 4
_REFUSED, _BROKEN = 400, 500
_TITLE = re.compile(
    r"<title>\s*([A-Za-z][A-Za-z .-]{1,60}[A-Za-z])\s*</title>",
    re.IGNORECASE,
)
"""A title that can stand in a line of shell between quotes, and that has no number which may
change."""
_NO_NAME = re.compile(
    r"(could not resolve|name or service not known|name resolution|no such host|unknown host|getaddrinfo"
    r"|enotfound|eai_again|bad address|nodename nor servname|host not found)",
    re.IGNORECASE,
)
_NO_WAY = re.compile(
    r"(network is unreachable|no route to host|connection (refused|timed out)|econnrefused|enetunreach"
    r"|could not connect|can't connect|cannot connect)",
    re.IGNORECASE,
)


class ProposedProbe(Struct, frozen=True):
    """A read-only probe that succeeds now, and how the service answers it."""

    command: str
    answer: str


def proposed_probe(
    ask: RunProbe,
    ports: Iterable[str],
) -> ProposedProbe | None:
    """A probe of the first port whose protocol is known; None if there is none. `ask`: runs a
    command against the service.
    """
    numbers = sorted(int(port.partition("/")[2]) for port in ports if port.startswith("tcp/"))
    probes = (_probe_of(ask, number) for number in numbers[:_MOST_ASKED])
    return next((probe for probe in probes if probe is not None), None)


def _probe_of(ask: RunProbe, port: int) -> ProposedProbe | None:
    if port == _POSTGRES and find_program("pg_isready"):
        return _tried(
            ask,
            "pg_isready -q -t 5 -h $TARGET",
            "accepts connections",
        )
    if port in _TALKS or port in _GREETINGS:
        greeting = _GREETINGS.get(port, "")
        hears = f'head -c {len(greeting)} <&3 | grep -qF -e "{greeting}"'
        talk, answer = _TALKS.get(port, (hears, f"greets with {greeting}"))
        return (
            _tried(
                ask,
                f"bash -c '{_CONNECT}{port}; {talk}'",
                answer,
            )
            if find_program("bash")
            else None
        )
    url = f"{'https' if port in (443, 8443) else 'http'}://$TARGET:{port}/"
    if find_program("curl"):
        return _web_probe(
            ask,
            url,
            f"curl{' -k' if url.startswith('https') else ''} -sS -m 5",
        )
    if find_program("wget") and url.startswith("http:"):
        return _tried(
            ask,
            f"wget -q -T 5 -O /dev/null {url}",
            "answers HTTP",
        )
    return None


def _tried(
    ask: RunProbe,
    command: str,
    answer: str,
) -> ProposedProbe | None:
    return ProposedProbe(command, answer) if ask(command, PROBE_LIMIT).succeeded else None


def _web_probe(
    ask: RunProbe,
    url: str,
    curl: str,
) -> ProposedProbe | None:
    """One that sees the title of its page, else the status that it answers now."""
    heard = ask(f"{curl} -w '\\n%{{http_code}}' {url}", PROBE_LIMIT)
    page, _, status = heard.output.rpartition("\n")
    if not heard.succeeded or not status.isdecimal() or not 200 <= int(status) < _BROKEN:
        return None
    title = _TITLE.search(page)
    if status == "200" and title:
        told = f'HTTP 200, page "{title[1]}"'
        if probe := _tried(
            ask,
            f"{curl} -f {url} | grep -qF -e '{title[1]}'",
            told,
        ):
            return probe
    if int(status) < _REFUSED:
        return ProposedProbe(f"{curl} -f -o /dev/null {url}", f"HTTP {status}")
    asks = f"test \"$({curl} -o /dev/null -w '%{{http_code}}' {url})\" = {status}"
    return _tried(ask, asks, f"HTTP {status}")


def advice_for(
    failed: ProbeResult | None,
    log: str,
    lacks: Sequence[Lack],
    *,
    outside: bool,
) -> str:
    """How to give the twin what it lacks, judging by the failed probe and its log."""
    sentences = []
    if failed is not None:
        if failed.lacks_program:
            sentences.append("The probe uses a program that this machine does not have.")
        else:
            sentences.append("A probe runs on this machine; check that it is right for $TARGET.")
    if _NO_NAME.search(log) or _NO_WAY.search(log):
        sentences.append(
            "It cannot reach a neighbour on its network: give it a twin of that container with "
            "--peer NAME."
        )
        if not outside:
            sentences.append("If it needs the outside, --outside lets the twin reach it.")
    if lacks:
        sentences.append(f"The twin lacks {'; '.join(str(lack) for lack in lacks)}.")
    return " ".join(sentences)


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


_SYSTEM = frozenset(
    {
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/lib",
        "/lib32",
        "/lib64",
        "/proc",
        "/root",
        "/run",
        "/sbin",
        "/sys",
    }
    | {"/tmp", "/usr", "/var/run", "/var/lock", "/var/tmp"}  # noqa: S108 - compared
    | {
        "/var/lib/apk",
        "/var/lib/apt",
        "/var/lib/dpkg",
        "/var/lib/pam",
        "/var/lib/rpm",
        "/var/lib/systemd",
    }
    | {
        "/var/cache/apk",
        "/var/cache/apt",
        "/var/cache/debconf",
        "/var/cache/ldconfig",
        "/var/backups",
    }
    | {
        "/var/lib/dnf",
        "/var/lib/ucf",
        "/var/cache/dnf",
        "/var/empty",
        "/var/lib/private",
    }
)
_OF_EVERY_IMAGE = frozenset(
    {
        "/home",
        "/media",
        "/mnt",
        "/opt",
        "/srv",
        "/var/cache",
        "/var/lib",
        "/var/lib/misc",
        "/var/local",
    }
    | {"/var/log", "/var/mail", "/var/opt", "/var/spool", "/var/spool/mail", "/var"}
)
_DEEPEST, _MOST_ENTRIES, _MOST = 6, 20_000, 16
_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def empty_directories(place: str) -> dict[str, WrittenDirectory]:
    """Path in the container -> the directory, outside mounts and the system's own trees; 16 at
    most.

    It is walked from descriptor to descriptor, never through a link. What cannot be read is left
    out.

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
    here: int,
    path: str,
    device: int,
    budget: list[int],
    depth: int = 0,
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
        yield (
            path,
            WrittenDirectory(
                0,
                seen.st_uid,
                seen.st_gid,
                stat.S_IMODE(seen.st_mode),
            ),
        )
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
            yield from _below(
                below,
                inner,
                device,
                budget,
                depth + 1,
            )
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


def run_baseline(stage: Stage) -> BaselineSeen:
    """Run the unchanged twin: what it lacks, or how it works, listens, writes and stops."""
    facts, wishes = stage.facts, stage.request.wishes
    stage.tell(TrialStep.BASELINE, "starting a twin without any change")
    ports = ports_of(own_listening(facts, stage.request.company))
    expected = replace(
        expectation(facts.inspect, ports, wishes.patience),
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
