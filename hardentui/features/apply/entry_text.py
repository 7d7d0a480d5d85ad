"""Entries of the journal as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from hardentui.do import Flag, Sentence
from hardentui.features.change.data_operator import (
    can_bring_back,
)
from hardentui.features.change.data_told import told_newer, told_rows, told_way_back
from hardentui.features.change.waiting_time import seconds_left
from hardentui.features.fix.apply_ways import USUAL, Downtime
from hardentui.harden.do_first import gained
from hardentui.model.journal import (
    ChangeEvent,
    EntryAction,
    EntryState,
    JournalEntry,
    OperationCleared,
    OperationUndone,
    ServiceKept,
    StillGoingBack,
    TriedWithout,
)
from hardentui.model.operations import (
    NoteContainer,
    described_back,
    described_clearing,
    substitute_in,
)
from hardentui.visible import command_word, visible


def what_changed(entry: JournalEntry) -> tuple[str, ...]:
    """What an applied change took from an intruder, as far as the kernel proved it."""
    if entry.action is not EntryAction.APPLY or entry.state not in (
        EntryState.DONE,
        EntryState.WAITING,
    ):
        return ()
    changed = {change.check for change in entry.changes}
    return gained(
        proof.check for proof in entry.proof if proof.status == "pass" and proof.check in changed
    )


def entry_lines(entry: JournalEntry, *, whole: bool) -> Iterator[str]:
    """An entry as text.

    Args:
        whole: with the difference, the changes and the proof.
    """
    yield f"{entry.id}  {entry.action.value} {', '.join(entry.containers)}: {_state(entry)}"
    yield f"    {_local(entry.time)}, {entry.by}"
    if entry.reason:
        yield f"    {entry.reason}"
    if entry.part_of:
        yield f"    part of {entry.part_of}"
    if entry.parts:
        yield f"    holds {', '.join(entry.parts)}"
    if entry.downtime_seconds is not None:
        yield f"    down for {entry.downtime_seconds:.1f} s"
    if words := what_changed(entry):
        yield f"    {', '.join(entry.changed)}: {'; '.join(words)}"
    if entry.soak and entry.in_force:
        when = f"{datetime.fromtimestamp(entry.soak.until):%Y-%m-%d %H:%M}"
        command = f"hardentui harden {command_word(entry.container, 'NAME')}"
        yield f"    soak until {when}; {command} tells what would have been refused"
        if entry.soak.slower:
            yield f"    {entry.soak.slower}"
    if entry.in_force:
        yield from (f"    {line}" for line in told_rows(entry.ledger))
    for line in told_newer(entry.newer):
        yield f"    {line}"
    if whole:
        for change in entry.changes:
            before, after = change.before or "not set", change.after or "not set"
            of = f"{change.container}: " if change.container else ""
            yield f"    {of}{change.option}: {before} -> {after} ({change.check})"
        for proof in entry.proof:
            of = f"{proof.container}: " if proof.container else ""
            yield f"    {of}{proof.status}: {proof.check}{': ' if proof.effective else ''}{proof.effective}"
        yield from (f"    {line}" for line in entry.diff.splitlines())
    if kept := ", ".join(entry.originals):
        s, it = ("s are", "them") if len(entry.originals) > 1 else (" is", "it")
        yield f"    the original{s} kept as {kept}; hardentui journal forget {entry.id} removes {it}"
    if entry.can_be_undone:
        yield f"    undo: hardentui undo {entry.id}"
        for line in told_way_back(entry.ledger, offers=can_bring_back(entry)):
            yield f"    {line}"


def downtime_of_undo(entry: JournalEntry) -> str:
    """What an undo does to the service, as a sentence; empty if that is not known."""
    if entry.downtime_seconds is None or entry.state is EntryState.OPEN:
        return ""
    if substitute_in(entry.operations):
        return Downtime(USUAL, "stop and start; more if it does not stop when told").words
    return Downtime(entry.downtime_seconds, "as in the change").words


def trouble_back(event: ChangeEvent) -> Sentence:
    """What an event of the way back tells that went wrong; empty = nothing."""
    match event:
        case OperationUndone(operation, failed) if failed:
            return f"not rolled back: {described_back(operation)}: {failed}"
        case OperationCleared(NoteContainer(), failed) if failed:
            return f"not as before: {failed}"
        case OperationCleared(operation, failed) if failed:
            return f"left behind: {described_clearing(operation)}: {failed}"
        case ServiceKept(name):
            return (
                f"the original does not start, so {visible(name, 80)} is started with the "
                "change again"
            )
        case TriedWithout(checks):
            return f"not in force, so the rest is applied without {', '.join(checks)}"
        case StillGoingBack(why, left):
            return (
                f"not yet: {why.rstrip('.')}; trying again for {left / 60:.0f} min",
                Flag("Ctrl-C ends that"),
            )
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
