"""The interface for carrying out one kind of operation, and undoing it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from hardentui.errors import ChangeFailed, HardenError
from hardentui.model.change_events import ChangeEvent
from hardentui.model.journal import JournalEntry, JournalProof
from hardentui.model.operations import Operation

OnEvent = Callable[[ChangeEvent], None]


class Cancelled(HardenError):
    """The change was cancelled."""


class OriginalDown(ChangeFailed):
    """What ran before a change does not run again.

    Attributes:
        passing: it may start later: something else has its port, or Podman is slow.
    """

    def __init__(self, title: str, hint: str = "", *, passing: bool = False) -> None:
        super().__init__(title, hint)
        self.passing = passing


class NotAnswering(ChangeFailed):
    """What ran before a change runs again, but does not answer as it did."""


class OperationOutcome(Struct, frozen=True):
    """The result of an operation.

    Attributes:
        operation: the operation, completed with what is known only now (the ID of what was created).
        proof: results of checks.
        remark: a remark to show.
        after: seconds that it kept observing a service that already worked.
    """

    operation: Operation | None = None
    proof: tuple[JournalProof, ...] = ()
    remark: str = ""
    after: float = 0.0


NOTHING = OperationOutcome()


class Operator(Protocol):
    """Handles some kinds of operations."""

    kinds: tuple[type[Operation], ...]

    def do(self, operation: Operation, stop: threading.Event) -> OperationOutcome:
        """Carry it out; stops soon after `stop` is set.

        Raises:
            HardenError: it failed; it may be half done.
        """

    def refuse_undo(self, operation: Operation, entry: JournalEntry) -> None:
        """Check whether it can be undone, before anything is; changes nothing.

        Raises:
            NoWayBack: the original is lost permanently.
            HardenError: an obstacle that a person can remove.
        """

    def undo(self, operation: Operation, entry: JournalEntry) -> None:
        """Undo it, whether it was done, half done or not done at all; repeating this does nothing.

        What replaced the original is stopped and set aside; `clear` removes it.

        Raises:
            OriginalDown: the original ran before, and does not start.
            HardenError: it could not be undone.
        """

    def clear(self, operation: Operation, entry: JournalEntry) -> None:
        """Remove what it made, after everything was undone; repeating this does nothing.

        Raises:
            HardenError: it could not be removed.
        """

    def redo(self, operation: Operation, entry: JournalEntry) -> OperationOutcome:
        """Bring it into force again after its undo, because the original does not start.

        Raises:
            HardenError: it could not be brought into force.
        """


def raise_if_stopped(stop: threading.Event) -> None:
    """Raises Cancelled if `stop` is set."""
    if stop.is_set():
        raise Cancelled("It was interrupted.")
