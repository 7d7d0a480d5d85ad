"""Reports compared: what became better and worse; the facts of a host, saved."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum

from msgspec import Struct, field, to_builtins
from msgspec.structs import asdict

from hardentui.features.opening.saved_facts import unpacked
from hardentui.features.reports.as_json import document
from hardentui.features.reports.making import check_result, host_reports
from hardentui.features.reports.saved_report import (
    SavedCheck,
    SavedFinding,
    SavedReport,
    SavedSubject,
    read_report,
)
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.views import Report, Row, reports_of, told_once
from hardentui.features.workbench import Workbench
from hardentui.model.finding import Kind, Severity, Status
from hardentui.visible import strict_json
from hardentui.words import plural


def read_saved(path: str) -> SavedReport:
    """A JSON report.

    Raises:
        InputError: the file is none.
    """
    return read_report(unpacked(path), path)


def kinds_to_compare(before: SavedReport) -> set[str]:
    """The kinds of subjects in an earlier report; others would only seem to have appeared."""
    return {subject.kind for subject in before.subjects}


def report_now(
    bench: Workbench,
    rows: Iterable[Row],
    kinds: Collection[str],
) -> SavedReport:
    """What a session knows of its host, as a report.

    Args:
        rows: the containers with their reports.
        kinds: of subjects.
    """
    shared = [*host_reports(bench), *_around(bench, kinds)]
    reports = [*shared, *_with_told_once(rows)]
    if (waivers := bench.judge.waiver_report(report for report, _ in reports)) is not None:
        reports.append((waivers, "accepted findings"))
    wanted = [pair for pair in reports if pair[0].subject.kind in {*kinds, Kind.CONTAINER}]
    return _saved(bench, wanted, "this host")


def _with_told_once(rows: Iterable[Row]) -> list[tuple[Report, str]]:
    """Reports of containers, and of their images and the site."""
    reports = reports_of(rows)
    return [*reports, *told_once(report for report, _ in reports)]


def _around(
    bench: Workbench,
    kinds: Collection[str],
) -> list[tuple[Report, str]]:
    # a report on containers has what containers tell of their images, not the images themselves
    images = (
        bench.surroundings.images() if Kind.IMAGE in kinds and Kind.CONTAINER not in kinds else ()
    )
    networks = bench.surroundings.networks() if Kind.NETWORK in kinds else ()
    return [(report, report.subject.kind.value) for report in (*images, *networks)]


def _saved(
    bench: Workbench,
    reports: Iterable[tuple[Report, str]],
    where: str,
) -> SavedReport:
    result = check_result(
        bench,
        reports,
        Severity.LOW,
        fixes=False,
    )
    return read_report(json.dumps(to_builtins(document(result))), where)


_GONE = "not checked"


class DifferenceKind(StrEnum):
    """The kind of change of a finding."""

    NEW = "new"
    FIXED = "fixed"
    WORSE = "worse"
    BETTER = "better"
    LOST = "no longer known"
    WAIVED = "waived"


class Difference(Struct, frozen=True):
    """One changed finding."""

    way: DifferenceKind
    kind: str
    subject: str
    engine: str
    check: str
    title: str
    step: int
    severity: str  # of the failure, before or after
    before: str  # status and severity, `fail high`; `not checked` if there was no such finding
    after: str
    why: str = ""  # the reason of the newer finding


class ScoreChange(Struct, frozen=True):
    """The score of a subject before and after; None = it had none, or did not exist."""

    kind: str
    subject: str
    engine: str
    before: int | None
    after: int | None


class Comparison(Struct, frozen=True):
    """Two reports side by side."""

    hosts: tuple[str, str]  # the names of both
    differences: tuple[Difference, ...]
    scores: tuple[ScoreChange, ...]
    appeared: tuple[str, ...] = ()  # subjects that only the newer report has, `container web`
    disappeared: tuple[str, ...] = ()  # subjects that only the older report has
    hidden: tuple[str, ...] = ()  # subjects that could not be checked in the newer report
    same: int = 0  # findings that fail in both, unchanged
    # what makes the reports hard to compare: other hosts, checklists or versions
    notes: tuple[str, ...] = ()

    def of(self, way: DifferenceKind) -> tuple[Difference, ...]:
        return tuple(difference for difference in self.differences if difference.way is way)

    def exit_code(self, fail_on: Severity) -> int:
        """1 for something new or worse that counts, 4 for something that is now unknown, else 0."""

        def counts(*ways: DifferenceKind) -> bool:
            return any(
                difference.way in ways and Severity.parse(difference.severity) >= fail_on
                for difference in self.differences
            )

        if counts(DifferenceKind.NEW, DifferenceKind.WORSE):
            return 1
        return 4 if counts(DifferenceKind.LOST) or self.hidden else 0


def compare(old: SavedReport, new: SavedReport) -> Comparison:
    """What is new, fixed and changed. A finding that became unknown is not fixed."""
    before = {subject.key: subject for subject in old.subjects}
    after = {subject.key: subject for subject in new.subjects}
    checks = {**old.checks, **new.checks}
    differences: list[Difference] = []
    same = 0
    for key in dict.fromkeys((*before, *after)):
        compared = _subject(before.get(key), after.get(key), checks)
        differences += compared[0]
        same += compared[1]
    return Comparison(
        hosts=(old.host.name, new.host.name),
        differences=tuple(sorted(differences, key=_order)),
        scores=tuple(
            ScoreChange(
                *_name(before.get(key) or after[key]),
                _score(before.get(key)),
                _score(after.get(key)),
            )
            for key in dict.fromkeys((*before, *after))
            if _score(before.get(key)) != _score(after.get(key))
        ),
        appeared=tuple(_words(subject) for key, subject in after.items() if key not in before),
        disappeared=tuple(_words(subject) for key, subject in before.items() if key not in after),
        hidden=tuple(_words(subject) for subject in new.subjects if subject.trouble),
        same=same,
        notes=tuple(_notes(old, new)),
    )


def _name(subject: SavedSubject) -> tuple[str, str, str]:
    return subject.kind, subject.title, subject.engine


def _score(subject: SavedSubject | None) -> int | None:
    return subject.score if subject else None


def _words(subject: SavedSubject) -> str:
    return f"{subject.kind} {subject.title}" + (f" ({subject.engine})" if subject.engine else "")


def _order(difference: Difference) -> tuple[int, int, str, str]:
    return (
        tuple(DifferenceKind).index(difference.way),
        -Severity.parse(difference.severity),
        difference.subject,
        difference.check,
    )


def _notes(old: SavedReport, new: SavedReport) -> Iterable[str]:
    if old.host.name != new.host.name:
        yield f"the reports are of two hosts: {old.host.name} and {new.host.name}"
    if old.tool.checklist != new.tool.checklist:
        yield f"the checklists differ: {old.tool.checklist} and {new.tool.checklist}"
    if old.tool.version != new.tool.version:
        yield (
            f"two versions of HardenTUI: {old.tool.version} and {new.tool.version}; checks may "
            "differ"
        )
    for word, report in (("older", old), ("newer", new)):
        if report.host.simulated:
            yield f"the {word} report is of the simulated host"


def _subject(
    old: SavedSubject | None,
    new: SavedSubject | None,
    checks: Mapping[str, SavedCheck],
) -> tuple[list[Difference], int]:
    """The differences of one subject, and how many failures are unchanged."""
    if new is None:
        return [], 0  # the subject is gone: nothing was fixed, so only its name is reported
    before, after = old.by_check() if old else {}, new.by_check()
    differences: list[Difference] = []
    same = 0
    for check in dict.fromkeys((*before, *after)):
        was, now = before.get(check), after.get(check)
        way = _way(was, now)
        if way is not None:
            differences.append(
                _difference(
                    way,
                    new,
                    was,
                    now,
                    checks[check],
                )
            )
        elif now is not None and now.status is Status.FAIL:
            same += 1
    return differences, same


def _way(
    was: SavedFinding | None,
    now: SavedFinding | None,
) -> DifferenceKind | None:
    failed = was is not None and was.status is Status.FAIL
    if now is None:
        # passed checks that are no longer run are not reported: a run with fewer checks would drown
        # the rest
        return DifferenceKind.LOST if failed else None
    fails = now.status is Status.FAIL
    if fails and not failed:
        return DifferenceKind.NEW
    if fails and was is not None:
        shift = Severity.parse(now.severity) - Severity.parse(was.severity)
        return DifferenceKind.WORSE if shift > 0 else DifferenceKind.BETTER if shift < 0 else None
    if now.status is Status.UNKNOWN:
        return DifferenceKind.LOST if was is not None and was.status is not Status.UNKNOWN else None
    if not failed:
        return None
    return DifferenceKind.WAIVED if now.status is Status.WAIVED else DifferenceKind.FIXED


def _difference(
    way: DifferenceKind,
    subject: SavedSubject,
    was: SavedFinding | None,
    now: SavedFinding | None,
    check: SavedCheck,
) -> Difference:
    finding = now or was
    assert finding is not None  # noqa: S101 - there is a way from one to the other
    counted = (
        was if way in (DifferenceKind.FIXED, DifferenceKind.WAIVED) and was is not None else finding
    )
    return Difference(
        way=way,
        kind=subject.kind,
        subject=subject.title,
        engine=subject.engine,
        check=finding.check,
        title=check.title or finding.check,
        step=check.step,
        severity=counted.severity,
        before=_state(was),
        after=_state(now),
        why=now.reason if now is not None else "",
    )


def _state(finding: SavedFinding | None) -> str:
    if finding is None:
        return _GONE
    words = finding.status.value.replace("-", " ")
    return f"{words}, {finding.severity}" if finding.status is Status.FAIL else words


_SHOWN = {
    DifferenceKind.NEW: ("New failures", Tone.BAD),
    DifferenceKind.WORSE: ("Worse than before", Tone.BAD),
    DifferenceKind.LOST: ("No longer known", Tone.BAD),
    DifferenceKind.FIXED: ("Fixed", Tone.GOOD),
    DifferenceKind.BETTER: ("Better than before", Tone.GOOD),
    DifferenceKind.WAIVED: ("Waived since", Tone.PLAIN),
}


def comparison_page(comparison: Comparison) -> tuple[PageSection, ...]:
    """The summary, then what is worse, then what is better."""
    notes = (PageLine("mind", note, Tone.BAD) for note in comparison.notes)
    head = PageLine("", summary(comparison))
    sections = [
        PageSection(
            f"{comparison.hosts[0]} -> {comparison.hosts[1]}",
            (head, *notes),
        )
    ]
    for way, (title, _) in _SHOWN.items():
        if differences := comparison.of(way):
            lines = tuple(line for difference in differences for line in _lines(difference))
            sections.append(PageSection(f"{title}: {len(differences)}", lines))
    for title, names in (
        ("Could not be checked", comparison.hidden),
        ("Appeared", comparison.appeared),
        ("Disappeared", comparison.disappeared),
    ):
        if names:
            sections.append(
                PageSection(
                    f"{title}: {len(names)}",
                    tuple(PageLine("", name) for name in names),
                )
            )
    scores = tuple(
        PageLine(
            f"{_shown(score.before)} -> {_shown(score.after)}", f"{score.kind} {score.subject}"
        )
        for score in comparison.scores
    )
    return (*sections, PageSection("Scores", scores)) if scores else tuple(sections)


def _shown(value: int | None) -> str:
    return "-" if value is None else str(value)


def _lines(difference: Difference) -> Iterator[PageLine]:
    text = f"{difference.subject}: {difference.title} ({difference.check})"
    yield PageLine(
        difference.severity,
        text,
        _SHOWN[difference.way][1],
    )
    why = (
        f": {difference.why}"
        if difference.why and difference.way is not DifferenceKind.FIXED
        else ""
    )
    yield PageLine(
        "",
        f"{difference.before} -> {difference.after}{why}",
        Tone.MUTED,
    )


def summary(comparison: Comparison) -> str:
    """How many findings changed in which way, in one sentence."""
    counts = [
        f"{len(comparison.of(way))} {way.value}" for way in DifferenceKind if comparison.of(way)
    ]
    counts.append(f"{plural(comparison.same, 'failure')} as before")
    return f"{', '.join(counts)}."


class ComparisonDocument(
    Comparison, frozen=True, kw_only=True, tag_field="schema", tag="hardentui/compare/1"
):
    """Two reports side by side, as `--since` prints them."""

    summary: dict[DifferenceKind, int]  # how many differences there are of each way
    code: int = field(name="exit_code")


def as_json(comparison: Comparison, exit_code: int) -> str:
    """Raw values in pure ASCII."""
    document = ComparisonDocument(
        **asdict(comparison),
        summary={way: len(comparison.of(way)) for way in DifferenceKind},
        code=exit_code,
    )
    return strict_json(json.dumps(to_builtins(document), indent=1)) + "\n"
