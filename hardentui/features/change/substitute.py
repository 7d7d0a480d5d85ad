"""A second container that serves while an original gives its place to its successor.

A published port has one owner at a time. Where a container only serves, a second
hardened one without published ports starts beside it, a table of nftables of ours forwards the
ports to it, and only then does the original stop. The table goes when the successor is ready. No
rule of anybody else is touched.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

from msgspec.structs import replace

from hardentui import account, options
from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import ChangeFailed, NotFound
from hardentui.features.change.inspected import pid_of
from hardentui.features.change.operator import (
    Cancelled,
    OperationOutcome,
    Operator,
    raise_if_stopped,
)
from hardentui.features.change.originals import is_made_by
from hardentui.features.change.reached_ports import published, read_ports
from hardentui.features.change.wait import Wait, expectation
from hardentui.host.files import Files, reason
from hardentui.host.process.activity import listening_sockets
from hardentui.model.facts import ContainerFacts
from hardentui.model.journal import JournalEntry
from hardentui.model.known import Known, Unread
from hardentui.model.ledger import NewerData
from hardentui.model.operations import EndSubstitute, StartSubstitute
from hardentui.model.spec import Option, Spec
from hardentui.visible import visible
from hardentui.writers.run_script import run_arguments

_UNFIT: tuple[Option[Any], ...] = (
    *(
        options.POD,
        options.IP,
        options.IP6,
        options.MAC_ADDRESS,
        options.DEVICES,
        options.PRIVILEGED,
    ),
    *(
        options.PID,
        options.IPC,
        options.REMOVE,
        options.VOLUMES_FROM,
        options.SDNOTIFY,
    ),
)
_ITS_OWN = (
    *(
        options.PUBLISH,
        options.PUBLISH_ALL,
        options.RESTART,
        options.LABELS,
    ),
    *(options.PIDFILE, options.CONMON_PIDFILE),
)
_ESTABLISHED = "01"
_DRAIN = 3.0  # seconds until connections that are open have ended, at most
_PAUSE = 0.05
_LONGEST_ANSWER = 20.0
_ANY = "0.0.0.0"  # noqa: S104 - as Podman writes it
_TABLE_LIMIT = 16 << 20
_MOST_ENTRIES = 20_000
_ADDRESS = re.compile(r"[0-9.]{7,15}")
_NETWORK = re.compile(rf"{_ADDRESS.pattern}/[0-9]{{1,2}}")
"""Nothing else of an engine's answer gets into rules."""


def substitute(
    facts: ContainerFacts,
    spec: Spec,
    files: Files,
    *,
    suffix: str,
    empty: Collection[str],
    client: Sequence[str] | None,
) -> tuple[tuple[StartSubstitute, ...], tuple[str, ...]]:
    """The substitute of a container that is proven to only serve: two of it at once do nothing
    twice. Else a sentence on why there is none; neither where nothing could forward its ports.

    Args:
        spec: of the successor.
        empty: its new volumes, into which the service has written nothing yet.
        client: what a trial showed of others that it asks; None: not known.
    """
    if not _can_forward(facts, spec):
        return (), ()
    pid = pid_of(facts.inspect)
    listening = read_ports(files, pid)
    if isinstance(listening, Unread):
        return (), (_without(f"what it listens on is not known: {listening.reason}"),)
    if {f"tcp/{port}" for port in _connected(files, pid)} - listening:
        return (), (_without("it is connected to something now"),)
    if why := _not_only_serves(facts, spec, files, empty, client):
        return (), (_without(why),)
    mounts = spec[options.MOUNTS]
    volatile = tuple(mount.destination for mount in mounts if mount.source in empty)
    spec = spec.with_(
        options.MOUNTS,
        tuple(mount for mount in mounts if mount.source not in empty),
    )
    spec = spec.with_(options.TMPFS, (*spec[options.TMPFS], *volatile)).without(*_ITS_OWN)
    name = f"{facts.name}-meanwhile-{suffix}"
    words = run_arguments(
        spec.with_(options.NAME, name),
        "create",
        facts.engine.version,
    )
    second = StartSubstitute(
        name=name,
        original=facts.id,
        arguments=words,
        listening=tuple(sorted(listening)),
    )
    return (second,), ()


def _without(why: str) -> str:
    return f"it stops and starts, and no second one serves meanwhile: {why}"


def _can_forward(facts: ContainerFacts, spec: Spec) -> bool:
    """Whether a table of nftables of ours can forward its ports to a second one."""
    engine, networks = facts.engine, facts.inspect.get("NetworkSettings") or {}
    rootful = (
        engine.local
        and engine.rootless is False
        and not os.geteuid()
        and account.find_program("nft")
    )
    bridged = (facts.inspect.get("HostConfig") or {}).get("NetworkMode") == "bridge"
    addressed = any("ip=" in argument or "mac=" in argument for argument in spec[options.NETWORK])
    ipv6 = any(
        network.get("GlobalIPv6Address") for network in (networks.get("Networks") or {}).values()
    )
    fit = not addressed and not ipv6 and not any(spec[option] for option in _UNFIT)
    return bool(rootful and bridged and fit and forwarding(facts.inspect, "127.0.0.1/8"))


def _not_only_serves(
    facts: ContainerFacts,
    spec: Spec,
    files: Files,
    empty: Collection[str],
    client: Sequence[str] | None,
) -> str:
    """Why two of it at once could do something twice; empty if it is proven that they do not."""
    lasting = [
        mount.destination
        for mount in spec[options.MOUNTS]
        if not mount.read_only and mount.source not in empty
    ]
    if not spec[options.READ_ONLY]:
        return "its root file system is writable"
    if lasting:
        return f"it writes to {visible(lasting[0], 80)}"
    channel = _channel(facts, files)
    if isinstance(channel, Unread):
        return f"whether its mounts hold sockets is not known: {channel.reason}"
    if channel:
        return f"it can reach a socket, {visible(channel, 120)}"
    if client is None:
        return "whether it asks others was not learned (a trial that learns shows it)"
    return client[0] if client else ""


def _channel(facts: ContainerFacts, files: Files) -> Known[str]:
    """A socket or named pipe in one of its mounts, as it sees it; empty if there is none. A mount
    that is read-only hinders nobody from talking through one; who listens may be in any network.
    """
    left = _MOST_ENTRIES
    for mount in facts.inspect.get("Mounts") or ():
        source, inside = str(mount.get("Source") or ""), str(mount.get("Destination") or "")
        waiting = [source] if source.startswith("/") else []
        while waiting:
            path = waiting.pop()
            left -= 1
            if left < 0:
                return Unread(f"they hold more than {_MOST_ENTRIES} files")
            try:
                mode = files.stat(path, follow=path == source).mode
                if stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode):
                    return f"{inside}{path.removeprefix(source)}"
                if stat.S_ISDIR(mode):
                    waiting += [f"{path.rstrip('/')}/{name}" for name in files.list_dir(path)]
            except FileNotFoundError:
                continue
            except OSError as error:
                return Unread(f"{visible(path, 120)}: {reason(error)}")
    return ""


def _connected(files: Files, pid: int) -> list[int]:
    """Local ports of the established connections in the network of a process."""
    ports: list[int] = []
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            text = files.read_text(f"/proc/{pid}/net/{table}", _TABLE_LIMIT)
            ports += [socket.port for _, socket in listening_sockets(text, "tcp", _ESTABLISHED)]
    return ports


def forwarding(document: Mapping[str, Any], to: str) -> str:
    """Chains of nftables that send what comes to a container's published ports to another address;
    empty if it has none, or others than those of TCP over IPv4.

    Args:
        to: with the length of its network, whose members need an answer by the way they asked.
    """
    rules, address = "", to.partition("/")[0]
    if not _NETWORK.fullmatch(to):
        return ""
    for port, places in ((document.get("NetworkSettings") or {}).get("Ports") or {}).items():
        number, _, protocol = port.partition("/")
        for place in places or ():
            host = str(place.get("HostIp") or _ANY)
            if protocol != "tcp" or not _ADDRESS.fullmatch(host):
                return ""
            match = "fib daddr type local" if host == _ANY else f"ip daddr {host}"
            rules += f"{match} tcp dport {int(place['HostPort'])} dnat to {address}:{int(number)}\n"
    back = f"ip daddr {address} ct status dnat ip saddr {{ 127.0.0.0/8, {to} }} masquerade"
    return rules and "\n".join(
        f"chain {hook} {{ type nat hook {hook} priority {priority};\n{what}\n}}"
        for hook, priority, what in (
            ("prerouting", -110, rules),
            ("output", -110, rules),
            ("postrouting", 90, back),
        )
    )


_ASKS = """
import select, socket, sys, time
def silent():
    for place in sys.argv[1:]:
        address, _, port = place.rpartition(":")
        try:
            socket.create_connection((address, int(port)), 3).close()
        except OSError:
            return True
    return False
print(silent(), flush=True)
down, last = 0.0, time.monotonic()
while not select.select([sys.stdin], [], [], 0.02)[0]:
    is_silent, now = silent(), time.monotonic()
    down, last = down + is_silent * (now - last), now
print(down)
"""


class _Client:
    """A process in the network of the engine's host that asks the published ports until its input
    ends."""

    def __init__(
        self,
        service: int,
        places: tuple[tuple[str, int], ...],
    ) -> None:
        words = [
            "nsenter",
            f"--net=/proc/{service}/ns/net",
            "--",
            sys.executable,
            "-I",
            "-S",
            "-c",
            _ASKS,
        ]
        words += [f"{address}:{port}" for address, port in places]
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=account.environment(),
            start_new_session=True,  # Ctrl-C is for us
        )

    def is_answered(self) -> bool:
        return self._process.stdout is not None and self._process.stdout.readline() == "False\n"

    def down(self) -> float | None:
        """Seconds in which one of the ports did not answer; None if that is not known. Ends it."""
        with suppress(
            OSError,
            ValueError,
            subprocess.SubprocessError,
        ):
            return float(self._process.communicate("", timeout=_LONGEST_ANSWER)[0])
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LONGEST_ANSWER)
        return None


class SubstituteOperator(Operator[StartSubstitute]):
    """Starts the substitute; whoever undoes the change removes it with its table."""

    kind = StartSubstitute

    def __init__(
        self,
        engine: ChangingEngine,
        files: Files | None,
    ) -> None:
        self._engine = engine
        self._files = files
        self._client: _Client | None = None

    def do(
        self,
        operation: StartSubstitute,
        stop: threading.Event,
    ) -> OperationOutcome:
        """What does not work is taken back, and the change goes on without."""
        try:
            operation = replace(operation, created=self._serving(operation, stop))
        except KeyboardInterrupt:
            raise Cancelled("It was interrupted.") from None
        except ChangeFailed as error:
            self.remove(operation)
            raise_if_stopped(stop)
            return OperationOutcome(
                remark=f"not possible: {error.title.rstrip('.')}; stop and start instead"
            )
        return OperationOutcome(operation)

    def _serving(
        self,
        operation: StartSubstitute,
        stop: threading.Event,
    ) -> str:
        """Its ID, once it serves the ports and the original has answered who asked before."""
        containers = self._engine.containers
        created = containers.create_by_command(operation.arguments)
        containers.start(created)
        expected = expectation(containers.inspect(created), operation.listening)
        ready = Wait(
            containers,
            created,
            expected,
            files=self._files,
            stop=stop,
        ).outcome()
        if not ready.ready:
            raise ChangeFailed(ready.why)
        original = containers.inspect(operation.original)
        network = next(iter(containers.inspect(created)["NetworkSettings"]["Networks"].values()))
        chains = forwarding(original, f"{network['IPAddress']}/{network['IPPrefixLen']}")
        if not chains:
            raise ChangeFailed("its ports cannot be forwarded")
        self._engine.set_table(operation.table, chains)
        self._client = _Client(self._engine.service, published(original))
        if not self._client.is_answered():
            raise ChangeFailed("a port that is forwarded to it does not answer")
        self._drain(original)
        return created

    def clear(
        self,
        operation: StartSubstitute,
        entry: JournalEntry,
    ) -> tuple[NewerData, ...]:
        """It serves until all else is as before."""
        self.remove(operation)
        return ()

    def remove(self, operation: StartSubstitute) -> float | None:
        """Its table first: new connections reach whoever has the ports, and it answers those that
        it has.

        Returns how long a port did not answer, if it served and that was measured here.
        """
        if self._engine.account() or os.geteuid():
            return None
        self._engine.set_table(operation.table)
        with suppress(NotFound):
            container = self._engine.containers.inspect(operation.name)
            if is_made_by(operation, container):
                self._drain(container)
                self._engine.containers.remove(
                    str(container["Id"]),
                    force=True,
                    volumes=False,
                )
        client, self._client = self._client, None
        return client.down() if client else None

    def _drain(self, container: Mapping[str, Any]) -> None:
        """Until its open connections have ended."""
        pid, end = int(container["State"]["Pid"]), monotonic() + _DRAIN
        while (
            self._files is not None and pid and monotonic() < end and _connected(self._files, pid)
        ):
            sleep(_PAUSE)


class EndSubstituteOperator(Operator[EndSubstitute]):
    """Ends what `substitutes` started; its way back is theirs."""

    kind = EndSubstitute

    def __init__(self, substitutes: SubstituteOperator) -> None:
        self._substitutes = substitutes

    def do(
        self,
        operation: EndSubstitute,
        stop: threading.Event,
    ) -> OperationOutcome:
        return OperationOutcome(down=self._substitutes.remove(operation.substitute))
