"""Connections that the processes of a container made to others, out of its network namespace's tables."""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.host.files.reader import Files
from hardentui.host.process.activity import decoded_address
from hardentui.model.observation import Connection

_TABLE_LIMIT = 16 << 20
_OPEN = frozenset({"01", "02", "04", "05", "06", "08"})
"""Established, being made, being ended: `include/net/tcp_states.h`."""


def established(files: Files, pid: int, own_ports: set[int]) -> Iterator[Connection]:
    """Those whose near end is none of the ports that the container listens on.

    Raises:
        OSError: the process has ended.
    """
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        try:
            text = files.read_text(f"/proc/{pid}/net/{protocol}", _TABLE_LIMIT)
        except FileNotFoundError:
            if protocol.endswith("6"):
                continue  # a kernel without IPv6
            raise
        for line in text.split("\n")[1:]:
            words = line.split()
            if len(words) < 10 or words[3] not in _OPEN:
                continue
            near, far = int(words[1].partition(":")[2], 16), words[2].partition(":")
            port = int(far[2], 16)
            if near not in own_ports and port:
                yield Connection(protocol.rstrip("6"), decoded_address(far[0]), port)
