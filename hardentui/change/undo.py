"""Taking a change back: one that is in force, and one that was cut off."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec.structs import replace

from hardentui.change.file_changes import lock_folder
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
    """Take an entry back; returns it as it stands then.

    Args:
        why: told in the journal; by default who did it.
        only: leave it alone unless it still stands so.

    Raises:
        UsageError: it cannot be taken back: that was done already, a later change stands on it, or nothing is
            left to go back to. Nothing was changed.
        Locked: it is under way at this moment.
        ApplyFailed: something could not be taken back; it can be tried again.
    """
    entry = journal.read(identity)
    with locked(lock_folder(journal), entry.container, entry.engine, f"undo of {identity} by {who()}"):
        entry = journal.read(identity)  # it may have come to its end while we waited
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
            if entry.state is EntryState.WAITING and only is not None:  # nobody is there to be asked
                entry = _kept_after_all(entry, f"{why} Not rolled back: {error.title}")
                journal.write(entry)
                return entry
            if entry.state is not EntryState.OPEN:  # what was cut off goes back as far as it can
                raise
        done = transaction.go_back(entry, why or f"Undone by {by}.")
        if done.forgotten and only is not None:
            return done
        if done.state is not EntryState.ROLLED_BACK:
            raise ApplyFailed(done.reason, f"Try again with: hardentui undo {entry.id}")
        now = datetime.now(UTC)
        note = JournalEntry(
            id=journal.new_id(now),
            time=now.isoformat(timespec="seconds"),
            action=EntryAction.UNDO,
            container=entry.container,
            engine=entry.engine,
            by=by,
            state=EntryState.DONE,
            reason=f"{identity} was undone. {why}".strip(),
            undoes=identity,
        )
        try:
            journal.write(done)  # the way back itself goes on without a journal
            journal.write(note)
        except JournalError as error:
            raise JournalError(
                f"{identity} is undone, {visible(entry.container, 80)} is as it was before, but the journal"
                f" could not note it. {error.title}",
                f"Free some space, and call hardentui undo {identity} again: it only notes it then.",
            ) from error
        return done


def _kept_after_all(entry: JournalEntry, why: str) -> JournalEntry:
    """An entry that was not confirmed, and that something keeps from going back; it can be undone later."""
    return replace(entry, state=EntryState.DONE, confirm_by=0.0, reason=why)


def refuse_to_undo(journal: Journal, entry: JournalEntry) -> None:
    """Raises UsageError where an entry cannot be taken back, or not yet."""
    if entry.action is EntryAction.UNDO:
        raise UsageError(
            f"{entry.id} is itself an undo, of {entry.undoes}.", "Apply the change again instead."
        )
    if entry.state is EntryState.ROLLED_BACK:
        raise UsageError(f"{entry.id} is already undone: {entry.reason}")
    if entry.forgotten:
        raise UsageError(f"{entry.id} cannot be undone: {entry.reason}", "Nothing is left to go back to.")
    later = [
        other.id
        for other in journal.entries()
        if other.id > entry.id
        and other.in_force
        and (other.container, other.engine) == (entry.container, entry.engine)
    ]
    if later:
        raise UsageError(
            f"A later change of {entry.container} stands on {entry.id}.", f"First: hardentui undo {later[0]}"
        )


def confirm(journal: Journal, identity: str) -> JournalEntry:
    """Keep a change that waits for this.

    Raises:
        UsageError: it does not wait.
        Locked: it is being taken back at this moment.
    """
    entry = journal.read(identity)
    with locked(lock_folder(journal), entry.container, entry.engine, f"confirm of {identity} by {who()}"):
        entry = journal.read(identity)
        if entry.state is not EntryState.WAITING:
            raise UsageError(
                f"{identity} waits for no confirmation: it is {entry.state.value}. {entry.reason}".strip()
            )
        entry = replace(entry, state=EntryState.DONE, confirm_by=0.0, reason="")
        journal.write(entry)
        return entry
