"""hardentui checklist lint: everything that is wrong with a checklist, each with its line."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from hardentui.checks import all_checks
from hardentui.cli.terminal import Terminal
from hardentui.errors import ChecklistError
from hardentui.visible import visible
from hardentui.words import plural
from hardentui.workbench.checklists import loading as checklists


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("action", metavar="lint", choices=("lint",), help="tell everything that is wrong")
    parser.add_argument("file", metavar="FILE", help="a TOML file, or the name of a checklist of ours")


def run(options: Namespace, terminal: Terminal) -> int:
    try:
        checklist = checklists.load(options.file)
    except ChecklistError as error:
        for fault in error.faults:
            terminal.write(f"{visible(options.file)}:{fault}\n")
        terminal.complain(error.title)
        return error.exit_code
    used = {check for step in checklist.steps for check in step.checks}
    unused = sum(check.id not in used for check in all_checks())
    terminal.write(
        f"{visible(options.file)}: good. {plural(len(checklist.steps), 'step')}, "
        f"{plural(len(used), 'check')}; "
        f"{unused} checks of ours are not used.\n"
    )
    return 0
