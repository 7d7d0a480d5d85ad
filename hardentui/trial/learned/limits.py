"""Limits with headroom above the peak."""

from __future__ import annotations

_MEMORY_STEP = 64 << 20
_PIDS_STEP = 32
_FEWEST_PIDS = 64
TIMES_THE_PEAK = 3


def memory_limit(peak: int) -> int:
    """Bytes: three times the peak, in steps of 64 MiB."""
    return _up(TIMES_THE_PEAK * peak, _MEMORY_STEP)


def pids_limit(peak: int) -> int:
    """Tasks: three times the peak, at least 64, in steps of 32."""
    return _up(max(TIMES_THE_PEAK * peak, _FEWEST_PIDS), _PIDS_STEP)


def _up(value: int, step: int) -> int:
    return -(-value // step) * step
