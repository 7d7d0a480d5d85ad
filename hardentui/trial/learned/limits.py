"""Limits with headroom above the peak."""

from __future__ import annotations

_MEMORY_STEP = 64 << 20
_PIDS_STEP = 32
_FEWEST_PIDS = 64


def memory_limit(peak: int) -> int:
    """Bytes: twice the peak, and at least 64 MiB above it, in steps of 64 MiB.

    A trial is shorter and quieter than everyday use.
    """
    return _up(max(2 * peak, peak + _MEMORY_STEP), _MEMORY_STEP)


def pids_limit(peak: int) -> int:
    """Tasks: three times the peak, at least 64, in steps of 32."""
    return _up(max(3 * peak, _FEWEST_PIDS), _PIDS_STEP)


def _up(value: int, step: int) -> int:
    return -(-value // step) * step
