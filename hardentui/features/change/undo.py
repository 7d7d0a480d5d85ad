"""Undoing a change that is in force, or one that was interrupted."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec.structs import replace

from hardentui.account import who
from hardentui.do import Do, Verb
from hardentui.errors import (
    ApplyFailed,
    HardenError,
    JournalError,
    NoWayBack,
    UsageError,
)
from hardentui.features.change.change_lock import entry_locked
from hardentui.features.change.data_operator import VolumeOperator, mounted_again
from hardentui.features.change.journal import Journal
from hardentui.features.change.operator import (
    AnyOperator,
    OnEvent,
)
from hardentui.features.change.transaction import Transaction
from hardentui.model.journal import EntryAction, EntryState, JournalEntry
from hardentui.visible import visible


def undo(
    journal: Journal,
    identity: str,
    operators: Iterable[AnyOperator],
    on_event: OnEvent,
    *,
    why: str = "",
    only: EntryState | None = None,
    stop: threading.Event | None = None,
    bring_back: bool = False,
) -> JournalEntry:
    """Undo an entry; returns the resulting entry.

    Args:
        bring_back: what was written since is copied into the originals before they start.
        why: recorded in the journal; by default who did it.
        only: do nothing unless it is still in this state.

    Raises:
        UsageError: it cannot be undone: it already is, a later change depends on it, or there is
            nothing left to restore. Nothing was changed.
        Locked: it is running right now.
        ApplyFailed: something could not be undone; it can be tried again.
    """
    entry, operators = journal.read(identity), tuple(operators)
    with entry_locked(journal, entry, f"undo of {identity}"):
        entry = journal.read(identity)  # it may have completed while we waited
        if only is not None and entry.state is not only:
            return entry
        refuse_to_undo(journal, entry)
        by = who()
        transaction = Transaction(
            journal,
            operators,
            on_event,
            stop,
        )
        try:
            transaction.refuse_undo(entry)
        except NoWayBack:
            if only is None:
                raise
        except HardenError as error:
            if entry.state is EntryState.WAITING and only is not None:  # nobody can be asked
                reason = f"{why} Not rolled back: {error.title}"  # it can be undone later
                entry = replace(
                    entry,
                    state=EntryState.DONE,
                    confirm_by=0.0,
                    reason=reason,
                )
                journal.write(entry)
                return entry
            if (
                entry.state is not EntryState.OPEN
            ):  # an interrupted change is undone as far as possible
                raise
        if bring_back:
            entry = _to_bring_back(journal, entry, operators)
        done = transaction.go_back(entry, why or f"Undone by {by}.")
        if (done.forgotten or done.state is EntryState.DONE) and only is not None:
            return done
        if done.state is EntryState.DONE and not done.forgotten:
            raise ApplyFailed(
                done.reason,
                (
                    "Fix what keeps the original from starting, then: ",
                    Do(Verb.UNDO, entry.id),
                    "\nTo keep the change for good: ",
                    Do(Verb.FORGET, entry.id),
                ),
            )
        if done.state is not EntryState.ROLLED_BACK:
            raise ApplyFailed(done.reason, ("Try again with: ", Do(Verb.UNDO, entry.id)))
        _note(
            journal,
            done,
            by,
            why,
            transaction.downtime,
        )
        return done


def _to_bring_back(
    journal: Journal,
    entry: JournalEntry,
    operators: Iterable[AnyOperator],
) -> JournalEntry:
    """The entry with what its way back copies; whoever completes it copies that too."""
    if entry.brings_back:
        return entry
    data = [operator for operator in operators if isinstance(operator, VolumeOperator)]
    copied = (row for operator in data for row in operator.to_bring_back(entry))
    entry = replace(entry, brings_back=(*copied, *mounted_again(entry)))
    journal.write(entry)
    return entry


def _note(
    journal: Journal,
    done: JournalEntry,
    by: str,
    why: str,
    downtime: float | None,
) -> None:
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
        newer=done.newer,
        others=done.containers[1:],
    )
    try:
        journal.write(done)  # the way back itself goes on without a journal
        journal.write(note)
    except JournalError as error:
        raise JournalError(
            f"{done.id} is undone, {visible(done.container, 80)} is as it was before, but the journal"
            f" could not record it. {error.title}",
            (
                "Free some space, then again: ",
                Do(Verb.UNDO, done.id),
                ", which will only record it.",
            ),
        ) from error


def refuse_to_undo(journal: Journal, entry: JournalEntry) -> None:
    """Raises UsageError if an entry cannot be undone, or not yet."""
    if entry.action is EntryAction.UNDO:
        raise UsageError(
            f"{entry.id} is itself an undo, of {entry.undoes}.", "Apply the change again instead."
        )
    if entry.state is EntryState.ROLLED_BACK:
        raise UsageError(f"{entry.id} is already undone: {entry.reason}")
    if entry.forgotten:
        raise UsageError(
            f"{entry.id} cannot be undone: {entry.reason}", "There is nothing left to restore."
        )
    later = [
        other.id
        for other in journal.entries()
        if other.id > entry.id
        and other.in_force
        and other.engine == entry.engine
        and not set(other.containers).isdisjoint(entry.containers)
    ]
    if later:
        raise UsageError(
            f"A later change of {entry.container} depends on {entry.id}.",
            ("First: ", Do(Verb.UNDO, later[0])),
        )


def confirm(journal: Journal, identity: str) -> JournalEntry:
    """Confirm a waiting change.

    Raises:
        UsageError: it is not waiting.
        Locked: it is being undone right now.
    """
    entry = journal.read(identity)
    with entry_locked(journal, entry, f"confirm of {identity}"):
        entry = journal.read(identity)
        if entry.state is not EntryState.WAITING:
            raise UsageError(
                f"{identity} is not waiting for confirmation: it is {entry.state.value}. "
                f"{entry.reason}".strip()
            )
        entry = replace(
            entry,
            state=EntryState.DONE,
            confirm_by=0.0,
            reason="",
        )
        journal.write(entry)
        return entry
