"""The journal as a use case: look at it, take back, confirm, forget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

from msgspec import Struct

from hardentui.change import undo as undoing
from hardentui.change.file_operator import FileOperator
from hardentui.change.journal import BrokenEntry, Journal
from hardentui.change.operator import OnEvent, Operator
from hardentui.errors import UsageError
from hardentui.model.journal import EntryState, JournalEntry

Operators = Callable[[JournalEntry], AbstractContextManager[Iterable[Operator]]]
"""What can take an entry back; reaches its Podman where it needs one."""


class Recorded(Struct, frozen=True):
    """What the journal holds, newest first; `broken` cannot be read."""

    entries: tuple[JournalEntry, ...]
    broken: tuple[BrokenEntry, ...] = ()


def files_only(entry: JournalEntry) -> AbstractContextManager[Iterable[Operator]]:
    """For entries that changed nothing but files."""
    return nullcontext((FileOperator(),))


class History:
    """The journal of this account.

    Args:
        journal: where it is.
        operators: what takes entries back.
    """

    def __init__(self, journal: Journal | None = None, operators: Operators = files_only) -> None:
        self._journal = journal or Journal()
        self._operators = operators

    def recorded(self) -> Recorded:
        """All entries."""
        return Recorded(self._journal.entries(), self._journal.broken())

    def find(self, text: str) -> JournalEntry:
        """An entry by its id or a part of it that no other has.

        Raises:
            UsageError: there is none.
        """
        return self._journal.find(text)

    def to_undo(self, text: str = "") -> JournalEntry:
        """The entry that `undo` would take back; without a text the newest that is in force or unfinished.

        Raises:
            UsageError: there is none, or it cannot be taken back; says why.
        """
        entry = self._journal.find(text) if text else self._journal.newest_to_undo()
        undoing.refuse_to_undo(self._journal, entry)
        return entry

    def undo(
        self, entry: JournalEntry, on_event: OnEvent, *, why: str = "", stop: threading.Event | None = None
    ) -> JournalEntry:
        """Take an entry back.

        Raises:
            UsageError, Locked: it cannot be taken back now.
            ApplyFailed: something of it could not be taken back.
        """
        with self._operators(entry) as operators:
            return undoing.undo(self._journal, entry.id, operators, on_event, why=why, stop=stop)

    def confirm(self, text: str = "") -> JournalEntry:
        """Keep a change that waits for it; without a text the newest that waits.

        Raises:
            UsageError: none waits, or this one does not.
        """
        if text:
            return undoing.confirm(self._journal, self._journal.find(text).id)
        waiting = [entry for entry in self._journal.entries() if entry.state is EntryState.WAITING]
        if not waiting:
            raise UsageError("No change waits for a confirmation.")
        return undoing.confirm(self._journal, waiting[0].id)

    def interrupted(self) -> tuple[JournalEntry, ...]:
        """Changes that were cut off, and those whose time to be confirmed is over without an end."""
        late = time.time() - 30
        return tuple(
            entry
            for entry in self._journal.entries()
            if entry.state is EntryState.OPEN
            or (entry.state is EntryState.WAITING and entry.confirm_by < late)
        )
