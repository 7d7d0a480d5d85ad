"""The ports that a container can be reached at."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from hardentui.host.files.reader import Files, reason
from hardentui.host.process.activity import listening_sockets
from hardentui.model.facts import ListeningSocket
from hardentui.model.known import Known, Unreadable
from hardentui.visible import visible

_LISTENING, _BOUND = "0A", "07"
_TABLE_LIMIT = 16 << 20


def read_ports(files: Files, pid: int) -> Known[frozenset[str]]:
    """The listening ports in the network of a process: `tcp/80`.

    Only the network tables are read: the owner of a socket is visible to root only.
    """
    sockets: set[ListeningSocket] = set()
    for table in ("tcp", "tcp6"):
        path = f"/proc/{pid}/net/{table}"
        try:
            content = files.read_text(path, _TABLE_LIMIT)
        except FileNotFoundError:
            if table == "tcp":
                return Unreadable("the process has ended")
            continue  # a kernel without IPv6
        except OSError as error:
            return Unreadable(f"{path}: {reason(error)}")
        sockets.update(socket for _, socket in listening_sockets(content, "tcp", _LISTENING))
    return ports_of(sockets)


def who_listens(files: Files, pid: int, port: int) -> str:
    """Which process listens on a port in the network of another one: `nginx, process 812`; empty if that
    cannot be seen. conmon holds the ports that Podman publishes."""
    inodes = set()
    for table, state in (("tcp", _LISTENING), ("tcp6", _LISTENING), ("udp", _BOUND), ("udp6", _BOUND)):
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
                    return f"{visible(files.read_text(f'/proc/{number}/comm').strip(), 40)}, process {number}"
    return ""


def ports_of(listening: Known[Iterable[ListeningSocket]]) -> frozenset[str]:
    """The ports that others can reach: `tcp/80`. A UDP port may belong to a client, so it does not count."""
    if isinstance(listening, Unreadable):
        return frozenset()
    return frozenset(
        f"{socket.protocol}/{socket.port}"
        for socket in listening
        if socket.protocol == "tcp" and not socket.address.startswith("127.") and socket.address != "::1"
    )
