"""From reports of subjects to the content of a written report, and to a file in one of its formats."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui import __version__
from hardentui.errors import InputError
from hardentui.files import write_bundle
from hardentui.harden.attack import ranked_paths
from hardentui.model.draft import TextFile
from hardentui.model.finding import Severity
from hardentui.model.written import WrittenFile
from hardentui.reports import render
from hardentui.reports.result import CheckResult, SubjectResult, TextStyle, worst_first
from hardentui.workbench.views import Report

if TYPE_CHECKING:
    from hardentui.workbench.workbench import Workbench

BY_SUFFIX = {
    ".md": "markdown",
    ".txt": "text",
    ".json": "json",
    ".html": "html",
    ".sarif": "sarif",
    ".xml": "junit",
}
"""Extension of a file -> format of a report."""


def check_result(
    bench: Workbench,
    reports: Iterable[tuple[Report, str]],
    fail_on: Severity,
    *,
    fixes: bool,
    containers: Iterable[Report] = (),
) -> CheckResult:
    """The report on these (report, detail) pairs.

    Args:
        fixes: add the remediation of each failure.
        containers: reports of further containers, whose paths to the host count although they are not shown.
    """
    reports = tuple(reports)
    told = (*(report for report, _ in reports), *containers)
    subjects = []
    for report, detail in reports:
        findings = report.findings
        helpful: tuple[str, ...] = ()
        if fixes:
            helpful = tuple(finding.check for finding in bench.planner.raises_most(report, 3))
            findings = tuple(
                replace(finding, remediation=bench.planner.remediation(report, finding))
                if finding.failing
                else finding
                for finding in findings
            )
        subjects.append(
            SubjectResult(
                report.subject,
                report.score,
                findings,
                detail,
                report.trouble,
                partial(_add_up, report),
                helpful,
            )
        )
    return CheckResult(
        engines=bench.opened.engine_facts,
        subjects=worst_first(subjects),
        checklist=bench.judge.checklist.id,
        fail_on=fail_on,
        version=__version__,
        place=bench.opened.place,
        host_name=bench.opened.host_name,
        saved_at=bench.opened.saved_at,
        simulated=bench.opened.simulated,
        paths=ranked_paths((report.facts, report.failing) for report in told if report.facts is not None),
    )


def _add_up(report: Report) -> str:
    return report.attack


def report_format(path: str) -> str:
    """The format that a file name requests.

    Raises:
        InputError: no format has its extension.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in BY_SUFFIX:
        raise InputError(
            "The file extension selects the format, and this one is unknown.", " ".join(BY_SUFFIX)
        )
    return BY_SUFFIX[suffix]


def write_report(bench: Workbench, reports: Sequence[tuple[Report, str]], path: str) -> WrittenFile:
    """Write a report to a file, in the format of its extension; a previous file is kept as a backup.

    Args:
        reports: each with the kind of its subject.

    Raises:
        InputError: no format has this extension.
        WriteError: it cannot be written; a previous file is untouched.
    """
    form = report_format(path)
    result = check_result(bench, reports, Severity.HIGH, fixes=form != "text")
    folder, name = os.path.split(os.path.abspath(os.path.expanduser(path)))
    text = render(form, result, TextStyle())
    return write_bundle(folder, [TextFile(name, text)], create=True, follow_symlink=True)[0]
