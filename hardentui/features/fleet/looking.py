"""One host of a fleet: its report as data, and what changed since the gathering before."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable

from msgspec.structs import replace

from hardentui.checks import CHECKS
from hardentui.errors import UsageError
from hardentui.features.checklists.loading import load
from hardentui.features.compare import DifferenceKind, compare
from hardentui.features.fleet.facts_files import FactsFile, stem
from hardentui.features.fleet.summary import summaries_of
from hardentui.features.fleet.told import as_one
from hardentui.features.looking.judging import Judge
from hardentui.features.reports.check_document import HostEntry
from hardentui.features.reports.fleet_view import ChangedFinding, ChangesOfHost
from hardentui.features.reports.host_result import HostResult
from hardentui.features.reports.packed_subjects import pack
from hardentui.features.reports.result import CheckResult
from hardentui.features.reports.saved_report import (
    SavedCheck,
    SavedFinding,
    SavedReport,
    SavedSubject,
)
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.features.views import Report
from hardentui.features.workbench import Workbench
from hardentui.model.finding import Kind, Severity, Status

_TOLD = frozenset(
    {
        DifferenceKind.NEW,
        DifferenceKind.WORSE,
        DifferenceKind.LOST,
        DifferenceKind.FIXED,
    }
)
_QUIET = (Status.PASS, Status.NOT_APPLICABLE)


def told(
    file: FactsFile,
    bench: Workbench,
    result: CheckResult,
    reports: Iterable[Report],
    changes: ChangesOfHost | None,
    *,
    listed: bool,
    with_rises: bool,
) -> HostResult:
    """The report of one host as data.

    Args:
        listed: a report lists the subjects, with their findings.
        with_rises: it also tells what each fix brings.
    """
    reports = tuple(reports)
    counts = result.counts()
    failing: dict[str, Severity] = {}
    severities: dict[Severity, int] = {}
    for subject in result.subjects:
        for finding in subject.having(Status.FAIL):
            failing[finding.check] = max(finding.severity, failing.get(finding.check, Severity.LOW))
        for severity in Severity:
            count = severities.get(severity, 0) + subject.score.count(severity)
            severities[severity] = count
    return HostResult(
        source=file.path,
        name=result.host_name,
        place=result.place,
        saved_at=result.saved_at,
        simulated=result.simulated,
        checklist=result.checklist,
        engines=result.engines,
        containers=result.kinds()[Kind.CONTAINER],
        worst_score=_worst_score(result.subjects),
        not_looked_at=next((each.trouble for each in result.subjects if each.trouble), ""),
        unknown=sum(subject.score.unknown for subject in result.subjects),
        severities=tuple(severities.items()),
        counted=tuple((status, severity, n) for (status, severity), n in counts.items()),
        kinds=tuple(result.kinds().items()),
        exit_code=result.exit_code,
        failing_checks=tuple(failing.items()),
        summaries=summaries_of(reports, bench.planner),
        changes=changes,
        paths=result.paths,
        paths_left=result.paths_left,
        do_first=result.do_first,
        waivers=bench.judge.waiver_uses(reports) if bench.judge.waivers else (),
        network_map=result.network_map,
        packed=pack(result.subjects, with_rises=with_rises) if listed else b"",
    )


def _worst_score(subjects: Iterable[SubjectResult]) -> int | None:
    scores = (subject.score.value for subject in subjects)
    return min((score for score in scores if score is not None), default=None)


def earlier_hosts(report: SavedReport) -> dict[str, SavedReport]:
    """The hosts of an earlier report on several that could be checked, by the place of their files.

    Raises:
        UsageError: it is about one host.
    """
    if not report.hosts:
        raise UsageError(
            "--since names a report on one host, and --facts several.",
            "A report on several is made by check --facts FOLDER --format json -o FILE.",
        )
    subjects: dict[str, list[SavedSubject]] = defaultdict(list)
    for subject in report.subjects:
        subjects[subject.host].append(replace(subject, host=""))
    return {
        FactsFile(host.source, stem(os.path.basename(host.source)), host.group).place: replace(
            report,
            host=HostEntry(name=host.name, saved_at=host.saved_at),
            subjects=tuple(subjects[host.name]),
        )
        for host in report.hosts
        if not host.trouble
    }


def changes_between(
    before: SavedReport,
    now: CheckResult,
    host: str,
) -> ChangesOfHost:
    """What changed on a host since the gathering before."""
    comparison = compare(before, saved(now))
    return ChangesOfHost(
        host,
        before.host.saved_at,
        tuple(
            ChangedFinding(
                each.way.value,
                each.subject,
                each.check,
                each.severity,
            )
            for each in comparison.differences
            if each.way in _TOLD
        ),
        comparison.appeared,
        comparison.disappeared,
    )


def saved(result: CheckResult) -> SavedReport:
    """The result as a comparison reads it."""
    return SavedReport(
        HostEntry(
            name=result.host_name,
            simulated=result.simulated,
            saved_at=result.saved_at,
        ),
        tuple(map(_saved_subject, result.subjects)),
        {
            finding.check: SavedCheck(finding.title, finding.step)
            for subject in result.subjects
            for finding in subject.findings
        },
    )


def _saved_subject(subject: SubjectResult) -> SavedSubject:
    of = subject.subject
    return SavedSubject(
        kind=of.kind.value,
        name=of.name,
        engine=of.engine,
        score=subject.score.value,
        trouble=subject.trouble,
        findings=tuple(
            SavedFinding(
                finding.check,
                finding.status,
                finding.severity.word,
            )
            for finding in subject.findings
            if finding.status not in _QUIET
        ),
        passed=tuple(
            finding.check for finding in subject.findings if finding.status is Status.PASS
        ),
        not_applicable={
            finding.check: ""
            for finding in subject.findings
            if finding.status is Status.NOT_APPLICABLE
        },
    )


def waivers_of_all(
    checklist: str,
    hosts: Iterable[HostResult],
) -> tuple[SubjectResult, ...]:
    """How the waivers are used over all hosts: none is unused because one does not need it."""
    used = as_one(use for host in hosts for use in host.waivers)
    if not used:
        return ()
    listed = load(checklist)
    report = Judge(listed, CHECKS.with_own(listed.own)).of_waivers(used)
    return (
        SubjectResult(
            report.subject,
            report.score,
            report.findings,
            "accepted findings",
        ),
    )
