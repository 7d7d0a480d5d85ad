"""Changes that came to no end: told by every command, because the host may not be as anybody meant it.

One that was to go back unless confirmed in time, and did not because the host was restarted where no systemd
sees to it, goes back now: whoever applied it asked for that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from hardentui.state.own_files import state_folder
from hardentui.visible import visible

_GRACE = 30.0  # seconds within which a change that was not confirmed is taken back


def cut_off_changes() -> Iterator[str]:
    """One sentence for each, with the command that ends it. Loads nothing where nothing was ever changed."""
    if not os.path.isdir(os.path.join(state_folder(), "journal")):
        return
    from hardentui.change.deadline import seconds_left
    from hardentui.change.file_changes import lock_folder
    from hardentui.change.journal import Journal
    from hardentui.change.lock import is_locked
    from hardentui.change.resuming import resumable_from
    from hardentui.model.journal import EntryState

    journal = Journal()
    for entry in journal.unfinished():
        if is_locked(lock_folder(journal), entry.container, entry.engine):
            continue  # it is under way
        name = visible(entry.container, 80)
        if entry.state is EntryState.OPEN:
            ways = f"hardentui undo {entry.id} brings back what was there"
            if resumable_from(entry) is not None:
                ways += f", hardentui confirm {entry.id} goes on with it"
            yield f"a change of {name} was cut off: {ways}"
        elif seconds_left(entry) < -_GRACE:
            from hardentui.change.confirm_timer import start_overdue

            if start_overdue(entry.id):
                yield f"nobody confirmed a change of {name} in time: it goes back now ({entry.id})"
            else:
                yield (
                    f"nobody confirmed a change of {name} in time, and it did not go back:"
                    f" hardentui undo {entry.id}, or hardentui confirm {entry.id}"
                )
