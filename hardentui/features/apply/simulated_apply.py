"""An apply as played on the simulated host, for learning. Nothing is changed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec.structs import replace

from hardentui.features.apply.apply_wishes import ApplyWishes
from hardentui.features.apply.applying import PreparedChange
from hardentui.model.journal import (
    ChangeEvent,
    EntryAction,
    EntryState,
    JournalEntry,
    OperationBegun,
    OperationDone,
)
from hardentui.model.operations import (
    CreateContainer,
    NoteContainer,
    ProveChanges,
    RenameContainer,
    StartContainer,
    StopContainer,
    WaitReady,
)
from hardentui.model.plan import Plan

PACE = 0.5
"""Seconds per step, so that it can be read."""


def prepare_played(plan: Plan, diff: str, wishes: ApplyWishes) -> PreparedChange:
    """The steps that an apply of this plan would take."""
    name = plan.container
    checks = tuple(choice.check for choice in plan.choices)
    operations = (
        NoteContainer(id=name, name=name, running=True),
        StopContainer(id=name),
        RenameContainer(id=name, before=name, after=f"{name}-before"),
        CreateContainer(name=name, original=name, arguments=()),
        StartContainer(name=name),
        WaitReady(name=name, seconds=wishes.patience),
        ProveChanges(name=name, checks=checks),
    )
    entry = JournalEntry(
        id="simulated",
        time="",
        action=EntryAction.APPLY,
        container=name,
        diff=diff,
        original=f"{name}-before",
        operations=operations,
    )
    return PreparedChange(entry, ("simulated: nothing is changed",), True, wishes)


def play_apply(
    prepared: PreparedChange, on_event: Callable[[ChangeEvent], None], stop: threading.Event
) -> JournalEntry:
    """Report each step as if it were done; nothing is written to the journal."""
    operations = prepared.entry.operations
    for number, operation in enumerate(operations, 1):
        on_event(OperationBegun(operation, number, len(operations)))
        if stop.wait(PACE):
            return replace(prepared.entry, state=EntryState.ROLLED_BACK, reason="it was stopped")
        on_event(OperationDone(operation, number, len(operations), PACE, "simulated"))
    return replace(prepared.entry, state=EntryState.DONE, downtime_seconds=1.0)
