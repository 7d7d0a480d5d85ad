"""A change of the host, reported line by line."""

from __future__ import annotations

from hardentui.cli.terminal import Terminal
from hardentui.do import said
from hardentui.features.apply.entry_text import trouble_back
from hardentui.model.journal import (
    ChangeEvent,
    GoingBack,
    OperationBegun,
    OperationCleared,
    OperationDone,
    OperationUndone,
)
from hardentui.model.operations import (
    NoteContainer,
    NoteUnit,
    described,
    described_back,
    described_clearing,
)


def tell(terminal: Terminal, event: ChangeEvent) -> None:
    """One event as a note; a running step as an activity."""
    if trouble := trouble_back(event):
        terminal.complain(said(trouble, with_flags=True))
        return
    match event:
        case OperationBegun():
            terminal.activity(f"{event.number}/{event.total} {described(event.operation)}")
        case OperationDone():
            remark = f": {event.remark}" if event.remark else ""
            terminal.note(
                f"{event.number}/{event.total} {described(event.operation)} ({event.seconds:.1f} s){remark}"
            )
        case GoingBack():
            terminal.note(f"rolling back: {event.why}")
        case OperationUndone():
            if isinstance(event.operation, NoteContainer | NoteUnit):
                terminal.note(
                    "the original runs as before"
                    if _ran(event.operation)
                    else "the original is restored"
                )
            else:
                terminal.activity(f"rolled back: {described_back(event.operation)}")
        case OperationCleared():
            terminal.activity(described_clearing(event.operation))


def _ran(operation: NoteContainer | NoteUnit) -> bool:
    return operation.running if isinstance(operation, NoteContainer) else operation.active
