"""The ports that a container can be reached at."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.host.files.reader import Files, reason
from hardentui.host.process.activity import listening_sockets
from hardentui.model.facts import ListeningSocket
from hardentui.model.known import Known, Unreadable

_LISTENING = "0A"
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


def ports_of(listening: Known[Iterable[ListeningSocket]]) -> frozenset[str]:
    """The ports that others can reach: `tcp/80`. A UDP port may belong to a client, so it does not count."""
    if isinstance(listening, Unreadable):
        return frozenset()
    return frozenset(
        f"{socket.protocol}/{socket.port}"
        for socket in listening
        if socket.protocol == "tcp" and not socket.address.startswith("127.") and socket.address != "::1"
    )
