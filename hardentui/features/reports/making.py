"""The content of a report, made from the reports of subjects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui import __version__
from hardentui.features.reports.entries import EngineEntry
from hardentui.features.reports.result import CheckResult
from hardentui.features.reports.subject_result import SubjectResult, worst_first
from hardentui.features.views import Report, image_subject
from hardentui.harden.do_first import Candidate, DoFirst, do_first
from hardentui.harden.score import Rise, lead_somewhere
from hardentui.model.facts import EngineFacts, UnitFacts
from hardentui.model.finding import Kind, Severity
from hardentui.model.known import known

if TYPE_CHECKING:
    from hardentui.features.vendors.telling import ManagedContainers
    from hardentui.features.workbench import Workbench
    from hardentui.harden.attack import RankedPath

_MOST_PATHS = 3


def check_result(
    bench: Workbench,
    reports: Iterable[tuple[Report, str]],
    fail_on: Severity,
    *,
    fixes: bool,
    units: bool = True,
    containers: Iterable[Report] = (),
) -> CheckResult:
    """The report on these (report, detail) pairs.

    Args:
        fixes: add the remediation of each failure, for reports that print it.
        units: say where the unit of each container is, for reports that print it.
        containers: reports of further containers, whose paths to the host count although they are
            not shown.
    """
    reports = tuple(reports)
    all_reports = (*(report for report, _ in reports), *containers)
    subjects = []
    for report, detail in reports:
        findings = report.findings
        if fixes:
            findings = tuple(
                replace(finding, remediation=bench.planner.remediation(report, finding))
                if finding.failing
                else finding
                for finding in findings
            )
        file, line = _unit_of(bench, report) if units else ("", 0)
        subjects.append(
            SubjectResult(
                report.subject,
                report.score,
                findings,
                detail,
                report.trouble,
                partial(bench.attack, report),
                partial(_fixable, bench, report),
                partial(_rises, bench, report),
                file=file,
                line=line,
                also=tuple(finding for finding in report.others if finding.failing),
                image=image_subject(report).id if report.facts is not None else "",
            )
        )
    paths = _ranked_paths(all_reports)
    return CheckResult(
        engines=tuple(map(_engine, bench.opened.engine_facts)),
        subjects=worst_first(subjects),
        checklist=bench.judge.checklist.id,
        fail_on=fail_on,
        version=__version__,
        place=bench.opened.place,
        host_name=bench.opened.host_name,
        saved_at=bench.opened.saved_at,
        simulated=bench.opened.simulated,
        found_with=next((engine.found_with for engine in bench.opened.engine_facts), ()),
        only_read=any(engine.only_read for engine in bench.opened.engine_facts),
        paths=paths[:_MOST_PATHS],
        paths_left=max(0, len(paths) - _MOST_PATHS),
        do_first=first_steps(bench, (report for report, _ in reports)),
        managed=managed_containers(report for report, _ in reports if report.whole),
    )


def _engine(engine: EngineFacts) -> EngineEntry:
    info = known(lambda: engine.info.get("host"), else_=None)
    return EngineEntry(
        label=engine.label,
        url=engine.url,
        version="" if engine.only_read else str(engine.version),
        rootless=engine.rootless if isinstance(engine.rootless, bool) else None,
        cgroups=info.get("cgroupVersion") if isinstance(info, dict) else None,
    )


def managed_containers(reports: Iterable[Report]) -> tuple[ManagedContainers, ...]:
    """The tools that manage any of these containers."""
    facts = [report.facts for report in reports if report.facts is not None]
    if not facts:
        return ()
    from hardentui.features.vendors.telling import managed

    return managed(facts)


def _ranked_paths(reports: Iterable[Report]) -> tuple[RankedPath, ...]:
    leading = [
        report for report in reports if report.facts is not None and lead_somewhere(report.failing)
    ]
    if not leading:
        return ()
    from hardentui.harden.attack import ranked_paths

    return ranked_paths(
        (report.facts, report.failing) for report in leading if report.facts is not None
    )


def _fixable(bench: Workbench, report: Report) -> frozenset[str]:
    return bench.planner.fixable(report)


def _rises(bench: Workbench, report: Report) -> Mapping[str, Rise]:
    return bench.planner.rises(report)


def first_steps(
    bench: Workbench,
    reports: Iterable[Report],
) -> tuple[DoFirst, ...]:
    """What to do first, over all these reports; nothing where only some checks were asked for."""
    reports = tuple(report for report in reports if report.whole)
    containers = sorted(
        (report for report in reports if report.facts is not None),
        key=lambda report: 101 if report.score.value is None else report.score.value,
    )
    return do_first(
        (_candidate(bench, report) for report in containers),
        (finding for report in reports if report.facts is None for finding in report.failing),
        {check.id: check for check in bench.judge.checks},
    )


def _candidate(bench: Workbench, report: Report) -> Candidate:
    def rise(checks: tuple[str, ...]) -> Rise:
        planner = bench.planner
        return planner.rise_by(report, checks) if checks else planner.rise_by_all(report)

    facts, findings = report.facts, report.failing
    way = ""
    leading: tuple[str, ...] = ()
    if facts is not None and lead_somewhere(findings):
        from hardentui.harden.attack import causes, way_to_host

        way, leading = way_to_host(facts, findings), causes(facts, findings)
    return Candidate(
        report.subject,
        report.findings,
        way,
        leading,
        rise,
    )


def _unit_of(bench: Workbench, report: Report) -> tuple[str, int]:
    """The unit file of a container, and the line of the section that describes it."""
    facts = report.facts
    unit = known(lambda: facts.unit) if facts is not None else None
    if not isinstance(unit, UnitFacts) or not unit.file.startswith("/"):
        return "", 0
    section = "[Container]" if unit.quadlet else "[Service]"
    try:
        lines = bench.opened.files.read_text(unit.file).splitlines()
    except OSError:
        return unit.file, 0
    return unit.file, next(
        (at for at, line in enumerate(lines, 1) if line.strip() == section),
        0,
    )


def host_reports(bench: Workbench) -> list[tuple[Report, str]]:
    """Reports of the host and its engines, if the checklist has checks for them."""
    kinds = {check.kind for check in bench.judge.checks}
    if not kinds & {Kind.HOST, Kind.ENGINE}:
        return []
    return [
        (report, report.subject.kind.value)
        for report in bench.surroundings.host()
        if report.subject.kind in kinds
    ]
