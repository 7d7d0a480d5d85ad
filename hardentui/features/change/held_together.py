"""Several changes that are one for the user: one entry of the journal, one timer, one undo.

Each part is a transaction with an entry of its own, which can be undone singly too. The entry that
holds them changes nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from msgspec.structs import replace

from hardentui.account import who
from hardentui.errors import HardenError
from hardentui.features.change import confirm_timer
from hardentui.features.change.change_lock import lock_directory, locked
from hardentui.features.change.journal import Journal
from hardentui.features.change.service_operator import guarded
from hardentui.features.change.waiting_time import waiting
from hardentui.model.journal import ConfirmClock, EntryAction, EntryState, JournalEntry
from hardentui.words import plural

TakeBack = Callable[[JournalEntry], object]
"""Undoes one part; raises HardenError if that is impossible now."""


@contextmanager
def begun_together(
    journal: Journal,
    containers: int,
    engine: str,
    confirm_within: float,
    cut_off: JournalEntry | None = None,
) -> Iterator[JournalEntry]:
    """The entry for changes that follow. If this process is killed, what is finished by then waits
    for confirmation like the whole.

    Args:
        containers: how many will be changed.
        confirm_within: seconds in which all must be kept; 0 = no limit.
        cut_off: an entry that is gone on with, so that it is still undone as one.

    Raises:
        JournalError, Locked, ChangeFailed: nothing was begun.
    """
    now = datetime.now(UTC)
    entry = JournalEntry(
        id=cut_off.id if cut_off is not None else journal.new_id(now),
        time=now.isoformat(timespec="seconds"),
        action=EntryAction.HARDEN,
        container=plural(containers, "container"),
        engine=engine,
        by=who(),
        parts=cut_off.parts if cut_off is not None else (),
        confirm_clock=ConfirmClock(
            boot="",
            uptime=0.0,
            seconds=confirm_within,
        ),
    )
    with locked(
        lock_directory(journal),
        entry.id,
        engine,
        f"harden by {who()}",
    ):
        journal.write(entry)
        with guarded(entry.id):
            yield entry


def add_part(
    journal: Journal,
    holder: JournalEntry,
    part: str,
) -> JournalEntry:
    """The holder with one more change, noted before that begins. `part`: ID of its entry."""
    holder = replace(holder, parts=(*holder.parts, part))
    journal.write(holder)
    return holder


def parts_of(
    journal: Journal,
    holder: JournalEntry,
) -> tuple[JournalEntry, ...]:
    """Its changes that were begun, the newest first."""
    known = {entry.id: entry for entry in journal.entries()}
    return tuple(known[part] for part in reversed(holder.parts) if part in known)


def finish_together(
    journal: Journal,
    holder: JournalEntry,
) -> JournalEntry:
    """All parts are done, or taken back: what is left waits for confirmation, if it shall.

    Raises:
        ChangeFailed: nothing would roll it back in time.
    """
    kept = [part for part in parts_of(journal, holder) if part.in_force]
    seconds = holder.confirm_clock.seconds if holder.confirm_clock is not None else 0.0
    many = plural(sum(len(part.containers) for part in kept), "container")
    holder = replace(
        holder,
        container=many,
        parts=tuple(part.id for part in reversed(kept)),
    )
    if not kept:
        done = replace(
            holder,
            state=EntryState.ROLLED_BACK,
            reason="No change could be kept.",
        )
    elif not seconds:
        done = replace(holder, state=EntryState.DONE)
    else:
        waits = waiting(holder, seconds)
        journal.write(waits)  # the process that waits for the deadline must find it
        how = confirm_timer.arm(holder.id, seconds)
        done = replace(waits, reason=f"Unless confirmed, it is rolled back {how}.")
    journal.write(done)
    return done


def undo_together(
    journal: Journal,
    holder: JournalEntry,
    take_back: TakeBack,
    why: str = "",
) -> JournalEntry:
    """Undo the parts, the newest first; one that cannot be undone does not keep the others.

    Returns: the holder, rolled back; still in force, with the reasons, if a part of it is.
    """
    reasons = []
    for part in parts_of(journal, holder):
        if not part.can_be_undone:
            continue
        try:
            take_back(part)
        except HardenError as error:
            reasons.append(error.title)
    parts = parts_of(journal, holder)
    left = any(part.in_force for part in parts)
    done = replace(
        holder,
        newer=tuple(data for part in parts for data in part.newer),
        state=EntryState.DONE if left else EntryState.ROLLED_BACK,
        confirm_by=0.0,
        reason=" ".join([why or f"Undone by {who()}.", *reasons]),
    )
    journal.write(done)
    return done


def after_a_part(journal: Journal, part: JournalEntry) -> None:
    """A part was undone singly: with the last one, the holder is undone too."""
    if not part.part_of:
        return
    holder = journal.read(part.part_of)
    if holder.in_force and not any(other.in_force for other in parts_of(journal, holder)):
        journal.write(
            replace(
                holder,
                state=EntryState.ROLLED_BACK,
                confirm_by=0.0,
                reason="Each of its changes was undone.",
            )
        )
