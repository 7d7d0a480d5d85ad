"""hardentui convert: write a container to files as it is, nothing hardened."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from hardentui.cli import fix as saving
from hardentui.cli import session
from hardentui.cli.parser import output_options
from hardentui.cli.terminal import Terminal
from hardentui.model.draft import Target


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="container name or ID prefix")
    output_options(parser)


def run(options: Namespace, terminal: Terminal) -> int:
    version = saving.version_of(options)
    with session.workbench(options, terminal) as bench:
        report = session.one_report(bench, options.name)
        draft = bench.drafter.draft(report, None, Target(options.to), version=version)
        saving.deliver(bench, report, draft, options, terminal)
    return 0
