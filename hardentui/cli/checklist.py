"""hardentui checklist: lint a checklist, or test labs by doing them."""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser, Namespace

from hardentui.checks import all_checks
from hardentui.cli.session import selection_of
from hardentui.cli.terminal import Terminal
from hardentui.errors import ChecklistError, UsageError
from hardentui.harden.own.subjects import FACTS, OPTIONS, shape_of
from hardentui.training.loading import load_labs
from hardentui.visible import visible
from hardentui.words import plural
from hardentui.workbench.checklists import loading as checklists
from hardentui.workbench.training import check_lab, open_training
from hardentui.workbench.workbench import Workbench


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action",
        metavar="ACTION",
        choices=("lint", "test", "options", "facts"),
        help="lint: tell everything that is wrong with a checklist; "
        "test: do labs, which must start broken and be solved by their solution; "
        "options, facts: what a check of your own can look at",
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
    return _test(options, terminal) if options.action == "test" else _lint(options, terminal)


def _options() -> str:
    return "".join(
        f"{name:<24} {shape_of(option).value:<9} {option.about}\n" for name, option in sorted(OPTIONS.items())
    )


def _facts() -> str:
    return "".join(f"{name:<24} {fact.shape.value:<9} {fact.about}\n" for name, fact in FACTS.items())


def _test(options: Namespace, terminal: Terminal) -> int:
    """Do each lab on the engine of this host, or on the simulated host; 1 when one has a fault."""
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
                terminal.activity(f"doing the lab {lab.id}")
                faults = check_lab(lab, training)
                faulty += bool(faults)
                terminal.write(f"{lab.id}: {'good' if not faults else 'has faults'}\n")
                for fault in faults:
                    terminal.write(f"  {visible(fault)}\n")
            training.stop()
    finally:
        bench.close()
    terminal.note(f"{plural(len(labs), 'lab')} done {where}, {faulty or 'none'} with a fault.")
    return 1 if faulty else 0


def _lint(options: Namespace, terminal: Terminal) -> int:
    if not options.file:
        raise UsageError("Which checklist?", "hardentui checklist lint FILE")
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
        f"{plural(len(used), 'check')}, {len(checklist.own)} of them your own; "
        f"{unused} checks of ours are not used.\n"
    )
    return 0
