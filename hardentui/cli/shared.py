"""hardentui check host, hardentui check images: the findings of what containers share."""

from __future__ import annotations

from argparse import Namespace

from msgspec.structs import replace

from hardentui.cli import session
from hardentui.cli.terminal import Terminal
from hardentui.errors import UsageError
from hardentui.features.host_scans import import_scan
from hardentui.features.reports.result import CheckResult
from hardentui.features.results import check_result, host_reports
from hardentui.features.views import Report, told_once, without_originals
from hardentui.model.finding import Kind, Severity
from hardentui.words import plural


def shared_result(options: Namespace, terminal: Terminal) -> CheckResult:
    """The result about the host with its engines, or about the images."""
    if options.scan:
        _import_scan(options, terminal)
    options.facts = "".join(options.facts[:1])
    with session.workbench(options, terminal) as bench:
        fail_on = Severity.parse(options.fail_on)
        fixes = options.format not in ("text", "json")
        rows = without_originals(session.scan(bench, terminal))
        containers = [row.report for row in rows if row.report]
        once = told_once(containers)
        if options.names == ["images"]:
            found_by_users = {(each.subject.engine, each.subject.id): each.findings for each, _ in once}
            images = [
                (replace(image, findings=(*image.findings, *found_by_users.get(_key(image), ()))), "image")
                for image in bench.surroundings.images()
            ]
            return check_result(bench, images, fail_on, fixes=fixes)
        shared = host_reports(bench)
        shared += [(site, kind) for site, kind in once if site.subject.kind is Kind.SITE]
        return check_result(bench, shared, fail_on, fixes=fixes, containers=containers)


def _key(image: Report) -> tuple[str, str]:
    return image.subject.engine, image.subject.id


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
