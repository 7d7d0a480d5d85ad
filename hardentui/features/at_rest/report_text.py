"""The report for people and editors: `FILE:LINE:COLUMN: SEVERITY CHECK: what is wrong`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import chain
from typing import NamedTuple

from msgspec import msgpack

from hardentui.features.at_rest.reporting import FilesReport
from hardentui.features.reports.result import FINDINGS, FINE, CheckResult, TextStyle
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.features.reports.text_writer import COLORS, Writer
from hardentui.features.vendors.telling import sentences
from hardentui.harden.score import most_severe_first
from hardentui.lib.spilled import SpilledRecords
from hardentui.model.finding import Finding, Place, Severity, Status
from hardentui.visible import visible
from hardentui.words import plural


def pieces(
    report: FilesReport,
    style: TextStyle,
    *,
    details: bool = False,
) -> Iterator[str]:
    """The findings in the order of the files, then what they mean, line by line. `details`: also low
    findings, and each check that the files do not decide.
    """
    write = Writer(style)
    told = _Told(details=details)
    refused: dict[str, list[str]] = {}  # why -> files
    for subject in report.result.subjects:
        if subject.trouble:
            refused.setdefault(subject.trouble, []).append(visible(subject.file, 200))
        else:
            told.add(subject)
    empty = True
    for line in chain(_findings(told, write), _refused(refused, details=details)):
        empty = False
        yield f"{line}\n"
    if not empty:
        yield "\n"
    for line in _summary(told, report, write):
        yield f"{line}\n"


def _refused(refused: Mapping[str, list[str]], *, details: bool) -> Iterator[str]:
    """What could not be checked; the same of many files is one line."""
    for why, names in refused.items():
        if len(names) > _MOST_ALIKE and not details:
            more = len(names) - _MOST_ALIKE
            names = [f"{', '.join(names[:_MOST_ALIKE])} and {more} more (--details lists them)"]
        for name in names:
            yield f"{name}: not checked: {visible(why, 300)}"


_MOST_ALIKE = 3
"""Files that are told one by one when they cannot be checked for the same reason."""
_ALWAYS_TOLD = ("mutable-image-tag",)
"""Low findings that a reader of files cannot see there: what the next pull brings."""


class _Line(NamedTuple):
    """A finding as it is told; lines are sorted by their fields."""

    file: str
    line: int
    order: tuple[bool, int, int, int, str]
    column: int
    failing: bool
    service: str
    sentence: tuple[Severity, str, str]  # severity, check, what is wrong


_LINE = msgpack.Decoder(_Line)
_MOST_AT_ONCE = 5_000
"""Lines that are sorted at once; a large tree has a hundred times as many."""


class _SortedLines:
    """Lines in their order, of which only some are in memory."""

    def __init__(self) -> None:
        self._last: list[_Line] = []
        self._before: list[SpilledRecords] = []

    def append(self, line: _Line) -> None:
        self._last.append(line)
        if len(self._last) < _MOST_AT_ONCE:
            return
        spilled = SpilledRecords(in_memory=0)
        for each in sorted(self._last):
            spilled.append(msgpack.encode(each))
        self._before.append(spilled)
        self._last = []

    def __iter__(self) -> Iterator[_Line]:
        before = (map(_LINE.decode, spilled) for spilled in self._before)
        return merge(*before, sorted(self._last))


class _Told:
    """What the text says of all services, without the services."""

    def __init__(self, *, details: bool) -> None:
        self.details = details
        self.services = 0
        self.files: set[str] = set()
        self.lines = _SortedLines()
        self.failing: Counter[tuple[Severity, str, str]] = Counter()
        self.undecided: dict[str, str] = {}
        self.decided: set[str] = set()

    def add(self, service: SubjectResult) -> None:
        self.services += 1
        self.files.add(service.file)
        for finding in service.findings:
            if finding.status is Status.UNKNOWN:
                self.undecided.setdefault(finding.check, finding.verdict.reason)
            else:
                self.decided.add(finding.check)
            if finding.place is not None and self._shows(finding):
                line = _line(finding, finding.place, service.subject.name)
                self.lines.append(line)
                self.failing[line.sentence] += line.failing

    def _shows(self, finding: Finding) -> bool:
        always = finding.severity > Severity.LOW or finding.check in _ALWAYS_TOLD
        if self.details and finding.status is Status.WAIVED:
            return True
        return finding.failing and (self.details or always)


def _line(
    finding: Finding,
    place: Place,
    service: str,
) -> _Line:
    return _Line(
        place.file,
        place.line,
        most_severe_first(finding),
        place.column,
        finding.failing,
        service,
        (finding.severity, finding.check, finding.verdict.reason or finding.title),
    )


def _findings(told: _Told, write: Writer) -> Iterator[str]:
    counts = told.failing
    shared = set() if told.details else _of_most(counts, told.services)
    for each in told.lines:
        severity, check, what = each.sentence
        if each.sentence in shared:
            continue
        word = severity.word if each.failing else "accepted"
        where = f"{visible(each.file, 200)}:{each.line}:{each.column}"
        is_own = each.file.endswith(f"{each.service}.container")
        named = "" if is_own else f"{visible(each.service, 60)}: "
        yield f"{where}: {write.paint(word, COLORS[severity])} {check}: {named}{visible(what, 300)}"
    for sentence in sorted(shared, reverse=True):
        severity, check, what = sentence
        word = write.paint(severity.word, COLORS[severity])
        yield (
            f"{counts[sentence]} of {told.services} services: {word} {check}: {visible(what, 300)} "
            "(--details lists them)"
        )


_MOST_PLACES = 5
"""Services of which each is told; the same of more, and of most, is told once."""


def _of_most(
    counts: Mapping[tuple[Severity, str, str], int],
    services: int,
) -> set[tuple[Severity, str, str]]:
    """What most services have alike, below high: a decision for the repository, not for a line."""
    return {
        sentence
        for sentence, count in counts.items()
        if sentence[0] < Severity.HIGH and count > _MOST_PLACES and 2 * count > services
    }


def _summary(
    told: _Told,
    report: FilesReport,
    write: Writer,
) -> Iterator[str]:
    result = report.result
    counts = result.counts()
    failing = ", ".join(
        f"{counts[Status.FAIL, each]} {each.word}"
        for each in reversed(Severity)
        if counts[Status.FAIL, each]
    )
    yield from write.wrapped(
        f"{plural(told.services, 'service')} in {plural(len(told.files), 'file')}, no engine asked. "
        f"Failing: {failing or 'nothing'}.",
        "",
    )
    if told.undecided:
        never = len(told.undecided.keys() - told.decided)
        some = len(told.undecided) - never
        text = f"Only the image, the host or a running container can tell {plural(never, 'check')}"
        text += f", and {some} more of some services" if some else ""
        yield from write.wrapped(
            f"{text}." if told.details else f"{text} (--details lists them).",
            "",
        )
        if told.details:
            for line in _grouped(told.undecided):
                yield from write.wrapped(line, "    ", "  ")
    for note in report.notes:
        yield f"note: {visible(note, 300)}"
    for group in result.managed:
        about = ". ".join(sentences(group, result.checklist))
        yield from write.wrapped(f"{about}.", "    ", "  ")
    yield from write.wrapped(f"Exit code {result.exit_code}: {_why(result)}", "")


_MOST_LINES = 3
"""Lines of a list about what is not decided: more hide the findings above them."""


def _grouped(undecided: Mapping[str, str]) -> list[str]:
    """`REASON: CHECK, CHECK`, the reason that most checks share first.

    Args:
        undecided: check -> reason. Each check is named once.
    """
    checks: dict[str, list[str]] = {}
    for check, reason in sorted(undecided.items()):
        checks.setdefault(reason, []).append(check)
    shared = sorted(checks, key=lambda reason: -len(checks[reason]))
    groups = [f"{visible(reason, 120)}: {', '.join(checks[reason])}" for reason in shared]
    first, rest = groups[: _MOST_LINES - 1], groups[_MOST_LINES - 1 :]
    return [*first, "; ".join(rest)] if rest else first


def _why(result: CheckResult) -> str:
    level = f"{result.fail_on.word}{'' if result.fail_on is Severity.CRITICAL else ' or above'}"
    if result.exit_code == FINDINGS:
        return f"a finding at {level} fails (--fail-on)."
    if result.exit_code == FINE:
        return f"no finding at {level} fails (--fail-on)."
    return "a file could not be checked."
