"""What a screen is told while a change of the host is under way."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from hardentui.model.journal import JournalEntry
from hardentui.model.operations import Operation


class OperationBegun(Struct, frozen=True):
    """It stands in the journal and is done next; `number` counts from 1."""

    operation: Operation
    number: int
    total: int


class OperationDone(Struct, frozen=True):
    """It was done; `said` is what there is to tell of it (ready after 2 s, by its ports)."""

    operation: Operation
    number: int
    total: int
    seconds: float
    said: str = ""


class GoingBack(Struct, frozen=True):
    """What was done is taken back now, and why."""

    why: str


class OperationUndone(Struct, frozen=True):
    """One operation was taken back; `failed` says why it could not be."""

    operation: Operation
    failed: str = ""


class OperationCleared(Struct, frozen=True):
    """What an operation had made was removed, after the way back; `failed` says why it could not be."""

    operation: Operation
    failed: str = ""


class ServiceKept(Struct, frozen=True):
    """The original does not start, so the change comes into force again."""

    name: str


class ChangeEnded(Struct, frozen=True):
    """How it ended."""

    entry: JournalEntry


ChangeEvent: TypeAlias = (
    OperationBegun
    | OperationDone
    | GoingBack
    | OperationUndone
    | OperationCleared
    | ServiceKept
    | ChangeEnded
)
