"""What the workers of the write screen tell it."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from hardentui.errors import HardenError
from hardentui.model.draft import Draft, Target
from hardentui.model.written import WrittenFile


@dataclass
class DraftReady(Message):
    """`in_place` is what writing a changed unit in place does, or why it cannot; empty for new files."""

    draft: Draft
    in_place: tuple[WrittenFile, ...] | HardenError = ()


@dataclass
class DraftFailed(Message):
    target: Target
    error: HardenError


@dataclass
class FilesWritten(Message):
    """`commands` are to be run next, in this order; `error` is why some files were not written."""

    files: tuple[WrittenFile, ...]
    commands: tuple[str, ...] = ()
    error: HardenError | None = None
