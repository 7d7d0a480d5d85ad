"""hardentui rehearse: an update tried on a twin, together with its rollback."""

from __future__ import annotations

import json
import threading
from argparse import ArgumentParser, Namespace

from msgspec import to_builtins

from hardentui.cli import session
from hardentui.cli.parser import Given
from hardentui.cli.terminal import Terminal
from hardentui.cli.trial import ProgressLines, interruptible, trial_options
from hardentui.features.trial.rehearsal import lines_of, rehearse_container
from hardentui.features.trial.trying import Wishes
from hardentui.visible import strict_json, visible

SCHEMA = "hardentui/rehearsal/1"
_NEW_FAILS, _OLD_FAILS = 1, 6


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="container name or ID prefix")
    parser.add_argument(
        "--image", metavar="REF", action=Given, default="", help="default: the image its name points to now"
    )
    trial_options(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.epilog = "The exit code is 1 if the new image does not work, 6 if not even today's image does."


def run(options: Namespace, terminal: Terminal) -> int:
    with session.workbench(options, terminal) as bench:
        report = session.one_report(bench, options.name, terminal)
        wishes = Wishes(
            tuple(options.peer),
            tuple(options.probe),
            options.patience,
            options.outside,
            granted=tuple(options.grant),
        )
        with interruptible():
            rehearsal = rehearse_container(
                bench, report, options.image, wishes, ProgressLines(terminal), threading.Event()
            )
    terminal.clear()
    if options.format == "json":
        document = {
            "schema": SCHEMA,
            "container": report.subject.name,
            "works": rehearsal.works,
            **to_builtins(rehearsal),
        }
        terminal.write(strict_json(json.dumps(document, indent=2)) + "\n")
    else:
        terminal.write(
            "".join(f"{visible(line, 500)}\n" for line in lines_of(rehearsal, report.subject.name))
        )
    return 0 if rehearsal.works else _OLD_FAILS if rehearsal.after is None else _NEW_FAILS
