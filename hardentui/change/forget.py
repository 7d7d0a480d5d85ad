"""Permanently removing a kept original."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hardentui.change.container_operator import ContainerOperator
from hardentui.change.file_changes import lock_directory
from hardentui.change.journal import Journal
from hardentui.change.lock import locked
from hardentui.change.operator import Operator
from hardentui.change.stand_in_operator import StandInOperator
from hardentui.change.transaction import Transaction, closed
from hardentui.change.who import who
from hardentui.errors import HardenError, NoWayBack, UsageError
from hardentui.model.journal import EntryState, JournalEntry
from hardentui.model.operations import CreateStandIn, NoteContainer


def forget(journal: Journal, identity: str, operators: Sequence[Operator]) -> JournalEntry:
    """Remove the original that a finished entry keeps; it cannot be undone afterwards. An entry that can no
    longer be undone is closed.

    Raises:
        UsageError: it keeps no original and can be undone, or is already closed.
    """
    entry = journal.read(identity)
    with locked(lock_directory(journal), entry.container, entry.engine, f"forget {identity} by {who()}"):
        entry = journal.read(identity)
        if entry.can_be_undone and (hindrance := _hindrance(journal, entry, operators)) is not None:
            entry = closed(entry, f"Closed by {who()}: {hindrance.title}")
            journal.write(entry)
            return entry
        if entry.state is not EntryState.DONE or entry.original is None:
            raise UsageError(
                f"{identity} keeps no original: it is {entry.state.value}.",
                "Only a finished change that replaced a container keeps one.",
            )
        noted = next(operation for operation in entry.operations if isinstance(operation, NoteContainer))
        stand_in = next(
            (operation for operation in entry.operations if isinstance(operation, CreateStandIn)), None
        )
        for operator in operators:
            if isinstance(operator, StandInOperator) and stand_in is not None:
                operator.remove(stand_in)
            elif isinstance(operator, ContainerOperator) and stand_in is None:
                operator.remove_original(noted.id, entry.original)
        reason = f"Its original was removed by {who()}."
        entry = replace(entry, original=None, forgotten=True, reason=reason)
        journal.write(entry)
        return entry


def _hindrance(journal: Journal, entry: JournalEntry, operators: Sequence[Operator]) -> HardenError | None:
    """Why an entry cannot be undone, if there is no kept original that could be removed instead."""
    try:
        Transaction(journal, operators).refuse_undo(entry)
    except NoWayBack as error:
        return error
    except HardenError as error:
        return None if entry.original and entry.state is EntryState.DONE else error
    return None
