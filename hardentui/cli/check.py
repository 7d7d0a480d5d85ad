"""hardentui check: findings of containers, host and engines."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui.cli import session
from hardentui.cli.fleet import facts_files, is_whole, of_fleet
from hardentui.cli.next_steps import next_steps
from hardentui.cli.parser import Given, GivenAgain, checklist_option
from hardentui.cli.terminal import Terminal
from hardentui.cli.text_files import save_text
from hardentui.errors import UsageError
from hardentui.model.finding import Severity
from hardentui.reports import FORMATS, render
from hardentui.reports.result import KeptResult, TextStyle
from hardentui.visible import visible
from hardentui.workbench.checklists.lookup import know_checks
from hardentui.workbench.looking.row_filter import parse_filter
from hardentui.workbench.results import check_result, host_reports
from hardentui.workbench.views import reports_of, told_once

if TYPE_CHECKING:
    from hardentui.reports.result import CheckResult
    from hardentui.workbench.views import Report, Row
    from hardentui.workbench.workbench import Workbench

SEVERITIES = ("low", "medium", "high", "critical")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME", nargs="*", help="container names or ID prefixes")
    parser.add_argument(
        "--step",
        metavar="N",
        type=int,
        action="append",
        default=[],
        choices=range(1, 11),
        help="only checks of this step (1-10); repeatable",
    )
    parser.add_argument(
        "--check", metavar="ID", action="append", default=[], help="only this check; repeatable"
    )
    parser.add_argument(
        "--filter",
        action=Given,
        metavar="EXPR",
        default="",
        help="only containers that match every word, as in the list filter: "
        "'state:running score<50 !db'; hardentui explain filter lists all words",
    )
    parser.add_argument(
        "--facts",
        action=GivenAgain,
        metavar="FILE",
        default=[],
        help="check saved facts instead of this host; several files or a directory give one report",
    )
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument("--summary", action="store_true", help="only the summary and one line per subject")
    depth.add_argument("--details", action="store_true", help="everything about each subject")
    checklist_option(parser)
    report_options(parser)


def report_options(parser: ArgumentParser) -> None:
    """`--format`, `-o FILE`, `--fail-on`."""
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="default: text")
    parser.add_argument(
        "-o", action=Given, metavar="FILE", dest="file", default="", help="write the report to a file"
    )
    parser.add_argument(
        "--fail-on", choices=SEVERITIES, default="high", help="lowest severity that sets exit code 1"
    )


def run(options: Namespace, terminal: Terminal) -> int:
    know_checks(options.check, options.checklist)
    files = facts_files(options.facts)
    if len(files) > 1:
        result = of_fleet(files, options, terminal, partial(look_at, waivers=False))
    else:
        options = Namespace(**{**vars(options), "facts": "".join(files)})
        with session.workbench(
            options, terminal, steps=options.step, checks=options.check, everything=True
        ) as bench:
            result, _ = look_at(bench, options, terminal)
    deliver(result, options, terminal, _look(options))
    return result.exit_code


def look_at(
    bench: Workbench, options: Namespace, terminal: Terminal, *, waivers: bool = True
) -> tuple[CheckResult, list[tuple[Report, str]]]:
    """The result of the requested checks on one host, and the reports behind it.

    Args:
        waivers: also judge the waivers, if everything is checked.

    Raises:
        UsageError: an unknown name or check, or a filter that is invalid or matches nothing.
    """
    _all_there(options, bench)
    listed = bench.containers.rows()
    wanted = {row.key for row in session.named(listed, options.names)}
    some = bool(options.names or options.filter)
    shared = [] if some else host_reports(bench)
    # all are checked first, because some checks compare a container with the others
    rows = session.scan(bench, terminal, listed)
    rows = tuple(row for row in rows if not options.names or row.key in wanted)
    if options.filter:
        rows = _filtered(options.filter, rows)
    if options.names:
        rows = session.in_detail(bench, rows)
    chosen = bool(options.check or options.step)  # a full check leaves images to `hardentui images`
    if chosen or not some:
        shared += session.of_images_and_networks(bench, rows if some else None, images=chosen)
    of_containers = reports_of(rows, originals=bool(options.names))
    reports = [*shared, *of_containers, *told_once(report for report, _ in of_containers)]
    _something(options, bench, reports)
    if waivers and is_whole(options):
        reports += session.of_waivers(bench, reports)
    result = check_result(
        bench, reports, Severity.parse(options.fail_on), fixes=options.format not in ("text", "json")
    )
    if not options.names:
        result = replace(result, kept=tuple(_kept(row) for row in rows if row.kept is not None))
    if options.format == "html":
        result = replace(result, network_map=bench.network_map(rows))
    return result, reports


def _kept(row: Row) -> KeptResult:
    of, entry = (row.kept.of, row.kept.entry) if row.kept is not None else ("", "")
    return KeptResult(row.id, row.name, row.engine.label, of, entry)


def _filtered(text: str, rows: Iterable[Row]) -> tuple[Row, ...]:
    """The containers that pass a filter.

    Raises:
        UsageError: a word is invalid, or no container matches. The list ignores such a word and says
            so; a script would take the rest for the answer.
    """
    selection = parse_filter(text).select(rows)
    if selection.trouble:
        raise UsageError(visible(selection.trouble), "hardentui explain filter lists all words.")
    if not selection.rows:
        raise UsageError(f"No container matches the filter {visible(text, 100)!r}.")
    return selection.rows


def _look(options: Namespace) -> TextStyle:
    """One screen for a check of many, half of one for each that was named; --details tells everything."""
    brief = not (options.details or options.step or options.check)
    blocks = bool(options.details or options.names or not brief) and not options.summary
    return TextStyle(brief=brief, blocks=blocks, advice=not options.summary)


def _all_there(options: Namespace, bench: Workbench) -> None:
    """Requested checks must run: one that is silently left out would look like a pass.

    Raises:
        UsageError: a check that is not in the checklist, or not in the requested steps.
    """
    chosen = {check.id for check in bench.judge.checks}
    missing = [check for check in options.check if check not in chosen]
    if missing or not chosen:
        where = f"the checklist {bench.judge.checklist.id}" + (" in these steps" if options.step else "")
        without = bench.judge.checklist.without
        why = "\n".join(f"{check}: {visible(without[check])}" for check in missing if check in without)
        raise UsageError(f"{', '.join(missing) or 'Every check'} is not in {where}.", why)


def _something(options: Namespace, bench: Workbench, reports: Iterable[tuple[Report, str]]) -> None:
    """Requested checks must have had a subject: checking nothing is not a pass.

    Raises:
        UsageError: none of them ran, without a reason.
    """
    if not (options.check or options.step) or any(report.findings or report.trouble for report, _ in reports):
        return
    kinds = sorted({check.kind.value for check in bench.judge.checks})
    about = " or ".join(kinds)
    if options.names or options.filter:
        raise UsageError(
            f"Nothing was checked: these checks are about the {about}.", "Omit the names and the filter."
        )
    raise UsageError(f"Nothing was checked: there is no {about} here.")


def deliver(
    result: CheckResult, options: Namespace, terminal: Terminal, style: TextStyle | None = None
) -> None:
    """The report where the options want it; with `style` only a summary, else in full."""
    steps = () if terminal.quiet else next_steps(result, options)
    if options.file and options.file != "-":
        style = replace(style or TextStyle(), next_steps=steps)
        save_text(options.file, render(options.format, result, style), backup=False)
        terminal.note(f"note: the report is in {options.file}")
    else:
        here = terminal.style
        seen = {"width": here.width, "color": here.color, "summary_last": here.summary_last}
        style = replace(style or TextStyle(), next_steps=steps, **seen)
        terminal.write(render(options.format, result, style))
