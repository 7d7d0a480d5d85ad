"""From reports of subjects to the data of a written report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui import __version__
from hardentui.features.reports.result import CheckResult, HostResult, SubjectResult, worst_first
from hardentui.features.views import Report, image_subject
from hardentui.harden.do_first import MOST, DoFirst, do_first
from hardentui.harden.score import lead_somewhere
from hardentui.model.facts import UnitFacts
from hardentui.model.finding import Kind, Severity
from hardentui.model.known import known
from hardentui.words import plural

if TYPE_CHECKING:
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
        containers: reports of further containers, whose paths to the host count although they are not shown.
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
                file=file,
                line=line,
                also=tuple(finding for finding in report.others if finding.failing),
                image=image_subject(report).id if report.facts is not None else "",
            )
        )
    paths = _ranked_paths(all_reports)
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
        paths=paths[:_MOST_PATHS],
        paths_left=max(0, len(paths) - _MOST_PATHS),
        do_first=first_steps(bench, (report for report, _ in reports)),
    )


def _ranked_paths(reports: Iterable[Report]) -> tuple[RankedPath, ...]:
    leading = [report for report in reports if report.facts is not None and lead_somewhere(report.failing)]
    if not leading:
        return ()
    from hardentui.harden.attack import ranked_paths

    return ranked_paths((report.facts, report.failing) for report in leading if report.facts is not None)


def _way_to_host(report: Report) -> str:
    if report.facts is None or not lead_somewhere(report.failing):
        return ""
    from hardentui.harden.attack import way_to_host

    return way_to_host(report.facts, report.failing)


def _fixable(bench: Workbench, report: Report) -> frozenset[str]:
    return bench.planner.fixable(report)


def first_steps(bench: Workbench, reports: Iterable[Report]) -> tuple[DoFirst, ...]:
    """What to do first, over all these reports."""
    reports = tuple(reports)
    return do_first(
        [
            (report.subject, report.score, report.findings, _way_to_host(report))
            for report in reports
            if report.facts is not None
        ],
        (finding for report in reports if report.facts is None for finding in report.failing),
        {check.id: check for check in bench.judge.checks},
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
    return unit.file, next((at for at, line in enumerate(lines, 1) if line.strip() == section), 0)


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


# One report of several hosts.

_MOST_OF_HOSTS = 5


def merged(results: Sequence[tuple[str, CheckResult]], more: Iterable[SubjectResult] = ()) -> CheckResult:
    """One report from these (source, report of one host).

    Containers of the same name stay separate, because each subject names its host; and so do hosts of
    the same name, by the source of their facts.

    Args:
        more: subjects that belong to no host, such as the waivers.
    """
    names = _names([(source, result.host_name or result.place) for source, result in results])
    hosts = [_host(name, source, result) for name, (source, result) in zip(names, results, strict=True)]
    paths = [
        replace(path, engine=f"{name}: {path.engine}" if path.engine else name)
        for name, (_, result) in zip(names, results, strict=True)
        for path in result.paths
    ]
    first = next((result for _, result in results if result.checklist), results[0][1])
    return replace(
        first,
        engines=tuple(engine for host in hosts for engine in host.engines),
        subjects=worst_first([*(subject for host in hosts for subject in host.subjects), *more]),
        place=plural(len(hosts), "host"),
        simulated=any(host.simulated for host in hosts),
        paths=tuple(sorted(paths, key=lambda path: -path.danger)[:_MOST_OF_HOSTS]),
        paths_left=max(0, len(paths) - _MOST_OF_HOSTS) + sum(result.paths_left for _, result in results),
        network_map=None,
        host_name="",
        saved_at="",
        hosts=tuple(sorted(hosts, key=_worst_host_first)),
        do_first=tuple(_first_of_hosts(names, results))[:MOST],
    )


def _first_of_hosts(names: Sequence[str], results: Sequence[tuple[str, CheckResult]]) -> Iterator[DoFirst]:
    """The first line of each host, then the second of each…; subjects name their host."""
    lines = [
        [(name, line) for line in result.do_first] for name, (_, result) in zip(names, results, strict=True)
    ]
    for together in zip_longest(*lines):
        for name, line in filter(None, together):
            subjects = tuple(replace(each, name=f"{name}/{each.name}") for each in line.subjects)
            yield replace(line, subjects=subjects)


def _names(hosts: Sequence[tuple[str, str]]) -> list[str]:
    """A unique name for each (source, own name): its own unless another host has the same."""
    own = [name or source for source, name in hosts]
    named = [
        name if own.count(name) == 1 else f"{name} ({source})"
        for name, (source, _) in zip(own, hosts, strict=True)
    ]
    return [name if named.count(name) == 1 else f"{name} {at}" for at, name in enumerate(named, 1)]


def _host(name: str, source: str, result: CheckResult) -> HostResult:
    subjects = tuple(replace(subject, host=name) for subject in result.subjects)
    return HostResult(
        name, source, result.saved_at, result.engines, result.simulated, subjects, result.network_map
    )


def _worst_host_first(host: HostResult) -> tuple[bool, int, int, int, str]:
    score = 101 if host.worst_score is None else host.worst_score
    critical, high = host.failing(Severity.CRITICAL), host.failing(Severity.HIGH)
    return (not host.trouble, score, -critical, -high, host.name)
