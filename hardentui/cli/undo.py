"""hardentui undo: undo a change."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace

from hardentui.cli.change_progress import tell
from hardentui.cli.confirmation import sure
from hardentui.cli.terminal import Terminal
from hardentui.workbench.changing.history import History
from hardentui.workbench.changing.journal_text import entry_lines


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
    sure(terminal, f"Undo {entry.id}?", yes=options.yes, command=f"hardentui undo {entry.id} --yes")
    done = history.undo(entry, lambda event: tell(terminal, event))
    note = next((note for note in history.recorded().entries if note.undoes == done.id), None)
    down = note.downtime_seconds if note else None
    told = "" if down is None else f" It was down for {down:.1f} s."
    terminal.write(f"{done.id}: undone. {done.container} is as before.{told}\n")
    return 0
