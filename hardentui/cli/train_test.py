"""hardentui train test: whether a lab can be given to learners."""

from __future__ import annotations

import os
import tempfile
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack

from hardentui.checks import CHECKS
from hardentui.cli.session import selection_of
from hardentui.cli.terminal import Terminal
from hardentui.features.training.lab import Lab
from hardentui.features.training.lab_files import find_lab, load_labs
from hardentui.features.training.proving import faults_of, lint
from hardentui.features.training.training import Training, Workplace, open_training
from hardentui.features.workbench import Workbench
from hardentui.visible import visible
from hardentui.words import plural


def test_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "names",
        metavar="LAB",
        nargs="*",
        help="a file, id or number; else all",
    )
    parser.add_argument(
        "--lint",
        action="store_true",
        help="only read it; run nothing",
    )


def run_test(options: Namespace, terminal: Terminal) -> int:
    labs = _chosen(options)
    faults = 0
    with ExitStack() as opened:
        training = None
        if not options.lint:
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="hardentui-lab-"))
            bench = None
            if not options.demo:
                bench = Workbench.open(selection_of(options))
                opened.callback(bench.close)
            place = Workplace(
                labs,
                progress=os.path.join(folder, "training.json"),
                folder=folder,
            )
            training = opened.enter_context(open_training(bench, place))
            opened.callback(training.stop)
        for lab in labs:
            seen = _faults(lab, training, terminal)
            faults += len(seen)
            word = "has faults:" if seen else "is good."
            terminal.write(f"{lab.id} {word}\n")
            for fault in seen:
                terminal.write(f"  {visible(fault, 300)}\n")
    terminal.note(f"{plural(len(labs), 'lab')}, {plural(faults, 'fault')}.")
    if training is not None and training.simulated:
        terminal.note("Simulated: no attack and no service was tried. Test on a real Podman too.")
    return 1 if faults else 0


def _faults(
    lab: Lab,
    training: Training | None,
    terminal: Terminal,
) -> list[str]:
    faults = list(lint(lab))
    if training is not None:
        terminal.activity(f"trying {lab.id}: start, solution, {len(lab.wrong)} wrong answers")
        faults += faults_of(training.find(lab.id), training)
    return faults


def _chosen(options: Namespace) -> tuple[Lab, ...]:
    files = [name for name in options.names if name.endswith(".toml")]
    others = [name for name in options.names if not name.endswith(".toml")]
    labs = [lab for path in files for lab in load_labs(path, checks=CHECKS)]
    if others or not files:
        available = load_labs(options.labs, checks=CHECKS)
        labs += [find_lab(available, name) for name in others] or available
    return tuple(labs)
