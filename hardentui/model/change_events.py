"""Progress events of a change to the host."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from hardentui.model.journal import JournalEntry
from hardentui.model.operations import Operation


class OperationBegun(Struct, frozen=True):
    """An operation is in the journal and about to run; `number` counts from 1."""

    operation: Operation
    number: int
    total: int


class OperationDone(Struct, frozen=True):
    """An operation is done; `remark` is its result (ready after 2 s, by its ports)."""

    operation: Operation
    number: int
    total: int
    seconds: float
    remark: str = ""


class GoingBack(Struct, frozen=True):
    """The rollback begins, and why."""

    why: str


class StillGoingBack(Struct, frozen=True):
    """A step of the rollback does not work yet and is tried again; `left` seconds remain for that."""

    why: str
    left: float


class OperationUndone(Struct, frozen=True):
    """An operation was undone, or `failed` says why not."""

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
    """The change has ended, with its result."""

    entry: JournalEntry


ChangeEvent: TypeAlias = (
    OperationBegun
    | OperationDone
    | GoingBack
    | StillGoingBack
    | OperationUndone
    | OperationCleared
    | ServiceKept
    | ChangeEnded
)
