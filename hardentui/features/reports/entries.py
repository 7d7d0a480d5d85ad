"""What a report holds in the form in which its document shows it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

SeverityWord = Annotated[
    str, Meta(extra_json_schema={"enum": ["low", "medium", "high", "critical"]})
]
Count = Annotated[int, Meta(ge=0)]
ScoreValue = Annotated[int, Meta(ge=0, le=100)]
BySeverity = dict[SeverityWord, Count]


class EngineEntry(Struct, frozen=True, kw_only=True):
    """A Podman that was asked."""

    label: str
    url: str
    version: str
    rootless: bool | None  # null: not known
    cgroups: str | None  # v1 or v2; null: it was not asked


class KeptEntry(Struct, frozen=True, kw_only=True):
    """A stopped container that a change keeps for its undo."""

    id: str
    name: str
    engine: str
    of: str  # name of the container that has replaced it
    entry: str  # ID of the change in the journal


class AsideEntry(Struct, frozen=True, kw_only=True):
    """A container of a trial or a lab."""

    id: str
    name: str
    engine: str
    kind: str  # `twin` or `lab`
