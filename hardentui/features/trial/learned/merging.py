"""Observations of several runs merged: what any of them saw counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from hardentui.model.known import Known, Unread
from hardentui.model.observation import (
    CallCount,
    CallLog,
    CapabilityCheck,
    Observation,
    Sampled,
    SocketEndpoint,
)

T = TypeVar("T")


def merged(first: Observation, second: Observation) -> Observation:
    """Both merged. Data that only one of them could see comes from that one."""
    return Observation(
        calls=_where_known(_logs)(first.calls, second.calls),
        sampled=merged_samples(first.sampled, second.sampled),
        capability_checks=merged_checks(first.capability_checks, second.capability_checks),
        written=_where_known(_paths)(first.written, second.written),
        seconds=first.seconds + second.seconds,
    )


def merged_samples(first: Known[Sampled], second: Known[Sampled]) -> Known[Sampled]:
    return _where_known(_samples)(first, second)


def merged_checks(
    first: Known[tuple[CapabilityCheck, ...]], second: Known[tuple[CapabilityCheck, ...]]
) -> Known[tuple[CapabilityCheck, ...]]:
    return _where_known(_checks)(first, second)


def _where_known(join: Callable[[T, T], T]) -> Callable[[Known[T], Known[T]], Known[T]]:
    """The union of two values, either of which may be unknown."""

    def joined(first: Known[T], second: Known[T]) -> Known[T]:
        if isinstance(first, Unread):
            return second
        return first if isinstance(second, Unread) else join(first, second)

    return joined


def _logs(first: CallLog, second: CallLog) -> CallLog:
    counts: dict[tuple[str, str], CallCount] = {}
    for call in (*first.calls, *second.calls):
        key = call.architecture, call.name
        known = counts.get(key, CallCount(call.name, call.architecture))
        counts[key] = CallCount(
            call.name,
            call.architecture,
            known.program + call.program,
            known.runtime + call.runtime,
            known.refused + call.refused,
        )
    return CallLog(
        calls=tuple(counts[key] for key in sorted(counts)),
        details=tuple(dict.fromkeys((*first.details, *second.details))),
        cut=first.cut | second.cut,
        unread=first.unread | second.unread,
        starts=first.starts + second.starts,
        faults=tuple(dict.fromkeys((*first.faults, *second.faults))),
    )


def _samples(first: Sampled, second: Sampled) -> Sampled:
    return Sampled(
        listening=_where_known(_connections)(first.listening, second.listening),
        outgoing=_where_known(_connections)(first.outgoing, second.outgoing),
        memory_peak=_where_known(_larger)(first.memory_peak, second.memory_peak),
        pids_peak=_where_known(_larger)(first.pids_peak, second.pids_peak),
        programs=_where_known(_paths)(first.programs, second.programs),
        uids=_where_known(_numbers)(first.uids, second.uids),
        capabilities=_where_known(_names)(first.capabilities, second.capabilities),
        samples=first.samples + second.samples,
    )


def _connections(
    first: tuple[SocketEndpoint, ...], second: tuple[SocketEndpoint, ...]
) -> tuple[SocketEndpoint, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _larger(first: int, second: int) -> int:
    return max(first, second)


def _numbers(first: frozenset[int], second: frozenset[int]) -> frozenset[int]:
    return first | second


def _names(first: frozenset[str], second: frozenset[str]) -> frozenset[str]:
    return first | second


def _paths(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*first, *second}))


def _checks(
    first: tuple[CapabilityCheck, ...], second: tuple[CapabilityCheck, ...]
) -> tuple[CapabilityCheck, ...]:
    granted: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for check in (*first, *second):
        granted[check.name] += check.granted
        refused[check.name] += check.refused
    return tuple(CapabilityCheck(name, granted[name], refused[name]) for name in sorted({*granted, *refused}))
