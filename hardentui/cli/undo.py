"""hardentui undo: undo a change."""

from __future__ import annotations

import signal
import threading
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hardentui.cli.confirmation import sure
from hardentui.cli.terminal import Terminal
from hardentui.features.apply.history import History, downtime_of_undo, entry_lines, trouble_back
from hardentui.model.change_events import (
    ChangeEvent,
    GoingBack,
    OperationBegun,
    OperationCleared,
    OperationDone,
    OperationUndone,
)
from hardentui.model.operations import NoteContainer, NoteUnit, described, described_back, described_clearing

# A change of the host, reported line by line.


def tell(terminal: Terminal, event: ChangeEvent) -> None:
    """One event as a note; a running step as an activity."""
    if trouble := trouble_back(event):
        terminal.complain(trouble)
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
                    "the original runs as before" if _ran(event.operation) else "the original is restored"
                )
            else:
                terminal.activity(f"rolled back: {described_back(event.operation)}")
        case OperationCleared():
            terminal.activity(described_clearing(event.operation))


def _ran(operation: NoteContainer | NoteUnit) -> bool:
    return operation.running if isinstance(operation, NoteContainer) else operation.active


# Ctrl-C, a closed session and SIGTERM as requests for an orderly stop.

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event set by these signals: then everything is undone in order."""
    stop = threading.Event()

    def ask_to_stop(number: int, frame: Any) -> None:
        stop.set()

    before = {number: signal.signal(number, ask_to_stop) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "id",
        metavar="ID",
        nargs="?",
        default="",
        help="a journal entry, or the end of its ID; default: the latest one in force",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--expired", action="store_true", help=SUPPRESS)  # called by the timer of apply
    parser.add_argument("--cut-off", action="store_true", help=SUPPRESS)  # called by the guard of apply


def run(options: Namespace, terminal: Terminal) -> int:
    history = History()
    if options.cut_off:
        history.take_back_cut_off(options.id)
        return 0
    if options.expired:
        history.take_back_expired(options.id)
        return 0
    entry = history.to_undo(options.id)
    terminal.write("\n".join(entry_lines(entry, whole=True)) + "\n")
    if down := downtime_of_undo(entry):
        terminal.complain(down)
    sure(terminal, f"Undo {entry.id}?", yes=options.yes, command=f"hardentui undo {entry.id} --yes")
    done = history.undo(entry, lambda event: tell(terminal, event))
    note = next((note for note in history.recorded().entries if note.undoes == done.id), None)
    seconds = note.downtime_seconds if note else None
    told = "" if seconds is None else f" It was down for {seconds:.1f} s."
    terminal.write(f"{done.id}: undone. {done.container} is as before.{told}\n")
    return 0
