"""The journal as a use case: read, undo, confirm, forget."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, suppress

from msgspec import Struct

from hardentui.change import confirm_timer, deadline
from hardentui.change import forget as forgetting
from hardentui.change import undo as undoing
from hardentui.change.file_changes import lock_directory
from hardentui.change.guard import guarded
from hardentui.change.journal import BrokenEntry, Journal
from hardentui.change.lock import locked
from hardentui.change.operator import OnEvent
from hardentui.change.transaction import LONGEST_BACK
from hardentui.errors import ChangeFailed, EngineUnreachable, Locked, NoEngine, UsageError
from hardentui.model.journal import EntryState, JournalEntry
from hardentui.visible import visible
from hardentui.workbench.changing.from_container import refuse_from_container
from hardentui.workbench.changing.operators import operators_of

_LOOK_AGAIN = 0.5
_LOCKED_LIMIT = 60.0


def seconds_left(entry: JournalEntry) -> float:
    """Seconds until an entry waiting for confirmation is rolled back; negative if its time is over."""
    return deadline.seconds_left(entry)


class Recorded(Struct, frozen=True):
    """The contents of the journal, newest first; `broken` entries cannot be read."""

    entries: tuple[JournalEntry, ...]
    broken: tuple[BrokenEntry, ...] = ()


class History:
    """The journal of this account."""

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal or Journal()

    def recorded(self) -> Recorded:
        """All entries."""
        return Recorded(self._journal.entries(), self._journal.broken())

    def find(self, text: str) -> JournalEntry:
        """An entry by its ID or a unique part of it.

        Raises:
            UsageError: there is no such entry.
        """
        return self._journal.find(text)

    def to_undo(self, text: str = "") -> JournalEntry:
        """The entry that `undo` reverts; without a text, the latest that is in force or unfinished.

        Raises:
            UsageError: there is none, or it cannot be undone; says why.
        """
        entry = self._journal.find(text) if text else self._journal.newest_to_undo()
        undoing.refuse_to_undo(self._journal, entry)
        return entry

    def undo(
        self, entry: JournalEntry, on_event: OnEvent, *, why: str = "", stop: threading.Event | None = None
    ) -> JournalEntry:
        """Undo an entry; a second process completes it if this one is killed.

        Raises:
            UsageError, Locked: it cannot be undone now.
            ApplyFailed: part of it could not be undone.
        """
        refuse_from_container()
        self._refuse_running(entry)
        with operators_of(entry) as operators, ExitStack() as watched:
            with suppress(ChangeFailed):  # also without somebody who completes it if we are killed
                watched.enter_context(guarded(entry.id))
            done = undoing.undo(self._journal, entry.id, operators, on_event, why=why, stop=stop)
        if entry.state is EntryState.WAITING:
            confirm_timer.disarm(entry.id)
        return done

    def confirm(self, text: str = "") -> JournalEntry:
        """Confirm a waiting change; without a text, the latest.

        Raises:
            UsageError: none waits, or this one does not.
        """
        refuse_from_container()
        waiting = [entry.id for entry in self._journal.entries() if entry.state is EntryState.WAITING]
        if not text and not waiting:
            raise UsageError("No change waits for a confirmation.")
        entry = undoing.confirm(self._journal, self._journal.find(text).id if text else waiting[0])
        confirm_timer.disarm(entry.id)
        return entry

    def cut_off_entry(self, text: str) -> JournalEntry | None:
        """The entry with this ID if it was interrupted and nobody is working on it."""
        entry = self._journal.find(text)
        if entry.state is not EntryState.OPEN:
            return None
        self._refuse_running(entry)
        return entry

    def _refuse_running(self, entry: JournalEntry) -> None:
        """Raises Locked, with the words of whoever of this account works on it."""
        with locked(lock_directory(self._journal), entry.container, entry.engine, "a look"):
            pass

    def take_back_expired(self, text: str) -> None:
        """Wait until the time to confirm a change is over, then undo it unless it was confirmed.

        Raises:
            ApplyFailed: part of it could not be undone.
        """
        entry = self._journal.find(text)
        end = deadline.uptime() + deadline.seconds_left(entry)
        while entry.state is EntryState.WAITING and (left := end - deadline.uptime()) > 0:
            time.sleep(min(left, _LOOK_AGAIN))
            entry = self._journal.read(entry.id)
        self._take_back(entry, EntryState.WAITING, "It was not confirmed in time.")
        confirm_timer.forget_unit(entry.id)

    def take_back_cut_off(self, text: str) -> None:
        """Undo a change whose process was killed; a completed one stays.

        Raises:
            ApplyFailed: part of it could not be undone.
        """
        self._take_back(self._journal.find(text), EntryState.OPEN, "HardenTUI was killed.")

    def _take_back(self, entry: JournalEntry, only: EntryState, why: str) -> None:
        """Without a terminal to ask or report on; waits for another running change, and for Podman."""
        begun = time.monotonic()
        while True:
            try:
                self._refuse_running(entry)
                with operators_of(entry) as operators:
                    undoing.undo(self._journal, entry.id, operators, lambda event: None, why=why, only=only)
                return
            except (Locked, NoEngine, EngineUnreachable) as error:
                limit = _LOCKED_LIMIT if isinstance(error, Locked) else LONGEST_BACK
                if time.monotonic() > begun + limit:
                    raise
                time.sleep(_LOOK_AGAIN)

    def forget(self, text: str) -> JournalEntry:
        """Permanently remove the original that an entry keeps; without one, close an unfinished entry.

        Raises:
            UsageError: there is nothing to forget.
        """
        refuse_from_container()
        entry = self._journal.find(text)
        self._refuse_running(entry)
        with operators_of(entry) as operators:
            return forgetting.forget(self._journal, entry.id, operators)

    def refuse_busy(self, container: str) -> None:
        """Raises Locked or UsageError if a change of a container is running or was interrupted."""
        for entry in self._journal.unfinished():
            if entry.container == container and entry.state is EntryState.OPEN:
                with locked(lock_directory(self._journal), container, entry.engine, "a look"):
                    pass
                raise UsageError(
                    f"An earlier change of {visible(container, 80)} was interrupted: {entry.id}.",
                    f"First: hardentui undo {entry.id}",
                )

    def cut_off(self, container: str) -> str:
        """The ID of the latest change of this container that was interrupted; empty = none."""
        open_entries = (entry for entry in self._journal.unfinished() if entry.state is EntryState.OPEN)
        return next((entry.id for entry in open_entries if entry.container == container), "")
