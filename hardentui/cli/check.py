"""hardentui check: findings of containers, host and engines."""

from __future__ import annotations

import gc
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui.cli.parser import Given, checklist_option
from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError
from hardentui.reports import FORMATS, render

if TYPE_CHECKING:
    from hardentui.reports.result import CheckResult
    from hardentui.workbench.workbench import Workbench

SEVERITIES = ("low", "medium", "high", "critical")

_last: list[object] = []
"""What the last check has read. The process ends after it: letting go of it earlier takes each of its hundred
thousand objects apart, a fiftieth of the time of a check."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME", nargs="*", help="container names or beginnings of ids")
    parser.add_argument("--step", metavar="N", type=int, action="append", default=[], choices=range(1, 11))
    parser.add_argument("--check", metavar="ID", action="append", default=[], help="only this check")
    parser.add_argument(
        "--facts", action=Given, metavar="FILE", default="", help="check saved facts instead of this host"
    )
    checklist_option(parser)
    report_options(parser)


def report_options(parser: ArgumentParser) -> None:
    """`--format`, `-o FILE`, `--fail-on`."""
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="default: text")
    parser.add_argument(
        "-o", action=Given, metavar="FILE", dest="file", default="", help="write the report into a file"
    )
    parser.add_argument(
        "--fail-on", choices=SEVERITIES, default="high", help="severity that makes the exit code 1"
    )


def run(options: Namespace, terminal: Terminal) -> int:
    gc.disable()  # this process ends with the report: looking for cycles is a tenth of its time for nothing
    from hardentui.cli import session
    from hardentui.model.finding import Severity

    if options.check:
        from hardentui.workbench.looking.judging import find_check

        for check in options.check:
            find_check(check)
    with session.workbench(
        options, terminal, steps=options.step, checks=options.check, everything=True
    ) as bench:
        _all_there(options, bench)
        listed = bench.rows()
        wanted = {row.key for row in session.named(listed, options.names)}
        shared = [] if options.names else session.of_host(bench)
        rows = session.scan(bench, terminal, listed)
        if options.names:
            # all were looked at first, because some checks compare a container with the others
            rows = session.closer(bench, [row for row in rows if row.key in wanted])
        reports = [*shared, *session.of_rows(rows)]
        if not (options.names or options.step or options.check):
            reports += session.of_waivers(bench, reports)
        fail_on = Severity.parse(options.fail_on)
        result = session.result(bench, reports, fail_on, fixes=options.format != "text")
    _last[:] = rows, reports, result
    deliver(result, options, terminal, brief=not (options.names or options.step or options.check))
    return result.exit_code


def _all_there(options: Namespace, bench: Workbench) -> None:
    """What was asked for must be checked: a check that is left out in silence would look like a pass.

    Raises:
        UsageError: a check that is not in the checklist, or not in the steps that were asked for.
    """
    chosen = {check.id for check in bench.checks}
    missing = [check for check in options.check if check not in chosen]
    if missing or not chosen:
        where = f"the checklist {bench.checklist.id}" + (" in these steps" if options.step else "")
        raise UsageError(f"{', '.join(missing) or 'Every check'} is not in {where}.")


def deliver(result: CheckResult, options: Namespace, terminal: Terminal, *, brief: bool = False) -> None:
    """The report where the options want it."""
    from hardentui.cli.next_steps import next_steps

    steps = () if terminal.quiet else next_steps(result, options)
    if options.file and options.file != "-":
        from hardentui.cli.saving import save_text
        from hardentui.reports.result import Look

        look = Look(brief=brief, next_steps=steps)
        save_text(options.file, render(options.format, result, look), backup=False)
        terminal.note(f"note: the report is in {options.file}")
    else:
        look = replace(terminal.look, brief=brief, next_steps=steps)
        terminal.write(render(options.format, result, look))
