"""hardentui facts save: everything that checks read, in one file."""

from __future__ import annotations

import threading
from argparse import ArgumentParser, Namespace

from hardentui.cli import session
from hardentui.cli.terminal import Terminal
from hardentui.errors import NoEngine, UsageError
from hardentui.features.compare.compare import record, write_facts
from hardentui.features.opening.engines import open_engines
from hardentui.features.views import CheckProgress
from hardentui.words import plural


def arguments(parser: ArgumentParser) -> None:
    parser.description = (
        "Save the data of Podman, /proc and the configuration files for `check --facts FILE`. "
        "Values named like passwords or keys are masked; names, addresses and images are not."
    )
    parser.add_argument("action", metavar="save", choices=("save",), help="save the facts of this host")
    parser.add_argument(
        "file",
        metavar="FILE",
        help="the file to write; compressed if it ends in .gz; only its owner can read it",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    if options.demo:
        raise UsageError("The facts of the simulated host cannot be saved.")
    opened = open_engines(session.selection_of(options))
    stop = threading.Event()

    def moved(progress: CheckProgress) -> None:
        terminal.progress(progress.done, progress.total)

    try:
        if opened.simulated:
            raise NoEngine("No Podman was found.", session.tried(opened.attempts))
        host = record(opened, moved, stop)
    finally:
        stop.set()
        terminal.clear()
        opened.close()
    write_facts(host, options.file)
    terminal.note(
        f"note: {plural(host.containers, 'container')}, {host.kilobytes} kB; "
        f"hardentui check --facts {options.file}"
    )
    return 0
