"""The wait until a container is ready."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from msgspec import Struct

from hardentui import account
from hardentui.child_process import ChildTimedOut, run_child
from hardentui.engine.change.containers import ContainerControl
from hardentui.errors import EngineError
from hardentui.host.commands import Run
from hardentui.host.files import Files, reason
from hardentui.host.network.knock import SECONDS, knock
from hardentui.host.process.activity import listening_sockets
from hardentui.model.facts import SocketEndpoint
from hardentui.model.known import Known, Unread
from hardentui.model.reach import ConnectOutcome
from hardentui.model.trial import How
from hardentui.visible import visible
from hardentui.words import plural

# Probes: commands that test whether a service works.
#
# A probe is a line of shell that the user wrote on the command line; it runs with the user's own
# rights, with `sh -c`. Nothing from the container gets into that line: address and name are
# environment variables.

PROBE_LIMIT = 10.0  # seconds for one run of one probe
_SHOWN = 300
_KEPT = 64 << 10  # bytes
_NOT_FOUND = 127
_SLOWER = 5.0  # times as slow as usual
_LEAST_SLOW = 2.0  # seconds below which no answer counts as slow
_STOP_TIMEOUT = 10  # of Podman, where a container has none of its own


class ProbeResult(Struct, frozen=True):
    """One run of a probe."""

    command: str
    why: str = ""  # how it failed; empty when it succeeded
    exit_code: int | None = None  # of the shell; None if it was not started or did not end
    output: str = ""  # what it printed, not yet escaped

    @property
    def lacks_program(self) -> bool:
        """The shell found no program of that name."""
        return self.exit_code == _NOT_FOUND

    @property
    def succeeded(self) -> bool:
        return not self.why


RunProbe = Callable[[str, float], ProbeResult]
"""Runs a command with a time limit in seconds."""


def run_probe(
    command: str,
    seconds: float,
    *,
    address: str = "",
    name: str = "",
    inside: Sequence[str] = (),
) -> ProbeResult:
    """Run `sh -c COMMAND`; it and everything it started are ended after `seconds`.

    Args:
        address, name: become $TARGET (and $TWIN_IP, its older name) and $TWIN_NAME.
        inside: a command prefix that enters other namespaces, such as those of `in_network_of`.
    """
    environment = {
        **account.environment(),
        "TARGET": address,
        "TWIN_IP": address,
        "TWIN_NAME": name,
    }
    words = [*inside, "sh", "-c", command]
    try:
        done = run_child(
            words,
            seconds=seconds,
            environment=environment,
            merged=True,
            kept=_KEPT,
        )
    except OSError as error:
        return ProbeResult(command, f"{words[0]} cannot be run: {error.strerror}")
    except ChildTimedOut:
        return ProbeResult(command, f"it did not end within {seconds:g} s")
    text = done.output.decode("utf-8", "replace").strip()
    if done.code == 0:
        return ProbeResult(
            command,
            exit_code=0,
            output=text,
        )
    lines = text.splitlines()
    last_line = f": {visible(lines[-1], _SHOWN)}" if lines else ""
    return ProbeResult(
        command,
        f"it ended with status {done.code}{last_line}",
        done.code,
    )


def is_slow(seconds: float, usual: float) -> bool:
    """Whether an answer takes much longer than usual."""
    return seconds > max(_LEAST_SLOW, _SLOWER * usual)


def names_target(command: str) -> bool:
    """Whether a probe asks the container itself; else it runs on the host, like a client."""
    return (
        "$TARGET" in command
        or "${TARGET" in command
        or "$TWIN_IP" in command
        or "${TWIN_IP" in command
    )


def in_network_of(pid: int) -> tuple[str, ...]:
    """A command prefix that enters the network of a process of this machine, as this user."""
    user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    return ("nsenter", f"--target={pid}", *user, "--net", "--")


# What the inspect document of a container says of its process.


def pid_of(document: Mapping[str, Any]) -> int:
    """Its main process; 0 if it does not run."""
    return int((document.get("State") or {}).get("Pid") or 0)


def is_running(document: Mapping[str, Any]) -> bool:
    return bool((document.get("State") or {}).get("Running"))


def stop_timeout(document: Mapping[str, Any]) -> int:
    """Seconds that it has to stop."""
    given = (document.get("Config") or {}).get("StopTimeout")
    return _STOP_TIMEOUT if given is None else int(given)


def stop_signal(document: Mapping[str, Any]) -> int:
    """The number of the signal that stops it."""
    given = (
        str((document.get("Config") or {}).get("StopSignal") or "TERM").upper().removeprefix("SIG")
    )
    return int(given) if given.isdecimal() else getattr(signal, f"SIG{given}", signal.SIGTERM)


def addresses_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Its IPv4 address in each of its networks; one that it has outside of them first."""
    settings = document.get("NetworkSettings") or {}
    networks = (settings.get("Networks") or {}).values()
    places = (
        settings,
        *(network for network in networks if isinstance(network, Mapping)),
    )
    addresses = (str(place.get("IPAddress") or "") for place in places)
    return tuple(dict.fromkeys(address for address in addresses if address))


# The ports that a container can be reached at.

_LISTENING, _BOUND = "0A", "07"
_TABLE_LIMIT = 16 << 20
_REACHED = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - as Podman writes it


def read_ports(files: Files, pid: int) -> Known[frozenset[str]]:
    """The listening ports in the network of a process: `tcp/80`.

    Only the network tables are read: the owner of a socket is visible to root only.
    """
    sockets: set[SocketEndpoint] = set()
    for table in ("tcp", "tcp6"):
        path = f"/proc/{pid}/net/{table}"
        try:
            content = files.read_text(path, _TABLE_LIMIT)
        except FileNotFoundError:
            if table == "tcp":
                return Unread("the process has ended")
            continue  # a kernel without IPv6
        except OSError as error:
            return Unread(f"{path}: {reason(error)}")
        sockets.update(socket for _, socket in listening_sockets(content, "tcp", _LISTENING))
    return ports_of(sockets)


def who_listens(
    files: Files,
    pid: int,
    port: int,
) -> str:
    """Which process listens on a port in the network of another one: `nginx, process 812`; empty if
    that cannot be seen. conmon holds the ports that Podman publishes."""
    inodes = set()
    for table, state in (
        ("tcp", _LISTENING),
        ("tcp6", _LISTENING),
        ("udp", _BOUND),
        ("udp6", _BOUND),
    ):
        with suppress(OSError):
            text = files.read_text(f"/proc/{pid}/net/{table}", _TABLE_LIMIT)
            sockets = listening_sockets(text, table.rstrip("6"), state)
            inodes |= {f"socket:[{inode}]" for inode, socket in sockets if socket.port == port}
    if not inodes:
        return ""
    for number in (name for name in files.list_dir("/proc") if name.isdecimal()):
        with suppress(OSError):
            for name in files.list_dir(f"/proc/{number}/fd"):
                if files.read_link(f"/proc/{number}/fd/{name}") in inodes:
                    return (
                        f"{visible(files.read_text(f'/proc/{number}/comm').strip(), 40)}, "
                        f"process {number}"
                    )
    return ""


def published(document: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """Address and port of the TCP ports that a container publishes on its host."""
    ports = ((document.get("NetworkSettings") or {}).get("Ports") or {}).items()
    places = [place for port, given in ports if port.endswith("/tcp") for place in given or ()]
    reached = {
        (
            _REACHED.get(address := str(place.get("HostIp") or ""), address),
            int(place["HostPort"]),
        )
        for place in places
        if str(place.get("HostPort") or "").isdecimal()
    }
    return tuple(sorted(reached))


def answers(
    run: Run,
    service: int,
    address: str,
    port: int,
) -> bool | None:
    """Whether a port of the engine's host accepts connections, as a client there sees it; None if
    that cannot be tried.

    Args:
        service: a process in the network of the engine's host.
    """
    try:
        inside = os.stat(f"/proc/{service}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino
    except OSError:
        return None
    if inside:
        try:
            with socket.create_connection((address, port), SECONDS):
                return True
        except OSError:
            return False
    if os.geteuid():
        return None
    outcome = knock(run, service, address, port)
    return None if isinstance(outcome, Unread) else outcome is ConnectOutcome.CONNECTED


def ports_of(listening: Known[Iterable[SocketEndpoint]]) -> frozenset[str]:
    """The ports that others can reach: `tcp/80`. A UDP port may belong to a client, so it does not
    count."""
    if isinstance(listening, Unread):
        return frozenset()
    return frozenset(
        f"{socket.protocol}/{socket.port}"
        for socket in listening
        if socket.protocol == "tcp"
        and not socket.address.startswith("127.")
        and socket.address != "::1"
    )


# The criterion of readiness: the best available evidence.

PATIENCE = 30.0
ALIVE = 3.0
SETTLED = 1.0


class Expectation(Struct, frozen=True):
    """When a container counts as ready."""

    how: How  # by its health check, its listening ports, or by staying alive
    ports: frozenset[str] = frozenset()  # `tcp/80`: all of them must be listening (for PORTS)
    patience: float = PATIENCE  # seconds within which all of this must happen
    settle: float = SETTLED  # seconds that the main process must stay alive afterwards
    probes: tuple[str, ...] = ()  # commands that must all succeed
    # it may exit with code 0 and then counts as ready (a job, not a service)
    ends_well: bool = False

    @property
    def words(self) -> str:
        """The awaited condition, for a sentence."""
        if self.how is How.HEALTH:
            return "its health check"
        if self.how is How.PORTS:
            return f"a listener on {', '.join(sorted(self.ports))}"
        return f"its main process to stay alive for {self.settle:g} s"


def expectation(
    document: Mapping[str, Any],
    ports: Iterable[str],
    patience: float = PATIENCE,
) -> Expectation:
    """How a container is judged.

    Args:
        document: its inspect document.
        ports: those it listens on when it works (`ports_of`).
    """
    if has_health_check(document):
        return Expectation(How.HEALTH, patience=patience)
    if known := frozenset(ports):
        return Expectation(How.PORTS, known, patience)
    return Expectation(
        How.ALIVE,
        patience=patience,
        settle=min(ALIVE, patience),
    )


def has_health_check(document: Mapping[str, Any]) -> bool:
    test = ((document.get("Config") or {}).get("Healthcheck") or {}).get("Test")
    return isinstance(test, list) and test[:1] not in ([], ["NONE"])


_PAUSE = 0.2
_PAUSE_HEALTH = 0.5


class Readiness(Struct, frozen=True):
    """How a wait ended."""

    ready: bool
    how: How
    seconds: float  # how long it took
    # what was missing when the time was up, or how the container ended; empty if it is ready
    why: str = ""
    exit_code: int | None = None  # of a main process that ended; None while it is running
    failed_probe: ProbeResult | None = None  # the probe that `why` is about, if any


class Wait:
    """Waits for one started container.

    Args:
        container: its name or id.
        files: this machine's files, for /proc; None when the engine runs on another one.
        run_probe: runs one of the expected probes against this container.
        is_hopeless: whether to stop waiting before the time is over.
        stop: ends the wait immediately with KeyboardInterrupt.
    """

    def __init__(
        self,
        containers: ContainerControl,
        container: str,
        expected: Expectation,
        *,
        files: Files | None,
        run_probe: RunProbe | None = None,
        is_hopeless: Callable[[], bool] = lambda: False,
        stop: threading.Event | None = None,
    ) -> None:
        self._containers = containers
        self._container = container
        self._is_hopeless = is_hopeless
        self._expected = expected
        self._files = files
        self._run_probe = run_probe
        self._stop = stop or threading.Event()
        self._begun = monotonic()
        self._first: tuple[int, int] | None = None
        self._failed_probe: ProbeResult | None = None

    def outcome(self) -> Readiness:
        """Block until it is ready, has ended, is hopeless, or the time is up.

        Raises:
            EngineError: Podman does not return its state.
            KeyboardInterrupt: `stop` was set.
        """
        patience = self._expected.patience
        why = f"time ran out before it could be checked ({patience:.0f} s)"
        stages: list[Callable[[Mapping[str, Any]], str]] = [self._not_expected, self._unanswered]
        while True:
            document = self._containers.inspect(self._container)
            if ended := self._ended(document):
                return ended
            while stages and not (why := stages[0](document)):
                stages.pop(0)
            if not stages:
                return self._settled()
            waited = monotonic() - self._begun
            if waited >= patience or self._is_hopeless():
                why = f"{why}; waited {min(waited, patience):.0f} s"
                return self._result(
                    False,
                    why,
                    failed_probe=self._failed_probe,
                )
            self._sleep(_PAUSE_HEALTH if self._expected.how is How.HEALTH else _PAUSE)

    def ended_since(self) -> str:
        """How it ended after it was ready; empty while it lives, or if it may end.

        Raises:
            EngineError: Podman does not return its state.
        """
        ended = self._ended(self._containers.inspect(self._container))
        return ended.why if ended else ""

    def _settled(self) -> Readiness:
        """Whether it stays alive, and still answers, for a moment after it became ready."""
        end = monotonic() + self._expected.settle
        while True:
            document = self._containers.inspect(self._container)
            if ended := self._ended(document):
                return ended
            if monotonic() >= end:
                break
            self._sleep(_PAUSE)
        if self._expected.how is not How.ALIVE and (why := self._not_expected(document)):
            return self._result(False, f"{why} any more")
        return self._result(True)

    def _not_expected(self, document: Mapping[str, Any]) -> str:
        """What its state lacks; empty if it is as expected."""
        if self._expected.how is How.HEALTH:
            return self._unhealthy()
        if self._expected.how is How.PORTS:
            return self._not_listening(document)
        return ""

    def _unhealthy(self) -> str:
        try:
            status = self._containers.check_health(self._container)
        except EngineError as error:
            return error.title.rstrip(".")
        return "" if status == "healthy" else f"its health check says {visible(status, 40)!r}"

    def _not_listening(self, document: Mapping[str, Any]) -> str:
        if self._files is None:
            return ""  # on another machine this cannot be read; the probes and its survival decide
        listening = read_ports(self._files, pid_of(document))
        if isinstance(listening, Unread):
            return f"its listening ports cannot be read: {listening.reason}"
        missing = self._expected.ports - listening
        return f"it does not listen on {', '.join(sorted(missing))}" if missing else ""

    def _unanswered(self, document: Mapping[str, Any]) -> str:
        """The first probe that fails; empty when all succeed."""
        self._failed_probe = None
        if self._run_probe is None:
            return ""
        for command in self._expected.probes:
            result: ProbeResult = self._run_probe(command, PROBE_LIMIT)
            if not result.succeeded:
                self._failed_probe = result
                return f"the probe {visible(command, 120)!r} failed: {result.why}"
        return ""

    def _ended(self, document: Mapping[str, Any]) -> Readiness | None:
        """The end of the main process, even if Podman restarted it; None while it is alive."""
        state = document.get("State") or {}
        now = (
            int(state.get("Pid") or 0),
            int(document.get("RestartCount") or 0),
        )
        if self._first is None and now[0]:
            self._first = now
        status = str(state.get("Status") or "")
        if status in ("created", "initialized", "configured"):
            return None
        if now[0] and now == self._first:
            return None
        code = int(state.get("ExitCode") or 0)
        if now[0]:
            return self._result(
                False,
                f"it ended and was started again ({plural(now[1], 'time')})",
            )
        if code == 0 and self._expected.ends_well:
            return self._result(True, exit_code=0)
        killed = " (killed: out of memory)" if state.get("OOMKilled") else ""
        return self._result(
            False, f"its main process ended with exit code {code}{killed}", exit_code=code
        )

    def _result(
        self,
        ready: bool,
        why: str = "",
        exit_code: int | None = None,
        failed_probe: ProbeResult | None = None,
    ) -> Readiness:
        seconds = monotonic() - self._begun
        return Readiness(
            ready,
            self._expected.how,
            seconds,
            why,
            exit_code,
            failed_probe,
        )

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise KeyboardInterrupt
