"""The content of a report: the checked subjects and their results."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

from msgspec import Struct

from hardentui.features.frameworks.answers import Framework
from hardentui.features.reports.fleet_view import FleetView
from hardentui.harden.do_first import DoFirst
from hardentui.harden.score import Rise, Score, most_severe_first
from hardentui.model.facts import EngineFacts
from hardentui.model.finding import Finding, Kind, Severity, Status, Subject

if TYPE_CHECKING:
    from hardentui.features.vendors.telling import ManagedContainers
    from hardentui.harden.attack import RankedPath
    from hardentui.model.network import NetworkMap

FINE, FINDINGS, INCOMPLETE = 0, 1, 4
"""Exit codes of a check (see the command contract)."""


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
            self._sorted[status] = tuple(
                sorted(self._by_status.get(status, ()), key=most_severe_first)
            )
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
    """One host of a report of several. Its subjects are packed until a report lists them."""

    name: str  # its own, made unique if two have the same
    source: str  # where its facts come from; `saved_at` when they were saved
    saved_at: str = ""
    group: str = ""  # the folder of its facts, below the one that was named
    engines: tuple[EngineFacts, ...] = ()
    simulated: bool = False
    containers: int = 0
    worst_score: int | None = None  # of its subjects; None if none has one
    trouble: str = ""  # why part of it could not be checked; empty if everything was
    unknown: int = 0  # how many things could not be read
    severities: tuple[tuple[Severity, int], ...] = ()  # failing findings by severity
    counted: tuple[tuple[Status, Severity, int], ...] = ()  # all findings
    kinds: tuple[tuple[Kind, int], ...] = ()  # subjects by kind
    exit_code: int = FINE
    unpack: Callable[[], tuple[SubjectResult, ...]] = tuple
    network_map: NetworkMap | None = None

    @property
    def subjects(self) -> tuple[SubjectResult, ...]:
        """Worst first; unpacked each time, since those of a thousand hosts do not fit in memory."""
        return self.unpack()

    def failing(self, severity: Severity) -> int:
        return sum(number for each, number in self.severities if each is severity)


class SubjectsOfHosts(Sequence[SubjectResult]):
    """The subjects of many hosts, host by host, and those of no host."""

    def __init__(
        self,
        hosts: tuple[HostResult, ...],
        more: tuple[SubjectResult, ...],
    ) -> None:
        self._hosts = hosts
        self.more = more

    def __len__(self) -> int:
        return len(self.more) + sum(count for host in self._hosts for _, count in host.kinds)

    def __iter__(self) -> Iterator[SubjectResult]:
        for host in self._hosts:
            yield from host.subjects
        yield from self.more

    @overload
    def __getitem__(self, at: int) -> SubjectResult: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[SubjectResult, ...]: ...

    def __getitem__(
        self,
        at: int | slice,
    ) -> SubjectResult | tuple[SubjectResult, ...]:
        return tuple(self)[at]


class CountedSubjects(Sequence[SubjectResult]):
    """The services of files, too many to go through for each question.

    Attributes:
        counted: their findings by status and severity.
        trouble: whether one of them could not be checked.
    """

    counted: Counter[tuple[Status, Severity]]
    trouble: bool


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
    subjects: Sequence[SubjectResult]
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
    managed: tuple[ManagedContainers, ...] = ()  # those that a vendor's tool manages
    framework: Framework | None = None  # the same findings by control, if asked for
    fleet: FleetView | None = None  # what several hosts have in common, and what tells them apart

    @cached_property
    def exit_code(self) -> int:
        """1 for a failure that counts, else 4 for something unknown that would, else 0. What a file
        cannot decide by its nature does not count."""
        codes = {host.exit_code for host in self.hosts}
        if self.fleet is not None and self.fleet.missing:
            codes.add(INCOMPLETE)
        if codes:
            return FINDINGS if FINDINGS in codes or self._any(Status.FAIL) else max(codes)
        if self._any(Status.FAIL):
            return FINDINGS
        if self._has_trouble():
            return INCOMPLETE
        if self._any(Status.UNKNOWN):
            return INCOMPLETE
        return FINE

    def counts(self) -> Counter[tuple[Status, Severity]]:
        """The number of findings by status and severity."""
        if isinstance(self.subjects, CountedSubjects):
            return self.subjects.counted
        counted: Counter[tuple[Status, Severity]] = Counter()
        for host in self.hosts:
            counted.update({(status, severity): n for status, severity, n in host.counted})
        for subject in self._own:
            counted.update(
                [(finding.verdict.status, finding.severity) for finding in subject.findings]
            )
        return counted

    def kinds(self) -> Counter[Kind]:
        """The number of subjects by kind."""
        counted: Counter[Kind] = Counter(each.subject.kind for each in self._own)
        for host in self.hosts:
            counted.update(dict(host.kinds))
        return counted

    @property
    def _own(self) -> Iterable[SubjectResult]:
        """The subjects that are not counted with their host."""
        return self.subjects.more if isinstance(self.subjects, SubjectsOfHosts) else self.subjects

    def _has_trouble(self) -> bool:
        if isinstance(self.subjects, CountedSubjects):
            return self.subjects.trouble
        return any(subject.trouble for subject in self.subjects)

    def _any(self, status: Status) -> bool:
        """Whether something with this status counts for the exit code: each subject's worst
        decides."""
        if isinstance(self.subjects, CountedSubjects):
            return status is Status.FAIL and any(
                counted is status and severity >= self.fail_on
                for counted, severity in self.subjects.counted
            )
        return any(
            findings[0].severity >= self.fail_on
            for subject in self._own
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
