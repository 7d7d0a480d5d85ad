"""The content of a report: the checked subjects and their results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from hardentui.features.frameworks.answers import Framework
from hardentui.features.reports.subject_result import CountedSubjects, ListedSubjects, SubjectResult
from hardentui.harden.do_first import DoFirst
from hardentui.model.finding import Kind, Severity, Status

if TYPE_CHECKING:
    from hardentui.features.reports.entries import AsideEntry, EngineEntry, KeptEntry
    from hardentui.features.reports.fleet_view import FleetEntry
    from hardentui.features.reports.host_result import HostResult
    from hardentui.features.vendors.telling import ManagedContainers
    from hardentui.harden.attack import RankedPath
    from hardentui.model.network import NetworkMap

FINE, FINDINGS, INCOMPLETE = 0, 1, 4
"""Exit codes of a check (see the command contract)."""


class SubjectsOfHosts(ListedSubjects):
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


class CheckResult(Struct, frozen=True, dict=True):
    """The result of one run of `check`, worst subject first."""

    engines: tuple[EngineEntry, ...]
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
    found_with: tuple[str, ...] = ()  # options that lead a command of ours to the first engine
    only_read: bool = False  # the containers of an engine are neither tried nor changed
    # containers that are no subjects and not counted: originals that changes keep for an undo, and
    # those of trials and labs
    kept: tuple[KeptEntry, ...] = ()
    aside: tuple[AsideEntry, ...] = ()
    do_first: tuple[DoFirst, ...] = ()  # what to do first, at most five lines
    managed: tuple[ManagedContainers, ...] = ()  # those that a vendor's tool manages
    framework: Framework | None = None  # the same findings by control, if asked for
    fleet: FleetEntry | None = None  # what several hosts have in common, and what tells them apart

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
