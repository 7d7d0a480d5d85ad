"""What a process that judged one host hands back: as bytes, since only data crosses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar, cast

from msgspec import Struct, msgpack
from msgspec.structs import replace

from hardentui.features.reports.fleet_view import ChangesOfHost, ContainerSummary
from hardentui.harden.attack import RankedPath
from hardentui.harden.do_first import DoFirst
from hardentui.model.finding import Kind, Severity, Status
from hardentui.model.network import NetworkMap
from hardentui.model.waiver import WaiverUse

T = TypeVar("T")


class EngineTold(Struct, frozen=True):
    """An engine, as a report names it."""

    label: str
    url: str
    version: str
    rootless: bool | None
    cgroups: str


class HostTold(Struct, frozen=True, kw_only=True):
    """One host, judged."""

    path: str  # of its facts
    trouble: str = ""  # why its facts cannot be used; then nothing else is there
    hint: str = ""
    refused: bool = False  # what was asked for is not there: no container of that name
    name: str = ""
    place: str = ""
    saved_at: str = ""
    simulated: bool = False
    checklist: str = ""
    engines: tuple[EngineTold, ...] = ()
    containers: int = 0
    worst_score: int | None = None
    not_looked_at: str = ""  # why a part of it could not be checked
    unknown: int = 0
    severities: tuple[tuple[Severity, int], ...] = ()
    counted: tuple[tuple[Status, Severity, int], ...] = ()
    kinds: tuple[tuple[Kind, int], ...] = ()
    exit_code: int = 0
    failing: tuple[tuple[str, Severity], ...] = ()  # checks that fail somewhere on it
    summaries: tuple[ContainerSummary, ...] = ()
    changes: ChangesOfHost | None = None
    paths: tuple[RankedPath, ...] = ()
    paths_left: int = 0
    do_first: tuple[DoFirst, ...] = ()
    waivers: tuple[WaiverUse, ...] = ()
    network_map: NetworkMap | None = None
    subjects: bytes = b""  # packed, see `packed_subjects`; empty where no report lists them


_HOST = msgpack.Decoder(HostTold)


def encode(told: HostTold) -> bytes:
    return msgpack.encode(told)


def decode(message: bytes, parts: dict[object, object]) -> HostTold:
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
