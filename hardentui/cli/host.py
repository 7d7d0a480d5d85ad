"""hardentui host: the findings of the host and its engines."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from hardentui.cli import session
from hardentui.cli.check import deliver, report_options
from hardentui.cli.parser import Given, checklist_option
from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError
from hardentui.features.host_scans import import_scan
from hardentui.features.results import check_result, host_reports
from hardentui.features.views import told_once, without_originals
from hardentui.model.finding import Kind, Severity
from hardentui.words import plural


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--deep", action="store_true", help="also check for pending updates; takes seconds")
    parser.add_argument(
        "--import",
        action=Given,
        metavar="FILE",
        dest="scan",
        default="",
        help="first import a result of Lynis (lynis-report.dat) or OpenSCAP (--results, --results-arf)",
    )
    checklist_option(parser)
    report_options(parser)


def run(options: Namespace, terminal: Terminal) -> int:
    if options.scan:
        _import_scan(options, terminal)
    with session.workbench(options, terminal) as bench:
        fail_on = Severity.parse(options.fail_on)
        rows = without_originals(session.scan(bench, terminal))
        containers = [row.report for row in rows if row.report]
        shared = host_reports(bench)
        shared += [(site, kind) for site, kind in told_once(containers) if site.subject.kind is Kind.SITE]
        fixes = options.format not in ("text", "json")
        result = check_result(bench, shared, fail_on, fixes=fixes, containers=containers)
    deliver(result, options, terminal)
    return result.exit_code


def _import_scan(options: Namespace, terminal: Terminal) -> None:
    """Store a result, so that this and later checks of the host judge it.

    Raises:
        UsageError: the host is simulated.
        InputError: the file is not such a result.
    """
    if options.demo:
        raise UsageError("A simulated host has no scan results.")
    scan = import_scan(options.scan)
    score = "" if scan.score is None else f", score {scan.score:g}"
    terminal.note(
        f"note: {scan.tool} {scan.version} of {scan.host or 'an unnamed host'}{score}: "
        f"{plural(len(scan.failed) + scan.left_out, 'rule')} failed or advised"
    )
