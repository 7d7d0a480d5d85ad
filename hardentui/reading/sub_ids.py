"""Ranges of subordinate ids that nobody has."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hardentui.model.host import SubIds

WHOLE = 65_536
"""Ids that a container can have at most without a larger map; what useradd gives to an account."""
_FIRST = 100_000
_LAST = (1 << 32) - 2


def free_start(ranges: Iterable[SubIds], accounts: Collection[int], size: int = WHOLE) -> int | None:
    """The lowest id from which `size` ids belong to no range and no account; None = there is no such gap."""
    start = _FIRST
    taken = [(one.start, one.end) for one in ranges if one.size] + [(uid, uid + 1) for uid in accounts]
    for first, end in sorted(taken):
        if first >= start + size:
            break
        start = max(start, end)
    return start if start + size - 1 <= _LAST else None
