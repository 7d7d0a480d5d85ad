"""One subject of a report with its findings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import overload

from msgspec import Struct

from hardentui.harden.score import Rise, Score, most_severe_first
from hardentui.model.finding import Finding, Kind, Severity, Status, Subject


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


class ListedSubjects(Sequence[SubjectResult]):
    """Subjects that are made one by one, whenever somebody goes through them."""

    @overload
    def __getitem__(self, at: int) -> SubjectResult: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[SubjectResult, ...]: ...

    def __getitem__(
        self,
        at: int | slice,
    ) -> SubjectResult | tuple[SubjectResult, ...]:
        return tuple(self)[at]


class CountedSubjects(ListedSubjects):
    """The services of files, too many to go through for each question.

    Attributes:
        counted: their findings by status and severity.
        trouble: whether one of them could not be checked.
    """

    counted: Counter[tuple[Status, Severity]]
    trouble: bool


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
