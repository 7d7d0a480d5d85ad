"""The journal as a use case: read, undo, confirm, forget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress

from msgspec import Struct
from msgspec.structs import replace

from hardentui.account import who
from hardentui.do import Do, Verb
from hardentui.errors import (
    ApplyFailed,
    ChangeFailed,
    EngineUnreachable,
    Locked,
    NoEngine,
    UsageError,
)
from hardentui.features.apply.operators import operators_of
from hardentui.features.change import confirm_timer, forgetting
from hardentui.features.change import undo as undoing
from hardentui.features.change.change_lock import (
    lock_directory,
    locked,
    refuse_locked,
)
from hardentui.features.change.held_together import (
    after_a_part,
    finish_together,
    parts_of,
    undo_together,
)
from hardentui.features.change.journal import BrokenEntry, Journal
from hardentui.features.change.operator import OnEvent
from hardentui.features.change.service_operator import guarded
from hardentui.features.change.transaction import LONGEST_BACK
from hardentui.features.change.waiting_time import seconds_left, uptime
from hardentui.features.fix.from_container import refuse_from_container
from hardentui.model.journal import (
    EntryAction,
    EntryState,
    JournalEntry,
)
from hardentui.visible import visible
from hardentui.words import plural

_LOOK_AGAIN = 0.5
_LOCKED_LIMIT = 60.0


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
        self,
        entry: JournalEntry,
        on_event: OnEvent,
        *,
        why: str = "",
        stop: threading.Event | None = None,
        bring_back: bool = False,
    ) -> JournalEntry:
        """Undo an entry; a second process completes it if this one is killed.

        Args:
            bring_back: what was written since is copied into the originals before they start.

        Raises:
            UsageError, Locked: it cannot be undone now.
            ApplyFailed: part of it could not be undone.
        """
        refuse_from_container()
        if entry.action is EntryAction.HARDEN:
            return self._undo_together(
                entry,
                lambda part: self.undo(
                    part,
                    on_event,
                    why=why,
                    stop=stop,
                    bring_back=bring_back,
                ),
                why,
            )
        refuse_locked(
            self._journal,
            entry.containers,
            entry.engine,
        )
        with operators_of(entry) as operators, ExitStack() as watched:
            with suppress(ChangeFailed):  # also without somebody who completes it if we are killed
                watched.enter_context(guarded(entry.id))
            done = undoing.undo(
                self._journal,
                entry.id,
                operators,
                on_event,
                why=why,
                stop=stop,
                bring_back=bring_back,
            )
        if entry.state is EntryState.WAITING:
            confirm_timer.disarm(entry.id)
        after_a_part(self._journal, done)
        return done

    def _undo_together(
        self,
        entry: JournalEntry,
        take_back: Callable[[JournalEntry], object],
        why: str = "",
    ) -> JournalEntry:
        """Raises ApplyFailed if a part of it could not be undone, Locked if it is running."""
        with self._alone_with(entry):
            done = undo_together(
                self._journal,
                entry,
                take_back,
                why,
            )
        if entry.state is EntryState.WAITING:
            confirm_timer.disarm(entry.id)
        if done.in_force:
            raise ApplyFailed(done.reason, ("Try again with: ", Do(Verb.UNDO, entry.id)))
        return done

    def _alone_with(
        self,
        holder: JournalEntry,
    ) -> AbstractContextManager[None]:
        """Raises Locked if somebody works on an entry that holds others."""
        what = f"undo or confirm by {who()}"
        return locked(
            lock_directory(self._journal),
            holder.id,
            holder.engine,
            what,
        )

    def confirm(self, text: str = "") -> JournalEntry:
        """Confirm a waiting change; without a text, the latest.

        Raises:
            UsageError: none waits, or this one does not.
        """
        refuse_from_container()
        waiting = [
            entry.id for entry in self._journal.entries() if entry.state is EntryState.WAITING
        ]
        if not text and not waiting:
            raise UsageError("No change waits for a confirmation.")
        entry = self._journal.find(text or waiting[0])
        if entry.action is not EntryAction.HARDEN:
            entry = undoing.confirm(self._journal, entry.id)
        else:
            with self._alone_with(entry):
                if entry.state is EntryState.OPEN:  # it was cut off
                    self._take_back_open_parts(entry)
                    return finish_together(self._journal, replace(entry, confirm_clock=None))
                entry = undoing.confirm(self._journal, entry.id)
        confirm_timer.disarm(entry.id)
        return entry

    def cut_off_entry(self, text: str) -> JournalEntry | None:
        """The entry with this ID if it was interrupted and nobody is working on it."""
        entry = self._journal.find(text)
        if entry.state is not EntryState.OPEN:
            return None
        refuse_locked(
            self._journal,
            entry.containers,
            entry.engine,
        )
        return entry

    def take_back_expired(self, text: str) -> None:
        """Wait until the time to confirm a change is over, then undo it unless it was confirmed.

        Raises:
            ApplyFailed: part of it could not be undone.
        """
        entry = self._journal.find(text)
        end = uptime() + seconds_left(entry)
        while entry.state is EntryState.WAITING and (left := end - uptime()) > 0:
            time.sleep(min(left, _LOOK_AGAIN))
            entry = self._journal.read(entry.id)
        self._take_back(
            entry,
            EntryState.WAITING,
            "It was not confirmed in time.",
        )
        confirm_timer.forget_unit(entry.id)

    def take_back_cut_off(self, text: str) -> None:
        """Undo a change whose process was killed; a completed one stays. Of several that are held
        together, the finished ones wait for confirmation as the whole would have.

        Raises:
            ApplyFailed: part of it could not be undone.
        """
        entry = self._journal.find(text)
        if entry.action is EntryAction.HARDEN:
            self._take_back_open_parts(entry)
            finish_together(self._journal, entry)
            return
        self._take_back(
            entry,
            EntryState.OPEN,
            "HardenTUI was killed.",
        )

    def _take_back_open_parts(self, holder: JournalEntry) -> None:
        for part in parts_of(self._journal, holder):
            self._take_back(
                part,
                EntryState.OPEN,
                "HardenTUI was killed.",
            )

    def waiting_together(self) -> JournalEntry | None:
        """Changes of several containers that wait to be kept, whoever applied them."""
        return next(
            (
                entry
                for entry in self._journal.unfinished()
                if entry.action is EntryAction.HARDEN and entry.state is EntryState.WAITING
            ),
            None,
        )

    def cut_off_together(self, engine: str) -> JournalEntry | None:
        """Changes of several containers that were cut off together with the process that looks after
        them, as a machine that stops does. What was under way is taken back; the rest can be gone
        on with. None: there are none.

        Raises:
            Locked: they are under way.
            ApplyFailed: what was under way could not be undone.
        """
        for entry in self._journal.unfinished():
            together = entry.action is EntryAction.HARDEN and entry.state is EntryState.OPEN
            if not together or entry.engine != engine:
                continue
            with self._alone_with(entry):
                self._take_back_open_parts(entry)
            parts = [part.id for part in parts_of(self._journal, entry) if part.in_force]
            return replace(entry, parts=tuple(reversed(parts)))
        return None

    def _take_back(
        self,
        entry: JournalEntry,
        only: EntryState,
        why: str,
    ) -> None:
        """Without a terminal to ask or report on; waits for another running change, and for Podman."""
        if entry.action is EntryAction.HARDEN:
            if self._journal.read(entry.id).state is only:
                self._undo_together(
                    entry,
                    lambda part: self._take_back(part, EntryState.DONE, why),
                    why,
                )
            return
        begun = time.monotonic()
        while True:
            try:
                refuse_locked(
                    self._journal,
                    entry.containers,
                    entry.engine,
                )
                with operators_of(entry) as operators:
                    undoing.undo(
                        self._journal, entry.id, operators, lambda event: None, why=why, only=only
                    )
                return
            except (Locked, NoEngine, EngineUnreachable) as error:
                limit = _LOCKED_LIMIT if isinstance(error, Locked) else LONGEST_BACK
                if time.monotonic() > begun + limit:
                    raise
                time.sleep(_LOOK_AGAIN)

    def forget(self, text: str) -> JournalEntry:
        """Permanently remove the original that an entry keeps; without one, close an unfinished
        entry.

        Raises:
            UsageError: there is nothing to forget.
        """
        refuse_from_container()
        entry = self._journal.find(text)
        if entry.action is EntryAction.HARDEN:
            kept = [part for part in parts_of(self._journal, entry) if part.originals]
            for part in kept:
                self.forget(part.id)
            many = plural(len(kept), "change")
            entry = replace(
                entry,
                forgotten=True,
                reason=f"The originals of {many} were removed.",
            )
            self._journal.write(entry)
            return entry
        refuse_locked(
            self._journal,
            entry.containers,
            entry.engine,
        )
        with operators_of(entry) as operators:
            return forgetting.forget(self._journal, entry.id, operators)

    def refuse_busy(self, container: str) -> None:
        """Raises Locked or UsageError if a change of a container is running or was interrupted."""
        for entry in self._journal.unfinished():
            if container in entry.containers and entry.state is EntryState.OPEN:
                refuse_locked(self._journal, (container,), entry.engine)
                raise UsageError(
                    f"An earlier change of {visible(container, 80)} was interrupted: {entry.id}.",
                    ("First: ", Do(Verb.UNDO, entry.id)),
                )

    def cut_off(self, container: str) -> str:
        """The ID of the latest change of this container that was interrupted; empty = none."""
        open_entries = (
            entry for entry in self._journal.unfinished() if entry.state is EntryState.OPEN
        )
        return next(
            (entry.id for entry in open_entries if container in entry.containers),
            "",
        )
