"""What carries out one kind of operation, and takes it back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from hardentui.errors import HardenError
from hardentui.model.change_events import ChangeEvent
from hardentui.model.journal import JournalEntry, JournalProof
from hardentui.model.operations import Operation

OnEvent = Callable[[ChangeEvent], None]


class Cancelled(HardenError):
    """Somebody does not want it any more."""


class OperationOutcome(Struct, frozen=True):
    """What an operation brought.

    Attributes:
        operation: it, with what is known of it only now (the id of what was made).
        proof: what checks said.
        said: what there is to tell of it.
        after: seconds that it went on looking at a service that worked or lived already.
    """

    operation: Operation | None = None
    proof: tuple[JournalProof, ...] = ()
    said: str = ""
    after: float = 0.0


NOTHING = OperationOutcome()


class Operator(Protocol):
    """Knows some kinds of operations."""

    kinds: tuple[type[Operation], ...]

    def do(self, operation: Operation, stop: threading.Event) -> OperationOutcome:
        """Carry it out; gives up soon after `stop` is set.

        Raises:
            HardenError: it failed; it may be half done.
        """

    def refuse_undo(self, operation: Operation, entry: JournalEntry) -> None:
        """Look whether it can be taken back, before anything is; changes nothing.

        Raises:
            NoWayBack: what there was before is gone for good.
            HardenError: something stands in the way that somebody can remove.
        """

    def undo(self, operation: Operation, entry: JournalEntry) -> None:
        """Take it back, whether it was done, half done or not done at all; a second time does nothing.

        Raises:
            HardenError: it could not be taken back.
        """


def raise_if_stopped(stop: threading.Event) -> None:
    """Raises Cancelled when `stop` is set."""
    if stop.is_set():
        raise Cancelled("It was interrupted.")
