"""hardentui fix: the hardened files of one or several containers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from hardentui.cli import saving, session
from hardentui.cli.choosing import check_options, make_plan
from hardentui.cli.fix_many import fix_many
from hardentui.cli.parser import group_of, output_options
from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError
from hardentui.model.draft import Target


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "names", metavar="NAME", nargs="+", help="container name or ID prefix; several at once with -o"
    )
    group_of(parser, required=True, tried=True)
    output_options(parser, "unit", "drop-in")
    parser.add_argument(
        "--in-place",
        action="store_true",
        help="with --to unit or drop-in: write where systemd reads it; the previous file is kept as a backup",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    if options.in_place and (options.to not in ("unit", "drop-in") or options.directory):
        raise UsageError("--in-place needs --to unit or --to drop-in, and excludes -o.")
    version = saving.version_of(options)
    if len(options.names) > 1:
        return fix_many(options, terminal, version)
    saved = check_options(options)
    with session.workbench(options, terminal) as bench:
        report = session.one_report(bench, options.names[0])
        plan = make_plan(bench, report, options, saved, terminal)
        if not plan.changes:
            terminal.complain("Nothing was written; hardentui convert NAME writes the container as it is.")
            return 1
        draft = bench.drafter.draft(report, plan, Target(options.to), version=version)
        saving.deliver(bench, report, draft, options, terminal)
    return 0
