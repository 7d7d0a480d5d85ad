"""Entries of the journal as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from hardentui.model.change_events import (
    ChangeEvent,
    OperationCleared,
    OperationUndone,
    ServiceKept,
    StillGoingBack,
)
from hardentui.model.journal import EntryState, JournalEntry
from hardentui.model.operations import NoteContainer, described_back, described_clearing
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


def trouble_back(event: ChangeEvent) -> str:
    """What an event of the way back tells that went wrong; empty = nothing."""
    match event:
        case OperationUndone(operation, failed) if failed:
            return f"not rolled back: {described_back(operation)}: {failed}"
        case OperationCleared(NoteContainer(), failed) if failed:
            return f"not as before: {failed}"
        case OperationCleared(operation, failed) if failed:
            return f"left behind: {described_clearing(operation)}: {failed}"
        case ServiceKept(name):
            return f"the original does not start, so {visible(name, 80)} is started with the change again"
        case StillGoingBack(why, left):
            return f"not yet: {why.rstrip('.')}; trying again for {left / 60:.0f} min (Ctrl-C ends that)"
        case _:
            return ""


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
