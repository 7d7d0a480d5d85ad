"""Permanently removing a kept original."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hardentui.account import who
from hardentui.do import Do, Verb
from hardentui.errors import (
    HardenError,
    NoWayBack,
    UsageError,
)
from hardentui.features.change.change_lock import entry_locked
from hardentui.features.change.journal import Journal
from hardentui.features.change.noted_container import NoteOperator
from hardentui.features.change.operator import (
    AnyOperator,
)
from hardentui.features.change.stand_in import StandInOperator
from hardentui.features.change.transaction import Transaction, closed
from hardentui.model.journal import EntryState, JournalEntry
from hardentui.model.operations import CreateStandIn, NoteContainer


def forget(
    journal: Journal,
    identity: str,
    operators: Sequence[AnyOperator],
) -> JournalEntry:
    """Remove the original that a finished entry keeps; it cannot be undone afterwards. An entry
    that can no longer be undone is closed.

    Raises:
        UsageError: it keeps no original and can be undone, or is already closed.
    """
    entry = journal.read(identity)
    with entry_locked(journal, entry, f"forget {identity}"):
        entry = journal.read(identity)
        others_kept = (
            len(entry.originals) > 1 and entry.state is EntryState.DONE
        )  # the rest of a stack
        hindrance = (
            None
            if others_kept or not entry.can_be_undone
            else _hindrance(journal, entry, operators)
        )
        if hindrance is not None:
            entry = closed(entry, f"Closed by {who()}: {hindrance.title}")
            journal.write(entry)
            return entry
        if entry.state is not EntryState.DONE or entry.original is None:
            raise UsageError(
                f"{identity} keeps no original: it is {entry.state.value}.",
                "Only a finished change that replaced a container keeps one.",
            )
        if len(entry.containers) > 1 and (older := _older(journal, entry)):
            raise UsageError(
                f"{older} keeps an original that refers to one of {identity}.",
                ("First: ", Do(Verb.FORGET, older)),
            )
        noted = [
            operation for operation in entry.operations if isinstance(operation, NoteContainer)
        ]
        kept = {container: name for name, container in entry.originals.items()}
        stand_in = next(
            (operation for operation in entry.operations if isinstance(operation, CreateStandIn)),
            None,
        )
        for operator in operators:
            if isinstance(operator, StandInOperator) and stand_in is not None:
                operator.remove(stand_in)
            elif isinstance(operator, NoteOperator) and stand_in is None:
                for original in noted:  # those first that refer to others
                    operator.remove_original(original.id, kept[original.name])
        what = "Its original was" if len(kept) == 1 else "Its originals were"
        reason = f"{what} removed by {who()}."
        entry = replace(
            entry,
            original=None,
            forgotten=True,
            reason=reason,
        )
        journal.write(entry)
        return entry


def _older(journal: Journal, entry: JournalEntry) -> str:
    """An earlier change of one of its containers that still keeps an original."""
    return next(
        (
            other.id
            for other in journal.entries()
            if other.id < entry.id
            and other.can_be_undone
            and other.originals
            and other.engine == entry.engine
            and not set(other.containers).isdisjoint(entry.containers)
        ),
        "",
    )


def _hindrance(
    journal: Journal,
    entry: JournalEntry,
    operators: Sequence[AnyOperator],
) -> HardenError | None:
    """Why an entry cannot be undone, if there is no kept original that could be removed instead."""
    try:
        Transaction(journal, operators).refuse_undo(entry)
    except NoWayBack as error:
        return error
    except HardenError as error:
        return None if entry.original and entry.state is EntryState.DONE else error
    return None
