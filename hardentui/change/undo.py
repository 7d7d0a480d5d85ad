"""Undoing a change that is in force, or one that was interrupted."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec.structs import replace

from hardentui.change.file_changes import lock_directory
from hardentui.change.journal import Journal
from hardentui.change.lock import locked
from hardentui.change.operator import OnEvent, Operator
from hardentui.change.transaction import Transaction
from hardentui.change.who import who
from hardentui.errors import ApplyFailed, HardenError, JournalError, NoWayBack, UsageError
from hardentui.model.journal import EntryAction, EntryState, JournalEntry
from hardentui.visible import visible


def undo(
    journal: Journal,
    identity: str,
    operators: Iterable[Operator],
    on_event: OnEvent,
    *,
    why: str = "",
    only: EntryState | None = None,
    stop: threading.Event | None = None,
) -> JournalEntry:
    """Undo an entry; returns the resulting entry.

    Args:
        why: recorded in the journal; by default who did it.
        only: do nothing unless it is still in this state.

    Raises:
        UsageError: it cannot be undone: it already is, a later change depends on it, or there is nothing left
            to restore. Nothing was changed.
        Locked: it is running right now.
        ApplyFailed: something could not be undone; it can be tried again.
    """
    entry = journal.read(identity)
    with locked(lock_directory(journal), entry.container, entry.engine, f"undo of {identity} by {who()}"):
        entry = journal.read(identity)  # it may have completed while we waited
        if only is not None and entry.state is not only:
            return entry
        refuse_to_undo(journal, entry)
        by = who()
        transaction = Transaction(journal, operators, on_event, stop)
        try:
            transaction.refuse_undo(entry)
        except NoWayBack:
            if only is None:
                raise
        except HardenError as error:
            if entry.state is EntryState.WAITING and only is not None:  # nobody can be asked
                entry = _kept_after_all(entry, f"{why} Not rolled back: {error.title}")
                journal.write(entry)
                return entry
            if entry.state is not EntryState.OPEN:  # an interrupted change is undone as far as possible
                raise
        done = transaction.go_back(entry, why or f"Undone by {by}.")
        if (done.forgotten or done.state is EntryState.DONE) and only is not None:
            return done
        if done.state is EntryState.DONE and not done.forgotten:
            raise ApplyFailed(
                done.reason,
                f"Fix what keeps the original from starting, then: hardentui undo {entry.id}"
                f"\nTo keep the change for good: hardentui journal forget {entry.id}",
            )
        if done.state is not EntryState.ROLLED_BACK:
            raise ApplyFailed(done.reason, f"Try again with: hardentui undo {entry.id}")
        _note(journal, done, by, why, transaction.downtime)
        return done


def _note(journal: Journal, done: JournalEntry, by: str, why: str, downtime: float | None) -> None:
    """Record that an entry was undone, with an entry of its own.

    Raises:
        JournalError: it is undone, but not noted.
    """
    now = datetime.now(UTC)
    note = JournalEntry(
        id=journal.new_id(now),
        time=now.isoformat(timespec="seconds"),
        action=EntryAction.UNDO,
        container=done.container,
        engine=done.engine,
        by=by,
        state=EntryState.DONE,
        reason=f"{done.id} was undone. {why}".strip(),
        undoes=done.id,
        downtime_seconds=downtime,
    )
    try:
        journal.write(done)  # the way back itself goes on without a journal
        journal.write(note)
    except JournalError as error:
        raise JournalError(
            f"{done.id} is undone, {visible(done.container, 80)} is as it was before, but the journal"
            f" could not record it. {error.title}",
            f"Free some space and run hardentui undo {done.id} again: it will only record it.",
        ) from error


def _kept_after_all(entry: JournalEntry, why: str) -> JournalEntry:
    """An unconfirmed entry whose rollback is blocked; it can be undone later."""
    return replace(entry, state=EntryState.DONE, confirm_by=0.0, reason=why)


def refuse_to_undo(journal: Journal, entry: JournalEntry) -> None:
    """Raises UsageError if an entry cannot be undone, or not yet."""
    if entry.action is EntryAction.UNDO:
        raise UsageError(
            f"{entry.id} is itself an undo, of {entry.undoes}.", "Apply the change again instead."
        )
    if entry.state is EntryState.ROLLED_BACK:
        raise UsageError(f"{entry.id} is already undone: {entry.reason}")
    if entry.forgotten:
        raise UsageError(f"{entry.id} cannot be undone: {entry.reason}", "There is nothing left to restore.")
    later = [
        other.id
        for other in journal.entries()
        if other.id > entry.id
        and other.in_force
        and (other.container, other.engine) == (entry.container, entry.engine)
    ]
    if later:
        raise UsageError(
            f"A later change of {entry.container} depends on {entry.id}.", f"First: hardentui undo {later[0]}"
        )


def confirm(journal: Journal, identity: str) -> JournalEntry:
    """Confirm a waiting change.

    Raises:
        UsageError: it is not waiting.
        Locked: it is being undone right now.
    """
    entry = journal.read(identity)
    with locked(lock_directory(journal), entry.container, entry.engine, f"confirm of {identity} by {who()}"):
        entry = journal.read(identity)
        if entry.state is not EntryState.WAITING:
            raise UsageError(
                f"{identity} is not waiting for confirmation: it is {entry.state.value}. "
                f"{entry.reason}".strip()
            )
        entry = replace(entry, state=EntryState.DONE, confirm_by=0.0, reason="")
        journal.write(entry)
        return entry
