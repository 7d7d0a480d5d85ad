"""hardentui host: the findings of the host and its engines."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from hardentui.cli import session
from hardentui.cli.check import deliver, report_options
from hardentui.cli.parser import checklist_option
from hardentui.cli.terminal import Terminal
from hardentui.model.finding import Severity


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--deep", action="store_true", help="also look for pending updates; takes seconds")
    checklist_option(parser)
    report_options(parser)


def run(options: Namespace, terminal: Terminal) -> int:
    with session.workbench(options, terminal) as bench:
        fail_on = Severity.parse(options.fail_on)
        shared = session.of_host(bench)
        containers = [row.report for row in session.scan(bench, terminal) if row.report]
        fixes = options.format != "text"
        result = session.result(bench, shared, fail_on, fixes=fixes, containers=containers)
    deliver(result, options, terminal)
    return result.exit_code
