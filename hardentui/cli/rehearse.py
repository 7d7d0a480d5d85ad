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
from hardentui.model.facts import ContainerFacts
from hardentui.visible import visible
from hardentui.workbench.trials.trying import Trying, Wishes
from hardentui.workbench.updating.rehearsal import lines_of, new_image, rehearse
from hardentui.workbench.views import known_facts

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
        facts = known_facts(report)
        gatherer = bench.parts.gatherers[facts.engine.label]
        image = new_image(gatherer, facts, options.image)
        members = bench.containers.neighbours(report).members

        def trying(of: ContainerFacts) -> Trying:
            return Trying(bench.opened, bench.parts.gatherers, bench.judge, of, members)

        wishes = Wishes(tuple(options.peer), tuple(options.probe), options.patience, options.outside)
        with interruptible():
            rehearsal = rehearse(facts, image, trying, wishes, ProgressLines(terminal), threading.Event())
    terminal.clear()
    if options.format == "json":
        document = {
            "schema": SCHEMA,
            "container": facts.name,
            "works": rehearsal.works,
            **to_builtins(rehearsal),
        }
        terminal.write(json.dumps(document, indent=2) + "\n")
    else:
        terminal.write("".join(f"{visible(line, 500)}\n" for line in lines_of(rehearsal, facts.name)))
    return 0 if rehearsal.works else _OLD_FAILS if rehearsal.after is None else _NEW_FAILS
