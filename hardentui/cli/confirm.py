"""hardentui confirm: keep a change that would otherwise be rolled back, or complete an interrupted one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from hardentui.cli.session import one_report
from hardentui.cli.terminal import Terminal
from hardentui.cli.undo import tell
from hardentui.features.apply.applying import Application
from hardentui.features.apply.history import PRIVATE, History
from hardentui.features.views import Selection
from hardentui.features.workbench import Workbench
from hardentui.model.journal import JournalEntry
from hardentui.visible import visible


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "id",
        metavar="ID",
        nargs="?",
        default="",
        help="a journal entry, possibly an interrupted one; default: the latest that waits",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    history = History()
    cut_off = history.cut_off_entry(options.id) if options.id else None
    entry = history.confirm(options.id) if cut_off is None else _finished(cut_off, terminal)
    terminal.write(f"{entry.id}: {visible(entry.container, 80)} keeps its change.\n")
    return 0


def _finished(cut_off: JournalEntry, terminal: Terminal) -> JournalEntry:
    """Start and judge the result of an interrupted change."""
    url = "" if cut_off.engine == PRIVATE else cut_off.engine
    bench = Workbench.open(Selection(url=url))
    try:
        application = Application(bench, one_report(bench, cut_off.container))
        return application.finish(cut_off.id, lambda event: tell(terminal, event))
    finally:
        bench.close()
