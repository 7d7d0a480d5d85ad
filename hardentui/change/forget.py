"""Permanently removing a kept original."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from hardentui.change.container_operator import ContainerOperator
from hardentui.change.file_changes import lock_folder
from hardentui.change.journal import Journal
from hardentui.change.lock import locked
from hardentui.change.operator import Operator
from hardentui.change.stand_in_operator import StandInOperator
from hardentui.change.who import who
from hardentui.errors import UsageError
from hardentui.model.journal import EntryState, JournalEntry
from hardentui.model.operations import CreateStandIn, NoteContainer


def forget(journal: Journal, identity: str, operators: Iterable[Operator]) -> JournalEntry:
    """Remove the original that a finished entry keeps; it cannot be undone afterwards.

    Raises:
        UsageError: it keeps none, or is not finished.
    """
    entry = journal.read(identity)
    with locked(lock_folder(journal), entry.container, entry.engine, f"forget {identity} by {who()}"):
        entry = journal.read(identity)
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
