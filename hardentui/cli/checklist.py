"""hardentui checklist: create, lint and test a checklist, or test labs by running them."""

from __future__ import annotations

import os
import tempfile
from argparse import ArgumentParser, Namespace

from hardentui.checks import CHECKS
from hardentui.cli.session import selection_of
from hardentui.cli.terminal import Terminal
from hardentui.errors import ChecklistError, UsageError
from hardentui.features.checklists import loading as checklists
from hardentui.features.checklists.fixtures import (
    lint_checklist,
    new_checklist,
    prove_checklist,
    selectable_facts,
    selectable_options,
)
from hardentui.features.training.loading import load_labs
from hardentui.features.training.training import check_lab, open_training
from hardentui.features.workbench import Workbench
from hardentui.toml_document import TomlFault, read_toml
from hardentui.visible import visible
from hardentui.words import plural


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action",
        metavar="ACTION",
        choices=("new", "lint", "test", "options", "facts"),
        help="new: write a starter checklist with tests; "
        "lint: report all errors in a checklist; "
        "test: run its checks on the example containers beside it, or run labs, which must start broken and "
        "be solved by their solution; "
        "options, facts: what a check of your own can inspect",
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default="",
        help="a TOML file, the name of a checklist of ours, or for test a lab or a directory of labs",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    if options.action in ("options", "facts"):
        words = selectable_options() if options.action == "options" else selectable_facts()
        terminal.write("".join(f"{name:<24} {shape:<9} {about}\n" for name, shape, about in words))
        return 0
    if options.action != "test" and not options.file:
        raise UsageError("Which checklist?", f"hardentui checklist {options.action} FILE")
    if options.action == "new":
        for path in new_checklist(options.file):
            terminal.write(f"{visible(path)}\n")
        terminal.note(f"note: edit it, then: hardentui checklist test {visible(options.file)}")
        return 0
    try:
        if options.action == "lint":
            return _lint(options, terminal)
        return _prove(options, terminal) if _is_checklist(options.file) else _test(options, terminal)
    except ChecklistError as error:
        where = visible(error.where or options.file)
        for fault in error.faults:
            terminal.write(f"{where}:{fault}\n")
        terminal.complain(error.title)
        return error.exit_code


def _is_checklist(where: str) -> bool:
    """Whether it is a checklist; else it is a lab, or a directory of labs."""
    if where in checklists.names():
        return True
    if not where.endswith(".toml") or os.path.isdir(where):
        return False
    try:
        document = read_toml(checklists.read_text(where))
    except TomlFault:
        return False
    return "extends" in document or isinstance(document.get("step"), list)


def _prove(options: Namespace, terminal: Terminal) -> int:
    """Run the checks of a checklist on its test containers; 1 if one gives an unexpected result."""
    proven = prove_checklist(options.file)
    for fault in proven.faults:
        terminal.write(f"{visible(proven.path)}:{fault}\n")
    terminal.write(f"{visible(options.file)}: {proven.summary}\n")
    return 1 if proven.faults else 0


def _test(options: Namespace, terminal: Terminal) -> int:
    """Run each lab on the engine of this host, or on the simulated host; 1 if one has a fault."""
    labs = load_labs(options.file, checks=CHECKS)
    bench = Workbench.open(selection_of(options))
    faulty = 0
    try:
        with (
            tempfile.TemporaryDirectory(prefix="hardentui-labs-") as directory,
            open_training(
                bench, labs, path=f"{directory}/training.json", directory=f"{directory}/labs"
            ) as training,
        ):
            where = "on the simulated host" if training.simulated else "on this Podman"
            for lab in labs:
                terminal.activity(f"running the lab {lab.id}")
                faults = check_lab(lab, training)
                faulty += bool(faults)
                terminal.write(f"{lab.id}: {'good' if not faults else 'has faults'}\n")
                for fault in faults:
                    terminal.write(f"  {visible(fault)}\n")
            training.stop()
    finally:
        bench.close()
    terminal.note(f"{plural(len(labs), 'lab')} run {where}, {faulty or 'none'} with faults.")
    return 1 if faulty else 0


def _lint(options: Namespace, terminal: Terminal) -> int:
    terminal.write(f"{visible(options.file)}: {lint_checklist(options.file).summary}\n")
    return 0
