"""Free ranges of subordinate IDs."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hardentui.model.host import SubIds

WHOLE = 65_536
"""What useradd assigns to an account, and the most IDs a container can have by default."""
_FIRST = 100_000
_LAST = (1 << 32) - 2


def free_start(ranges: Iterable[SubIds], accounts: Collection[int], size: int = WHOLE) -> int | None:
    """The lowest ID from which `size` IDs belong to no range or account; None if there is no such gap."""
    start = _FIRST
    taken = [(ids.start, ids.end) for ids in ranges if ids.size] + [(uid, uid + 1) for uid in accounts]
    for first, end in sorted(taken):
        if first >= start + size:
            break
        start = max(start, end)
    return start if start + size - 1 <= _LAST else None
