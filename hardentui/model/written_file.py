"""Results of writing files."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class WriteState(StrEnum):
    NEW = "new"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    KEPT = "kept"


class WrittenFile(Struct, frozen=True):
    """One written file. `backup` is the path of the previous content; empty if there was none."""

    path: str
    state: WriteState
    backup: str = ""
