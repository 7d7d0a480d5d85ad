"""Entries of the journal as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from hardentui.model.journal import EntryState, JournalEntry
from hardentui.visible import visible
from hardentui.workbench.changing.history import seconds_left


def entry_lines(entry: JournalEntry, *, whole: bool) -> Iterator[str]:
    """An entry as text.

    Args:
        whole: with the difference, the changes and the proof.
    """
    yield f"{entry.id}  {entry.action.value} {entry.container}: {_state(entry)}"
    yield f"    {_local(entry.time)}, {entry.by}"
    if entry.reason:
        yield f"    {entry.reason}"
    if entry.downtime_seconds is not None:
        yield f"    down for {entry.downtime_seconds:.1f} s"
    if whole:
        for change in entry.changes:
            before, after = change.before or "not set", change.after or "not set"
            yield f"    {change.option}: {before} -> {after} ({change.check})"
        for proof in entry.proof:
            yield f"    {proof.status}: {proof.check}{': ' if proof.effective else ''}{proof.effective}"
        yield from (f"    {line}" for line in entry.diff.splitlines())
    if entry.original:
        yield f"    the original is kept as {entry.original}; hardentui journal forget {entry.id} removes it"
    if entry.can_be_undone:
        yield f"    undo: hardentui undo {entry.id}"


def _state(entry: JournalEntry) -> str:
    if entry.state is EntryState.WAITING:
        left = seconds_left(entry)
        when = f"{left:.0f} s left" if left > 0 else "expired"
        return f"waits for hardentui confirm {entry.id} ({when})"
    if entry.state is EntryState.OPEN:
        return "unfinished"
    return entry.state.value


def _local(time: str) -> str:
    try:
        return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return visible(time, 40)
