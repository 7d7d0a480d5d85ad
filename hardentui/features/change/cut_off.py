"""Interrupted changes: every command reports them, because the host may not be in an intended state.

A change that was to roll back unless confirmed, and did not because the host was restarted without
systemd to do it, is rolled back now: whoever applied it asked for that.
"""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.do import Do, Sentence, Verb
from hardentui.errors import Locked, WriteError
from hardentui.features.change.change_lock import refuse_locked
from hardentui.features.change.confirm_timer import command_for
from hardentui.features.change.journal import Journal
from hardentui.features.change.resuming import resumable_from
from hardentui.features.change.starting import start_detached
from hardentui.features.change.waiting_time import seconds_left
from hardentui.model.journal import EntryAction, EntryState
from hardentui.visible import visible

_GRACE = 30.0  # seconds within which an unconfirmed change is rolled back


def cut_off_changes() -> Iterator[Sentence]:
    """One sentence each, with what resolves it."""
    journal = Journal()
    for entry in journal.unfinished():
        try:
            held = entry.id if entry.action is EntryAction.HARDEN else entry.container
            refuse_locked(journal, (held,), entry.engine)
        except Locked:
            continue  # it is still running
        except WriteError:
            pass  # nobody can hold it
        name = visible(", ".join(entry.containers), 200)
        undo, confirm = Do(Verb.UNDO, entry.id), Do(Verb.CONFIRM, entry.id)
        if entry.state is EntryState.OPEN:
            completes = resumable_from(entry) is not None or entry.action is EntryAction.HARDEN
            yield (
                f"a change of {name} was interrupted: ",
                undo,
                " restores the original",
                *((", ", confirm, " completes it") if completes else ()),
            )
        elif seconds_left(entry) < -_GRACE:
            try:
                start_detached(command_for(entry.id))
                yield f"nobody confirmed a change of {name} in time: it is rolled back now ({entry.id})"
            except OSError:
                yield (
                    f"nobody confirmed a change of {name} in time, and it was not rolled back: ",
                    undo,
                    ", or ",
                    confirm,
                )
