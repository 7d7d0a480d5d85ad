"""The ports that a container can be reached at."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from hardentui.host.commands import Run
from hardentui.host.files import Files, reason
from hardentui.host.network.knock import SECONDS, knock
from hardentui.host.process.activity import listening_sockets
from hardentui.model.facts import SocketEndpoint
from hardentui.model.known import Known, Unread
from hardentui.model.reach import ConnectOutcome
from hardentui.visible import visible

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
