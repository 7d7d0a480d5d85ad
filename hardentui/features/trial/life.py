"""The life of a service, in a few seconds on a twin: clients, a reload, a rotated log.

A trial that only starts a service shows what starting needs. What a twin did here, and what it did
not, is a part of the trial's result.
"""

from __future__ import annotations

import json
import os
import posixpath
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.engine.shapes import OUR_NAMES, TRIAL_LABEL
from hardentui.errors import EngineError
from hardentui.features.change.wait import (
    Expectation,
    Readiness,
    Wait,
    expectation,
    in_network_of,
    pid_of,
    ports_of,
    read_ports,
    stop_signal,
)
from hardentui.features.looking.stack import in_start_order
from hardentui.features.trial.configuration import Tools, TrialRequest
from hardentui.features.trial.harmless import aliases, needs_network
from hardentui.features.trial.twins import Twin, TwinAddresses, TwinMaker, pod_names, remove_trial
from hardentui.host.commands import run_program
from hardentui.host.files import Files, reason
from hardentui.model.facts import ContainerFacts, SocketEndpoint
from hardentui.model.known import Unread
from hardentui.model.spec import Spec
from hardentui.model.trial import NotExercised, TrialStep
from hardentui.options import NETWORK
from hardentui.reading.containers import ask_or
from hardentui.visible import visible

# The stage of a trial: its network, the twins of peers, copies of volumes, and one twin after the
# other.


def _pod_of(facts: ContainerFacts) -> Mapping[str, Any]:
    """The pod whose namespaces it shares; that of podman-compose has no infra container and shares
    none."""
    pod = facts.pod or {}
    return pod if pod.get("CreateInfra", True) else {}


class Stage:
    """Everything that one trial creates; `close` removes it all.

    Attributes:
        facts: the container that is tried.
        files: this machine's; None when the engine runs on another one.
        tell: tells an event of the trial.
    """

    def __init__(
        self,
        request: TrialRequest,
        tools: Tools,
    ) -> None:
        self.request, self.tools = request, tools
        self.changing, self.files, self.tell = tools.changing, tools.files, tools.tell
        self.facts = request.facts
        self._maker = TwinMaker(
            tools.changing,
            tools.files,
            granted=frozenset(request.wishes.granted),
            outside=request.wishes.outside,
        )
        self.number = self._maker.number
        self._made = 0
        self._around = TwinAddresses({})
        self._pod = ""
        self._twins: dict[str, str] = {}

    def open(self) -> None:
        """Create the network, the pod, and the twins of peers and members, and wait until they are
        ready.

        Raises:
            EngineError: one of them cannot be created, or a peer does not become ready.
        """
        everybody = (self.facts, *self.request.peers, *self.request.members)
        if any(needs_network(facts.spec) for facts in everybody) or _pod_of(self.facts):
            network = self._maker.network(
                self._name("network"), internal=not self.request.wishes.outside
            )
            self._around = TwinAddresses({network.name: network})
        for facts in everybody:
            if needs_network(facts.spec) or _pod_of(facts):
                names = pod_names((facts,)) if _pod_of(facts) else aliases(facts.spec)
                self._around.add(
                    self._key(facts),
                    names,
                    self._around.networks,
                )
        if _pod_of(self.facts):
            self._pod = self._name("pod")
            members = (self.facts, *self.request.members)
            self._maker.create_pod(
                self._pod,
                members,
                self._around,
                self._key(self.facts),
            )
        for peer in self.request.peers:
            try:
                self._start_other(peer, pod="")
            except EngineError as error:
                if peer not in self.request.company:
                    raise
                self.tell(TrialStep.BASELINE, f"not as it should be: {error.title}")
        started = True
        for member in in_start_order((self.facts, *self.request.members)):
            if member is self.facts:
                started = False  # those after it may wait for it
            else:
                self._start_other(
                    member,
                    pod=self._pod,
                    ready=started,
                )

    def close(self) -> None:
        """Remove everything that was created."""
        remove_trial(self.changing, self.number)

    @contextmanager
    def twin(
        self,
        spec: Spec,
        *,
        copy_volumes: bool = False,
        empty_volumes: bool = False,
    ) -> Iterator[Twin]:
        """A twin that was created and not started; it is removed at the end."""
        twin = self._create(
            spec, self.facts, self._pod, copy_volumes=copy_volumes, empty_volumes=empty_volumes
        )
        try:
            yield twin
        finally:
            self._maker.remove(twin)

    def wait(
        self,
        twin: Twin,
        expected: Expectation,
        *,
        is_hopeless: Callable[[], bool] = lambda: False,
    ) -> Readiness:
        """Wait until a started twin is as expected, or hopeless."""
        return Wait(
            self.changing.containers,
            twin.id,
            expected,
            files=self.files,
            run_probe=twin.run_probe,
            is_hopeless=is_hopeless,
            stop=self.tools.stop,
        ).outcome()

    def _create(
        self,
        spec: Spec,
        facts: ContainerFacts,
        pod: str,
        **more: bool,
    ) -> Twin:
        key, around = self._key(facts), self._around
        return self._maker.create(
            spec, facts, self._name(), key, around, pod=pod, twins=self._twins, **more
        )

    def _key(self, facts: ContainerFacts) -> str:
        """Whose network it has: its own, its pod's, or that of another one that is tried along."""
        if pod := _pod_of(facts):
            return str(pod.get("Id") or pod.get("Name") or facts.id)
        lender = facts.spec[NETWORK][0].removeprefix("container:") if facts.spec[NETWORK] else ""
        others = (*self.request.peers, *self.request.members)
        return next(
            (other.id for other in others if lender in (other.id, other.name)),
            facts.id,
        )

    def _start_other(
        self,
        facts: ContainerFacts,
        pod: str,
        *,
        ready: bool = True,
    ) -> None:
        """The unchanged twin of a container that the tried one needs.

        Raises:
            EngineError: it does not start, or is not as ready as it has to be.
        """
        twin = self._create(facts.spec, facts, pod)
        self._twins[facts.name] = self._twins[facts.id] = twin.name
        twin.start()
        if not ready:
            return
        ports = ports_of(own_listening(facts, (self.facts, *self.request.company)))
        outcome = self.wait(
            twin,
            expectation(
                facts.inspect,
                ports,
                self.request.wishes.patience,
            ),
        )
        if not outcome.ready:
            raise EngineError(
                f"The twin of {visible(facts.name, 80)} does not become ready: {outcome.why}.",
                visible(twin.log()[-600:], 600),
            )

    def _name(self, kind: str = "") -> str:
        self._made += 1
        return f"{OUR_NAMES[TRIAL_LABEL]}{self.number}-{kind or self._made}"


def own_listening(
    facts: ContainerFacts,
    others: Iterable[ContainerFacts],
) -> tuple[SocketEndpoint, ...]:
    """What it listens on; nothing, where that may be one of the others, because it lends it its
    network."""
    lent = {f"container:{facts.name}", f"container:{facts.id}"}
    if any(lent & {*other.spec[NETWORK]} for other in others):
        return ()
    return ask_or(facts, lambda kernel: kernel.listening, ())


CONNECTIONS, REQUESTS, RELOAD, ROTATION = (
    "several connections",
    "requests",
    "reload",
    "log rotation",
)
STOP, RESTART = "stop", "restart"
_CLIENTS = {
    "connections": CONNECTIONS,
    "requests": REQUESTS,
    "commands": "commands",
    "greeting": "greeting",
}
_UNSEEN: dict[int, str] = {
    **dict.fromkeys((22, 110, 143, 389, 636, 993, 995), "login"),
    21: "login and transfers",
    **dict.fromkeys((25, 465, 587), "delivery of mail"),
    **dict.fromkeys((1433, 3306, 5432, 9042, 27017), "login and queries"),
    **dict.fromkeys(
        (80, 443, 3000, 5000, 8000, 8080, 8443),
        "requests that change data",
    ),
}
"""Port -> the usual work there that needs an account or data of its own, so no twin is given it."""
_LOAD = NotExercised("load", "a trial is short")
_REOPENS_WITHIN = 3.0
_PAUSE = 0.2
_A_MOMENT = 0.4  # seconds in which a program that takes SIGHUP for its end is gone
_MOST_PROCESSES, _MOST_DESCRIPTORS = 64, 256
_INITS = ("catatonit", "tini", "dumb-init", "podman-init", "docker-init")
_LOG_ENDINGS = (".log", "_log", "-log", ".err")
_WRITES = os.O_WRONLY | os.O_RDWR


class Habits(Struct, frozen=True):
    """What the unchanged twin does when asked, so that a hardened one is asked for no more."""

    reloads: bool = False  # it handles SIGHUP and goes on
    log: str = ""  # a log file that it opens again after a rotation; empty = none
    not_exercised: tuple[NotExercised, ...] = ()  # what it is not asked for, and why


class Lived(Struct, frozen=True):
    """What a twin did, what could not be asked of it, and what it did not survive (empty if it
    works)."""

    exercised: tuple[str, ...] = ()
    missing: tuple[NotExercised, ...] = ()
    why: str = ""


def habits_of(
    stage: Stage,
    twin: Twin,
    expected: Expectation,
) -> Habits:
    """Find out what an unchanged, ready twin does. It is started again if a signal ended it.

    Raises:
        EngineError: it does not start again.
    """
    files = stage.files
    if files is None:
        far = "the engine is on another machine"
        return Habits(
            not_exercised=(
                NotExercised(RELOAD, far),
                NotExercised(ROTATION, far),
                _LOAD,
            )
        )
    missing = []
    reloads, log = False, ""
    if not handles(files, twin.pid, signal.SIGHUP):
        missing.append(NotExercised(RELOAD, "it does not handle SIGHUP"))
    elif why := _reloaded(stage, twin, expected):
        missing.append(NotExercised(RELOAD, f"SIGHUP is no reload for it: {why}"))
        twin.start()
        stage.wait(twin, expected)
    else:
        reloads = True
    logs = tuple(open_logs(files, twin.pid))
    if not logs:
        missing.append(NotExercised(ROTATION, "it keeps no log file open"))
    elif why := _renamed(stage, twin, logs[0]) or _reopened(
        stage, twin, expected, logs[0], reloads=reloads
    ):
        missing.append(NotExercised(ROTATION, why))
    else:
        log = logs[0]
    ports = _ports(files, twin)
    unseen = dict.fromkeys(_UNSEEN[port] for port in sorted(ports) if port in _UNSEEN)
    missing += [NotExercised(what, "it needs an account or data of its own") for what in unseen]
    return Habits(reloads, log, (*missing, _LOAD))


def live(
    stage: Stage,
    twin: Twin,
    expected: Expectation,
    habits: Habits,
) -> Lived:
    """Lead a ready twin through what the unchanged one does; it is not stopped here."""
    done = ["probe"] if expected.probes else []
    files = stage.files
    if files is None:
        return Lived(tuple(done))
    done += _clients(files, twin)
    if habits.reloads:
        if why := _reloaded(stage, twin, expected):
            return Lived(tuple(done), why=f"after SIGHUP: {why}")
        done.append(RELOAD)
    missing = []
    if habits.log:
        if why := _renamed(stage, twin, habits.log):
            missing.append(NotExercised(ROTATION, why))
        elif why := _reopened(
            stage,
            twin,
            expected,
            habits.log,
            reloads=habits.reloads,
        ):
            return Lived(tuple(done), why=f"after its log was rotated: {why}")
        else:
            done.append(ROTATION)
    if habits.reloads or habits.log:
        _clients(files, twin)
        if why := stage.wait(twin, expected).why:
            return Lived(tuple(done), why=why)
    return Lived(tuple(dict.fromkeys(done)), tuple(missing))


# --- clients --------------------------------------------------------------------------------------


def _ports(files: Files, twin: Twin) -> frozenset[int]:
    listening = read_ports(files, twin.pid)
    if isinstance(listening, Unread):
        return frozenset()
    return frozenset(int(port.partition("/")[2]) for port in listening if port.startswith("tcp/"))


def _clients(files: Files, twin: Twin) -> list[str]:
    """What clients did at its ports."""
    ports = _ports(files, twin)
    words = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        _CLIENT,
        twin.address,
        json.dumps(sorted(ports)),
        str(AT_ONCE),
    ]
    answer = run_program([*in_network_of(twin.pid), *words], _LIMIT) if ports else ""
    try:
        done: dict[str, list[str]] = {} if isinstance(answer, Unread) else json.loads(answer)
    except ValueError:
        return []  # the clients ended without an answer
    told = dict.fromkeys(word for words in done.values() for word in words)
    return [_CLIENTS[word] for word in told if word in _CLIENTS]


# --- signals --------------------------------------------------------------------------------------


def handles(files: Files, pid: int, number: int) -> bool:
    """Whether a signal reaches a handler of the main process, or waits to be read by it."""
    for process in _past_inits(files, pid):
        try:
            status = files.read_text(f"/proc/{process}/status")
        except OSError:
            return False
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        taken = int(fields.get("SigCgt", "0"), 16) | int(fields.get("SigBlk", "0"), 16)
        return bool(taken >> (number - 1) & 1)
    return False


def stops_when_told(files: Files, document: Mapping[str, Any]) -> bool:
    """Whether its main process takes its stop signal: for process 1 the kernel drops it otherwise."""
    number, pid = stop_signal(document), pid_of(document)
    return number == signal.SIGKILL or not pid or handles(files, pid, number)


def _past_inits(files: Files, pid: int) -> Iterator[int]:
    """The main process, past an init that only passes signals on."""
    for _ in range(4):
        try:
            name = files.read_text(f"/proc/{pid}/comm").strip()
        except OSError:
            return
        below = _children(files, pid)
        if name not in _INITS or len(below) != 1:
            yield pid
            return
        pid = below[0]


def _children(files: Files, pid: int) -> tuple[int, ...]:
    try:
        return tuple(
            int(word) for word in files.read_text(f"/proc/{pid}/task/{pid}/children").split()
        )
    except OSError:
        return ()


def _reloaded(
    stage: Stage,
    twin: Twin,
    expected: Expectation,
) -> str:
    """Send SIGHUP; why it does not work afterwards. It is judged again at the end of its life."""
    stage.changing.containers.kill(twin.id, signal="HUP")
    return stage.wait(
        twin,
        replace(expected, settle=min(expected.settle, _A_MOMENT)),
    ).why


# --- logs -----------------------------------------------------------------------------------------


def open_logs(files: Files, pid: int) -> Iterator[str]:
    """The log files that its processes have open for writing, as the container sees them."""
    seen: set[str] = set()
    for process in _processes(files, pid):
        for path in _written_by(files, process):
            if path not in seen and _is_log(path):
                seen.add(path)
                yield path


def _processes(files: Files, pid: int) -> Iterator[int]:
    waiting = [pid]
    for _ in range(_MOST_PROCESSES):
        if not waiting:
            return
        process = waiting.pop(0)
        yield process
        waiting += _children(files, process)


def _written_by(files: Files, pid: int) -> Iterator[str]:
    try:
        descriptors = files.list_dir(f"/proc/{pid}/fd")[:_MOST_DESCRIPTORS]
    except OSError:
        return
    for descriptor in descriptors:
        try:
            path = files.read_link(f"/proc/{pid}/fd/{descriptor}")
            flags = files.read_text(f"/proc/{pid}/fdinfo/{descriptor}")
        except OSError:
            continue
        fields = dict(line.split(":\t", 1) for line in flags.splitlines() if ":\t" in line)
        if int(fields.get("flags", "0"), 8) & _WRITES:
            yield path


def _is_log(path: str) -> bool:
    elsewhere = not path.startswith("/") or path.startswith(("/dev/", "/proc/", "/sys/"))
    if elsewhere or path.endswith(" (deleted)"):
        return False
    return path.endswith(_LOG_ENDINGS) or not {"log", "logs"}.isdisjoint(
        posixpath.dirname(path).split("/")
    )


def _renamed(stage: Stage, twin: Twin, path: str) -> str:
    """Rename its log, as logrotate does; why that is impossible.

    From outside a user namespace a file on its tmpfs cannot be renamed (EOVERFLOW), but in the
    container.
    """
    try:
        _rename(twin.pid, path, path + ".1")
    except OSError as error:
        why = f"{visible(path, 120)} cannot be renamed: {reason(error)}"
    else:
        return ""
    words = ("mv", path, path + ".1")
    try:
        code, _ = stage.changing.containers.run_inside(
            twin.id,
            words,
            user="0",
        )
    except EngineError:
        return why
    return why if code else ""


def _reopened(
    stage: Stage,
    twin: Twin,
    expected: Expectation,
    path: str,
    *,
    reloads: bool,
) -> str:
    """Tell it that its log was rotated; why it does not work, or not log, afterwards."""
    files = stage.files
    if reloads and (why := _reloaded(stage, twin, expected)):
        return why
    end = monotonic() + _REOPENS_WITHIN
    while files is not None and path not in open_logs(files, twin.pid):
        if monotonic() >= end:
            return f"it does not open {visible(path, 120)} again"
        _clients(files, twin)  # some open their log with the next request
        sleep(_PAUSE)
    return ""


def _rename(pid: int, path: str, new: str) -> None:
    """Rename a file in the twin: step by step below its own root, and never through a link."""
    handles = [os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        for name in filter(None, posixpath.dirname(path).split("/")):
            step = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            handles.append(os.open(name, step, dir_fd=handles[-1]))
        here = handles[-1]
        os.rename(
            posixpath.basename(path), posixpath.basename(new), src_dir_fd=here, dst_dir_fd=here
        )
    finally:
        for handle in handles:
            os.close(handle)


# Small, harmless work for a service, as clients give it: several connections at once, and what the
# protocols of known services say in plain text. Our own program runs in the network namespace of
# the twin, like `host.network.knock`, and talks to it alone.

AT_ONCE = 8
"""Connections that are open at the same time."""
_LIMIT = 60.0
_CLIENT = r"""
import json, select, socket, ssl, sys
address, ports, count = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
BODY = b"x" * 262144
SILENT = (80, 443, 3000, 5000, 8000, 8080, 8443, 9090)  # web servers wait for the client
TALKS = {
    1883: (b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03htu", b"\x82\x06\x00\x01\x00\x01a\x00",
           b"\x31\x04\x00\x01a1", b"\xe0\x00"),
    5432: (b"\x00\x00\x00\x29\x00\x03\x00\x00user\x00postgres\x00database\x00postgres\x00\x00",),
    6379: (b"PING\r\n", b"SET hardentui 1 EX 60\r\n", b"GET hardentui\r\n", b"INFO\r\n", b"BGSAVE\r\n",
           b"QUIT\r\n"),
    11211: (b"set hardentui 0 60 1\r\n1\r\n", b"get hardentui\r\n", b"stats\r\n", b"quit\r\n"),
}
GREETINGS = {
    b"220": (b"EHLO twin.invalid\r\n", b"NOOP\r\n", b"QUIT\r\n"),
    b"SSH": (b"SSH-2.0-hardentui\r\n",),
    b"+OK": (b"CAPA\r\n", b"QUIT\r\n"),
    b"* O": (b"a CAPABILITY\r\n", b"b LOGOUT\r\n"),
}
HEAD = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
WEB = [
    b"GET /" + HEAD + b"\r\n", b"GET /index.html" + HEAD + b"\r\n", b"HEAD /" + HEAD + b"\r\n",
    b"GET /hardentui/none?a=b" + HEAD + b"\r\n",
    b"POST /" + HEAD + b"Content-Type: application/octet-stream\r\nContent-Length: 262144\r\n\r\n" + BODY,
]
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE

def opened(port, seconds=3.0):
    link = socket.create_connection((address, port), seconds)
    link.settimeout(seconds)
    return TLS.wrap_socket(link) if port in (443, 465, 993, 995, 8443) else link

def answer(link, seconds):
    link.settimeout(seconds)
    try:
        return link.recv(65536)
    except (TimeoutError, ssl.SSLError):
        return b""

def talk(link, lines):
    heard = 0
    for line in lines:
        link.sendall(line)
        heard += len(answer(link, 2.0))
    return heard

def visit(port):
    done = []
    crowd = []
    try:
        for _ in range(count):
            crowd.append(opened(port))
        done.append("connections")
        first = crowd[0]
        said = b"" if port in TALKS or port in SILENT else answer(first, 0.7)
        if port in TALKS:
            if talk(first, TALKS[port]):
                done.append("commands")
        elif said:
            done.append("greeting")
            talk(first, GREETINGS.get(said[:3], ()))
        else:
            first.sendall(WEB[0])
            if answer(first, 3.0).startswith(b"HTTP/"):
                done.append("requests")
                for request in WEB[1:]:
                    with opened(port) as link:
                        try:
                            link.sendall(request)
                        except OSError:
                            pass
                        answer(link, 3.0)
    except OSError:
        pass
    for link in crowd:
        link.close()
    return done

print(json.dumps({str(port): visit(port) for port in ports}))
"""
