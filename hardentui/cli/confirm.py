"""hardentui confirm: keep a change that would otherwise be rolled back."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from hardentui.cli.terminal import Terminal
from hardentui.visible import visible
from hardentui.workbench.changing.history import History


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "id",
        metavar="ID",
        nargs="?",
        default="",
        help="an entry of the journal; default: the newest that waits",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    entry = History().confirm(options.id)
    terminal.write(f"{entry.id}: {visible(entry.container, 80)} keeps its change.\n")
    return 0
