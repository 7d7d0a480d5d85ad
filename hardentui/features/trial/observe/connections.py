"""Outgoing connections of a container's processes, from the tables of its network namespace."""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.host.files import Files
from hardentui.host.process.activity import decoded_address
from hardentui.model.facts import SocketEndpoint

_TABLE_LIMIT = 16 << 20


_OPEN = frozenset({"01", "02", "04", "05", "06", "08"})
"""Established, opening, closing: `include/net/tcp_states.h`."""


def established(
    files: Files,
    pid: int,
    own_ports: set[int],
) -> Iterator[SocketEndpoint]:
    """Outgoing connections: the local port is not a listening one, and the remote address is
    another one, so a request within the network namespace, as from a probe, does not count.

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
            own, _, near = words[1].partition(":")
            other, _, far = words[2].partition(":")
            if int(near, 16) not in own_ports and int(far, 16) and own != other:
                yield SocketEndpoint(
                    protocol.rstrip("6"),
                    decoded_address(other),
                    int(far, 16),
                )
