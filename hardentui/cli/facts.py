"""hardentui facts save: everything that checks read, in one file."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from hardentui.checks import all_checks
from hardentui.cli import session
from hardentui.cli.terminal import Terminal
from hardentui.cli.text_files import save_text
from hardentui.errors import NoEngine, UsageError
from hardentui.words import plural
from hardentui.workbench.checklists import loading as checklists
from hardentui.workbench.looking.judging import Judge
from hardentui.workbench.opening.engines import open_engines
from hardentui.workbench.opening.saved_facts import Recorder
from hardentui.workbench.workbench import Workbench


def arguments(parser: ArgumentParser) -> None:
    parser.description = (
        "Save the data of Podman, /proc and the configuration files for `check --facts FILE`. "
        "Values named like passwords or keys are masked; names, addresses and images are not."
    )
    parser.add_argument("action", metavar="save", choices=("save",), help="save the facts of this host")
    parser.add_argument("file", metavar="FILE", help="file to write, readable by its owner only")


def run(options: Namespace, terminal: Terminal) -> int:
    if options.demo:
        raise UsageError("The facts of the simulated host cannot be saved.")
    opened = open_engines(session.selection_of(options))
    if opened.simulated:
        raise NoEngine("No Podman was found.", session.tried(opened.attempts))
    recorder = Recorder(opened)
    judge = Judge(checklists.load(), {check.id: check for check in all_checks()})
    bench = Workbench(recorder.opened, judge)
    try:
        bench.surroundings.host()
        rows = session.scan(bench, terminal, closer=True)
    finally:
        bench.close()
    text = json.dumps(recorder.document(), separators=(",", ":")) + "\n"
    save_text(options.file, text, backup=False, mode=0o600)
    terminal.note(
        f"note: {plural(len(rows), 'container')}, {len(text) // 1024} kB; "
        f"hardentui check --facts {options.file}"
    )
    return 0
