"""The interface for carrying out one kind of operation, and undoing it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import Struct

from hardentui.errors import ChangeFailed, HardenError
from hardentui.model.journal import ChangeEvent, JournalEntry, JournalProof
from hardentui.model.ledger import NewerData
from hardentui.model.operations import Operation

OnEvent = Callable[[ChangeEvent], None]


class Cancelled(HardenError):
    """The change was cancelled."""


class OriginalDown(ChangeFailed):
    """What ran before a change does not run again.

    Attributes:
        passing: it may start later: something else has its port, or Podman is slow.
    """

    def __init__(
        self,
        title: str,
        hint: str = "",
        *,
        passing: bool = False,
    ) -> None:
        super().__init__(title, hint)
        self.passing = passing


class NotAnswering(ChangeFailed):
    """What ran before a change runs again, but does not answer as it did."""


class OperationOutcome(Struct, frozen=True):
    """The result of an operation."""

    # the operation, completed with what is known only now (the ID of what was created)
    operation: Operation | None = None
    proof: tuple[JournalProof, ...] = ()  # results of checks
    remark: str = ""  # a remark to show
    after: float = 0.0  # seconds that it kept observing a service that already worked
    # measured seconds in which a service with a substitute did not answer
    down: float | None = None


NOTHING = OperationOutcome()


Handled = TypeVar("Handled", bound=Operation)


class Operator(Generic[Handled]):
    """What one kind of operation does, and how that is undone, cleared away and redone. As it stands
    here, it changed nothing that has to be taken back."""

    kind: type[Operation]

    def do(
        self,
        operation: Handled,
        stop: threading.Event,
    ) -> OperationOutcome:
        """Carry it out; stops soon after `stop` is set.

        Raises:
            HardenError: it failed; it may be half done.
        """
        raise NotImplementedError

    def refuse_undo(
        self,
        operation: Handled,
        entry: JournalEntry,
    ) -> None:
        """Check whether it can be undone, before anything is; changes nothing.

        Raises:
            NoWayBack: the original is lost permanently.
            HardenError: an obstacle that a person can remove.
        """

    def undo(
        self,
        operation: Handled,
        entry: JournalEntry,
    ) -> None:
        """Undo it, whether it was done, half done or not done at all; repeating this does nothing.

        What replaced the original is stopped and set aside; `clear` removes it.

        Raises:
            OriginalDown: the original ran before, and does not start.
            HardenError: it could not be undone.
        """

    def clear(
        self,
        operation: Handled,
        entry: JournalEntry,
    ) -> tuple[NewerData, ...]:
        """Remove what it made, after everything was undone; repeating this does nothing more.

        Returns:
            What was written since, which stays; where.

        Raises:
            HardenError: it could not be removed.
        """
        return ()

    def redo(
        self,
        operation: Handled,
        entry: JournalEntry,
    ) -> OperationOutcome:
        """Bring it into force again after its undo, because the original does not start.

        Raises:
            HardenError: it could not be brought into force.
        """
        return NOTHING


AnyOperator: TypeAlias = Operator[Any]


def raise_if_stopped(stop: threading.Event) -> None:
    """Raises Cancelled if `stop` is set."""
    if stop.is_set():
        raise Cancelled("It was interrupted.")
