"""Interrupted changes: every command reports them, because the host may not be in an intended state.

A change that was to roll back unless confirmed, and did not because the host was restarted without systemd
to do it, is rolled back now: whoever applied it asked for that.
"""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.features.change.confirm_timer import start_overdue
from hardentui.features.change.deadline import seconds_left
from hardentui.features.change.file_changes import is_locked, lock_directory
from hardentui.features.change.journal import Journal
from hardentui.features.change.resuming import resumable_from
from hardentui.model.journal import EntryState
from hardentui.visible import visible

_GRACE = 30.0  # seconds within which an unconfirmed change is rolled back


def cut_off_changes() -> Iterator[str]:
    """One sentence each, with the command that resolves it."""

    journal = Journal()
    for entry in journal.unfinished():
        if is_locked(lock_directory(journal), entry.container, entry.engine):
            continue  # it is still running
        name = visible(entry.container, 80)
        if entry.state is EntryState.OPEN:
            ways = f"hardentui undo {entry.id} restores the original"
            if resumable_from(entry) is not None:
                ways += f", hardentui confirm {entry.id} completes it"
            yield f"a change of {name} was interrupted: {ways}"
        elif seconds_left(entry) < -_GRACE:
            if start_overdue(entry.id):
                yield f"nobody confirmed a change of {name} in time: it is rolled back now ({entry.id})"
            else:
                yield (
                    f"nobody confirmed a change of {name} in time, and it was not rolled back:"
                    f" hardentui undo {entry.id}, or hardentui confirm {entry.id}"
                )
