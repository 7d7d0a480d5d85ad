"""The content of a report: the checked subjects and their results; made from the reports of
subjects."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import zip_longest
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hardentui import __version__
from hardentui.features.frameworks.answers import Framework
from hardentui.features.views import Report, image_subject
from hardentui.harden.do_first import MOST, Candidate, DoFirst, do_first
from hardentui.harden.score import Rise, Score, lead_somewhere
from hardentui.model.facts import EngineFacts, UnitFacts
from hardentui.model.finding import Finding, Kind, Severity, Status, Subject
from hardentui.model.known import known
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.harden.attack import RankedPath
    from hardentui.model.network import NetworkMap

FINE, FINDINGS, INCOMPLETE = 0, 1, 4
"""Exit codes of a check (see the command contract)."""


def _worst(finding: Finding) -> tuple[int, int, str]:
    return (-finding.severity, finding.step, finding.check)


class SubjectResult(Struct, frozen=True, dict=True):
    """One subject with its findings; failing ones carry their remediation."""

    subject: Subject
    score: Score
    findings: tuple[Finding, ...]
    detail: str = ""  # a description for people: image, engine and state of a container
    trouble: str = ""  # why there are no findings; empty when there are
    # how the findings combine, in one sentence; may be empty, and is not in every report
    add_up: Callable[[], str] = str
    # gives the failing checks that an option of this container fixes
    can_fix: Callable[[], frozenset[str]] = frozenset
    # gives what ending each failing check alone brings; empty for what is no container
    can_rise: Callable[[], Mapping[str, Rise]] = dict
    host: str = ""  # its host in a report on several hosts; else empty
    # file, line: of the unit that the container runs from, and of its section there; empty and 0 =
    # none, or unknown
    file: str = ""
    line: int = 0
    # of a container: what fails of its image and of the site, which are subjects of their own
    also: tuple[Finding, ...] = ()
    image: str = ""  # of a container: ID of its image

    @property
    def title(self) -> str:
        """Its name, with the host in a report on several."""
        return f"{self.host}/{self.subject.name}" if self.host else self.subject.name

    @cached_property
    def fixable(self) -> frozenset[str]:
        """The failing checks that an option of this container fixes."""
        return self.can_fix()

    @cached_property
    def rises(self) -> Mapping[str, Rise]:
        """Failing check -> what ending it alone brings to the score."""
        return self.can_rise()

    @cached_property
    def attack(self) -> str:
        """How the findings combine; empty when nothing stands out."""
        return self.add_up()

    def having(self, status: Status) -> tuple[Finding, ...]:
        """Findings of one status, the worst first."""
        if status not in self._sorted:
            self._sorted[status] = tuple(sorted(self._by_status.get(status, ()), key=_worst))
        return self._sorted[status]

    def count(self, status: Status) -> int:
        """The number of findings with this status."""
        return len(self._by_status.get(status, ()))

    @cached_property
    def _sorted(self) -> dict[Status, tuple[Finding, ...]]:
        """The findings to show: passes are mostly only counted."""
        return {}

    @cached_property
    def _by_status(self) -> dict[Status, list[Finding]]:
        by_status: dict[Status, list[Finding]] = defaultdict(list)
        for finding in self.findings:
            by_status[finding.verdict.status].append(finding)
        return by_status


class HostResult(Struct, frozen=True):
    """One host of a report of several."""

    name: str  # its own, made unique if two have the same
    source: str  # where its facts come from; `saved_at` when they were saved
    saved_at: str = ""
    engines: tuple[EngineFacts, ...] = ()
    simulated: bool = False
    subjects: tuple[SubjectResult, ...] = ()
    network_map: NetworkMap | None = None

    @property
    def containers(self) -> int:
        return sum(subject.subject.kind is Kind.CONTAINER for subject in self.subjects)

    @property
    def worst_score(self) -> int | None:
        """The worst score of its subjects; None if none has one."""
        return min(
            (subject.score.value for subject in self.subjects if subject.score.value is not None),
            default=None,
        )

    @property
    def trouble(self) -> str:
        """Why part of it could not be checked; empty if everything was."""
        return next(
            (subject.trouble for subject in self.subjects if subject.trouble),
            "",
        )

    @property
    def unknown(self) -> int:
        return sum(subject.score.unknown for subject in self.subjects)

    def failing(self, severity: Severity) -> int:
        return sum(subject.score.count(severity) for subject in self.subjects)


class KeptResult(Struct, frozen=True):
    """A container that is no subject and not counted: one that a change keeps for its undo, a twin,
    a lab."""

    id: str
    name: str
    engine: str
    of: str  # name of the container that has replaced it; `entry` is the ID of the change
    entry: str
    aside: str = ""  # `twin` of a trial, or `lab`; empty for one that is kept


class CheckResult(Struct, frozen=True, dict=True):
    """The result of one run of `check`, worst subject first."""

    engines: tuple[EngineFacts, ...]
    subjects: tuple[SubjectResult, ...]
    checklist: str  # id of the checklist that was used
    fail_on: Severity  # severity from which a finding counts for the exit code
    version: str
    # the host, for a title; `host_name` its name alone, `saved_at` the time of saved facts
    place: str = ""
    simulated: bool = False
    # the worst paths from containers to the host; `paths_left`: how many more there are
    paths: tuple[RankedPath, ...] = ()
    paths_left: int = 0
    network_map: NetworkMap | None = None  # who can reach whom; None if not requested
    # in a report on several hosts, each of them, worst first; else empty
    hosts: tuple[HostResult, ...] = ()
    host_name: str = ""
    saved_at: str = ""
    kept: tuple[KeptResult, ...] = ()  # originals that changes keep for an undo
    do_first: tuple[DoFirst, ...] = ()  # what to do first, at most five lines
    framework: Framework | None = None  # the same findings by control, if asked for

    @cached_property
    def exit_code(self) -> int:
        """1 for a failure that counts, else 4 for something unknown that would, else 0. What a file
        cannot decide by its nature does not count."""
        if self._any(Status.FAIL):
            return FINDINGS
        if any(subject.trouble for subject in self.subjects):
            return INCOMPLETE
        if self._any(Status.UNKNOWN):
            return INCOMPLETE
        return FINE

    def counts(self) -> Counter[tuple[Status, Severity]]:
        """The number of findings by status and severity."""
        counted: Counter[tuple[Status, Severity]] = Counter()
        for subject in self.subjects:
            counted.update(
                [(finding.verdict.status, finding.severity) for finding in subject.findings]
            )
        return counted

    def _any(self, status: Status) -> bool:
        """Whether something with this status counts for the exit code: each subject's worst
        decides."""
        return any(
            findings[0].severity >= self.fail_on
            for subject in self.subjects
            if not (status is Status.UNKNOWN and subject.subject.kind is Kind.SERVICE)
            and (findings := subject.having(status))
        )


class TextStyle(Struct, frozen=True):
    """Layout options of a text."""

    width: int = 100  # columns
    color: bool = False  # it goes to a terminal that shows colours
    summary_last: bool = False  # the reader sees the end first, as on a terminal
    brief: bool = False  # containers only with what matters most
    blocks: bool = True  # each subject has a separate part; else only its line in the table
    next_steps: tuple[tuple[str, str], ...] = ()  # what to do next: commands, and what each shows


def path_words(path: RankedPath, result: CheckResult) -> tuple[str, str]:
    """The container of a path, with the engine if there are several, and its description."""
    name = f"{path.name} ({path.engine})" if len(result.engines) > 1 else path.name
    shown, more = path.also[:3], len(path.also) - 3
    also = (
        f" The same way: {', '.join(shown)}{f' and {more} more' if more > 0 else ''}."
        if shown
        else ""
    )
    return name, path.sentence + also


def worst_first(subjects: Iterable[SubjectResult]) -> tuple[SubjectResult, ...]:
    """Containers before what they share; lowest score first, then most critical and high findings,
    then by name; what could not be checked before everything."""

    def key(subject: SubjectResult) -> tuple[bool, bool, int, int, int, str]:
        value = 101 if subject.score.value is None else subject.score.value
        critical, high = subject.score.count(Severity.CRITICAL), subject.score.count(Severity.HIGH)
        shared = subject.subject.kind not in (Kind.CONTAINER, Kind.SERVICE)
        return (
            not subject.trouble,
            shared,
            value,
            -critical,
            -high,
            subject.title,
        )

    return tuple(sorted(subjects, key=key))


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
    return Candidate(report.subject, report.findings, way, leading, rise)


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


# One report of several hosts.

_MOST_OF_HOSTS = 5


def merged(
    results: Sequence[tuple[str, CheckResult]],
    more: Iterable[SubjectResult] = (),
) -> CheckResult:
    """One report from these (source, report of one host).

    Containers of the same name stay separate, because each subject names its host; and so do hosts
    of the same name, by the source of their facts.

    Args:
        more: subjects that belong to no host, such as the waivers.
    """
    names = _names([(source, result.host_name or result.place) for source, result in results])
    hosts = [
        _host(name, source, result) for name, (source, result) in zip(names, results, strict=True)
    ]
    paths = [
        replace(path, engine=f"{name}: {path.engine}" if path.engine else name)
        for name, (_, result) in zip(names, results, strict=True)
        for path in result.paths
    ]
    first = next(
        (result for _, result in results if result.checklist),
        results[0][1],
    )
    return replace(
        first,
        engines=tuple(engine for host in hosts for engine in host.engines),
        subjects=worst_first(
            [
                *(subject for host in hosts for subject in host.subjects),
                *more,
            ]
        ),
        place=plural(len(hosts), "host"),
        simulated=any(host.simulated for host in hosts),
        paths=tuple(sorted(paths, key=lambda path: -path.danger)[:_MOST_OF_HOSTS]),
        paths_left=max(0, len(paths) - _MOST_OF_HOSTS)
        + sum(result.paths_left for _, result in results),
        network_map=None,
        host_name="",
        saved_at="",
        hosts=tuple(sorted(hosts, key=_worst_host_first)),
        do_first=tuple(_first_of_hosts(names, results))[:MOST],
    )


def _first_of_hosts(
    names: Sequence[str],
    results: Sequence[tuple[str, CheckResult]],
) -> Iterator[DoFirst]:
    """The first line of each host, then the second of each…; subjects name their host."""
    lines = [
        [(name, line) for line in result.do_first]
        for name, (_, result) in zip(names, results, strict=True)
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


def _host(
    name: str,
    source: str,
    result: CheckResult,
) -> HostResult:
    subjects = tuple(replace(subject, host=name) for subject in result.subjects)
    return HostResult(
        name,
        source,
        result.saved_at,
        result.engines,
        result.simulated,
        subjects,
        result.network_map,
    )


def _worst_host_first(host: HostResult) -> tuple[bool, int, int, int, str]:
    score = 101 if host.worst_score is None else host.worst_score
    critical, high = host.failing(Severity.CRITICAL), host.failing(Severity.HIGH)
    return (not host.trouble, score, -critical, -high, host.name)
