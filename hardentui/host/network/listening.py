"""Listening sockets of the host, by the inode number shown in /proc/PID/fd."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from hardentui.host.files import Files
from hardentui.host.process import open_files
from hardentui.host.process.activity import listening_sockets

_OF_HOST = "/proc/1/net"


_ACCEPTS = "00010000"  # a flag in /proc/PID/net/unix: listen() was called


_TABLES = (("tcp", "0A"), ("tcp6", "0A"))


_LIMIT = 16 << 20


class Listening(Struct, frozen=True):
    """Listening sockets in the host's network namespace."""

    # inode -> path of the socket (`@name` for an abstract one)
    unix: Mapping[str, str] = field(default_factory=dict)
    tcp: Mapping[str, str] = field(default_factory=dict)  # inode -> address, `0.0.0.0:2375`

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(self.unix.values())


def read_listening(files: Files) -> Listening | None:
    """None if the kernel does not show those of the host.

    The tables of the first process are those of the host's network, and everybody may read them.
    """
    try:
        table = files.read_text(f"{_OF_HOST}/unix", _LIMIT)
    except OSError:
        return None
    rows = (line.split(maxsplit=7) for line in table.splitlines())
    unix = {row[6]: settled(row[7]) for row in rows if len(row) == 8 and row[3] == _ACCEPTS}
    return Listening(unix, dict(_tcp(files)))


def settled(path: str) -> str:
    """`/var/run/x` is `/run/x`: a link on every distribution."""
    return f"/run/{path.removeprefix('/var/run/')}" if path.startswith("/var/run/") else path


def _tcp(files: Files) -> Iterator[tuple[str, str]]:
    for table, state in _TABLES:
        try:
            content = files.read_text(f"{_OF_HOST}/{table}", _LIMIT)
        except OSError:
            continue
        for number, socket in listening_sockets(content, "tcp", state):
            address = f"[{socket.address}]" if ":" in socket.address else socket.address
            yield number, f"{address}:{socket.port}"


def sockets_of(files: Files, pid: int) -> Iterator[str]:
    """Inode numbers of a process's open sockets; none if we lack permission."""
    with contextlib.suppress(OSError):
        yield from (link[8:-1] for link in open_files(files, pid) if link.startswith("socket:["))
