"""hardentui checklist: create, lint and test a checklist, or test labs by running them."""

from __future__ import annotations

import os
import tempfile
import tomllib
from argparse import ArgumentParser, Namespace

from hardentui.checks import all_checks
from hardentui.cli.session import selection_of
from hardentui.cli.terminal import Terminal
from hardentui.errors import ChecklistError, UsageError
from hardentui.harden.own.subjects import FACTS, OPTIONS, shape_of
from hardentui.training.loading import load_labs
from hardentui.visible import visible
from hardentui.words import plural
from hardentui.workbench.checklists import fixtures
from hardentui.workbench.checklists import loading as checklists
from hardentui.workbench.checklists.starting import new_checklist
from hardentui.workbench.training import check_lab, open_training
from hardentui.workbench.workbench import Workbench


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
        help="a TOML file, the name of a checklist of ours, or for test a lab or a folder of labs",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    if options.action in ("options", "facts"):
        terminal.write(_options() if options.action == "options" else _facts())
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
    """Whether it is a checklist; else it is a lab, or a folder of labs."""
    if where in checklists.names():
        return True
    if not where.endswith(".toml") or os.path.isdir(where):
        return False
    try:
        document = tomllib.loads(checklists.read_text(where))
    except tomllib.TOMLDecodeError:
        return False
    return "extends" in document or isinstance(document.get("step"), list)


def _prove(options: Namespace, terminal: Terminal) -> int:
    """Run the checks of a checklist on its test containers; 1 if one gives an unexpected result."""
    checklist = checklists.load(options.file)
    path = fixtures.beside(checklists.path_of(options.file))
    containers = fixtures.load_fixtures(path, checklist)
    known = {check.id: check for check in (*all_checks(), *checklist.own)}
    own = tuple(check.id for check in checklist.own if check.id not in checklist.inherited)
    faults = fixtures.faults_of(checklist, known, containers, own)
    for fault in faults:
        terminal.write(f"{visible(path)}:{fault}\n")
    wrong = f"{plural(len(faults), 'fault')}" if faults else "as expected"
    terminal.write(
        f"{visible(options.file)}: {wrong}. {plural(len(containers), 'container')}, "
        f"{plural(len(own), 'check')} of its own.\n"
    )
    return 1 if faults else 0


def _options() -> str:
    return "".join(
        f"{name:<24} {shape_of(option).value:<9} {option.about}\n" for name, option in sorted(OPTIONS.items())
    )


def _facts() -> str:
    return "".join(f"{name:<24} {fact.shape.value:<9} {fact.about}\n" for name, fact in FACTS.items())


def _test(options: Namespace, terminal: Terminal) -> int:
    """Run each lab on the engine of this host, or on the simulated host; 1 if one has a fault."""
    labs = load_labs(options.file, checks=[check.id for check in all_checks()])
    bench = Workbench.open(selection_of(options))
    faulty = 0
    try:
        with (
            tempfile.TemporaryDirectory(prefix="hardentui-labs-") as folder,
            open_training(bench, labs, path=f"{folder}/training.json", folder=f"{folder}/labs") as training,
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
    checklist = checklists.load(options.file)
    used = {check for step in checklist.steps for check in step.checks}
    unused = sum(check.id not in used for check in all_checks())
    terminal.write(
        f"{visible(options.file)}: valid. {plural(len(checklist.steps), 'step')}, "
        f"{plural(len(used), 'check')}, {len(checklist.own)} of them your own; "
        f"{unused} built-in checks are not used.\n"
    )
    return 0
