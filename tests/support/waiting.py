"""Waiting in tests: for a condition, never for a time."""

from collections.abc import Callable
from time import monotonic, sleep


def eventually(
    condition: Callable[[], object],
    seconds: float = 60.0,
) -> bool:
    """Whether the condition becomes true within that time; looked at every 20 ms, rarer if that
    takes long.

    The time is long, for machines that are busy: a green test does not need it.
    """
    end = monotonic() + seconds
    while (now := monotonic()) < end:
        if condition():
            return True
        sleep(max(0.02, 2 * (monotonic() - now)))
    return bool(condition())
