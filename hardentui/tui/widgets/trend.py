"""Recent values as a one-line curve. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.-=+*%#"
LENGTH = 20


def curve(values: Iterable[float], *, ascii_only: bool) -> str:
    """One character for each value, relative to the largest; empty for fewer than two values."""
    known = list(values)
    if len(known) < 2:
        return ""
    bars = _ASCII_BARS if ascii_only else _BARS
    most = max(known)
    if most <= 0:
        return bars[0] * len(known)
    return "".join(bars[min(len(bars) - 1, int(value / most * len(bars)))] for value in known)


def history() -> deque[float]:
    """Keeps as many values as the curve shows."""
    return deque(maxlen=LENGTH)
