"""What a process that judged one host hands back: as bytes, since only data crosses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar, cast

from msgspec import msgpack
from msgspec.structs import replace

from hardentui.features.reports.fleet_view import ContainerSummary
from hardentui.features.reports.host_result import HostResult
from hardentui.model.waiver import WaiverUse

T = TypeVar("T")


_HOST = msgpack.Decoder(HostResult)


def encode(told: HostResult) -> bytes:
    return msgpack.encode(told)


def decode(message: bytes, parts: dict[object, object]) -> HostResult:
    """Args: parts: what hosts have alike is kept once, here: most of a fleet is the same."""
    told = _HOST.decode(message)
    return replace(
        told,
        summaries=tuple(_sharing(each, parts) for each in told.summaries),
    )


def _sharing(
    summary: ContainerSummary,
    parts: dict[object, object],
) -> ContainerSummary:
    return replace(
        summary,
        image=_once(summary.image, parts),
        podman=_once(summary.podman, parts),
        application=_once(summary.application, parts),
        failing=_once(tuple(_once(each, parts) for each in summary.failing), parts),
        fixes=_once(tuple(_once(each, parts) for each in summary.fixes), parts),
        options=_once(tuple(_once(each, parts) for each in summary.options), parts),
    )


def _once(value: T, parts: dict[object, object]) -> T:
    return cast("T", parts.setdefault(value, value))


def as_one(uses: Iterable[WaiverUse]) -> tuple[WaiverUse, ...]:
    """How each waiver is used over all hosts: none is unused because one host does not need it."""
    by_waiver: dict[object, WaiverUse] = {}
    for use in uses:
        before = by_waiver.get(use.waiver)
        by_waiver[use.waiver] = (
            use
            if before is None
            else replace(
                use,
                findings=use.findings + before.findings,
                expired_for=use.expired_for + before.expired_for,
            )
        )
    return tuple(by_waiver.values())
