"""What became of a file that was to be written."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class WriteState(StrEnum):
    """What happened to a file."""

    NEW = "new"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    KEPT = "kept"


class WrittenFile(Struct, frozen=True):
    """One file. `backup` is the path where the former content is kept; empty when none was."""

    path: str
    state: WriteState
    backup: str = ""
