"""The part of each subject in a text report; containers with identical results share one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardentui.features.reports.subject_result import SubjectResult
from hardentui.features.reports.text_writer import COLORS, UNKNOWN_COLOR, Writer
from hardentui.harden.undecided import undecided
from hardentui.model.finding import Finding, Kind, Severity, Status, Verdict
from hardentui.visible import visible

_ONE_LINE = 150
"""From this width on, a finding and its reason share a line if they fit."""
_MOST_SERIOUS = 7
_REST = (
    (Status.PASS, "passed"),
    (Status.NOT_APPLICABLE, "not applicable"),
    (Status.WAIVED, "waived"),
)


def blocks(
    subjects: Iterable[SubjectResult],
    write: Writer,
) -> list[list[str]]:
    """Containers with identical results share a block."""
    alike: dict[tuple[object, ...], list[SubjectResult]] = {}
    for subject in subjects:
        alike.setdefault(_answers(subject, write), []).append(subject)
    return [_block(same, write) for same in alike.values()]


def _answers(
    subject: SubjectResult,
    write: Writer,
) -> tuple[object, ...]:
    """The content of its block besides its name; cheaper than the lines, which take ten times as
    long."""
    content: list[object] = [
        _facts_of(subject),
        subject.trouble,
        subject.attack,
        _counted(subject),
    ]
    for finding in subject.having(Status.FAIL):
        content += (
            finding.check,
            finding.severity,
            _texts(finding, write),
        )
    content += [
        (finding.check, finding.verdict.because) for finding in subject.having(Status.WAIVED)
    ]
    if not _is_brief(subject.subject.kind, write):
        content += [
            (finding.check, _texts(finding, write)) for finding in subject.having(Status.UNKNOWN)
        ]
    return tuple(content)


def _texts(finding: Finding, write: Writer) -> tuple[str, ...]:
    verdict = finding.verdict
    if _is_brief(finding.subject.kind, write):
        return (verdict.because,)
    return verdict.because, verdict.declared, verdict.effective


def _is_brief(kind: Kind, write: Writer) -> bool:
    return write.style.brief and kind is Kind.CONTAINER


def _block(same: list[SubjectResult], write: Writer) -> list[str]:
    facts, body = _facts_of(same[0]), _body(same[0], write)
    first, *others = (visible(subject.title, min(60, write.width - 16)) for subject in same)
    name = f"{first} and {len(others)} more" if others else first
    beside = len(name) + len(facts) + 2 <= write.width
    lines = (
        [f"{write.bold(name)}  {facts}"] if beside else [write.bold(name), *write.wrapped(facts)]
    )
    if others:
        lines += write.wrapped(
            ", ".join(others),
            "  ",
            "  the same for ",
        )
    return [*lines, *body]


def _facts_of(subject: SubjectResult) -> str:
    score = subject.score
    known, applying = score.looked_at
    words = [] if score.value is None else [f"score {score.value}/100 {score.level}"]
    words += [f"{known} of {applying} checked"] if known < applying else []
    return f"{visible(subject.detail, 120)}  {', '.join(words)}".strip()


def _body(subject: SubjectResult, write: Writer) -> Iterator[str]:
    if subject.trouble:
        yield from write.wrapped(
            f"could not be checked: {subject.trouble}",
            "     ",
            "  ?  ",
        )
        return
    yield from write.wrapped(subject.attack)
    brief = _is_brief(subject.subject.kind, write)
    yield from _serious(subject, write) if brief else _failing(subject, write)
    for finding in subject.having(Status.WAIVED):
        yield from write.marked(
            "waived",
            UNKNOWN_COLOR,
            f"{finding.title}  [{finding.check}]",
        )
        yield from write.below(visible(finding.verdict.because, 300))
    yield from _undecided(subject, write, brief=brief)
    if counted := _counted(subject):
        yield f"  {counted}"
    for owner, label in ((Kind.IMAGE, "its image"), (Kind.SITE, "also")):
        ids = [finding.check for finding in subject.also if finding.scope is owner]
        if ids:
            where = f"{label}: " if owner is Kind.IMAGE else "also, one decision for all: "
            yield visible(f"  {where}{', '.join(ids)}", write.width)


def _failing(subject: SubjectResult, write: Writer) -> Iterator[str]:
    for severity, failing in _by_severity(subject.having(Status.FAIL)):
        for finding in failing:
            yield from _finding(
                finding,
                severity.word,
                COLORS[severity],
                write,
            )


def _serious(subject: SubjectResult, write: Writer) -> Iterator[str]:
    """A line for each serious failure, and the ids of the others."""
    failing = subject.having(Status.FAIL)
    serious = [finding for finding in failing if finding.severity >= Severity.HIGH]
    for finding in serious[:_MOST_SERIOUS]:
        severity = finding.severity
        text = f"{finding.title}  [{finding.check}]"
        reason = visible(finding.verdict.because, max(8, write.width - len(text) - 16))
        fits = len(text) + 24 <= write.width and reason
        line = visible(f"{text}  {reason}" if fits else text, write.width - 12)
        yield from write.marked(severity.word, COLORS[severity], line)
    if len(serious) > _MOST_SERIOUS:
        yield f"            and {len(serious) - _MOST_SERIOUS} more: --details"
    for severity, others in _by_severity(failing[len(serious) :]):
        yield from write.marked(
            severity.word, COLORS[severity], ", ".join(each.check for each in others)
        )


def _undecided(
    subject: SubjectResult,
    write: Writer,
    *,
    brief: bool,
) -> Iterator[str]:
    """What could not be decided; in detail with each check and its reason."""
    unknown = subject.having(Status.UNKNOWN)
    for group in undecided(unknown):
        sentence = visible(group.sentence)
        if brief:
            yield from write.marked(
                "unknown",
                UNKNOWN_COLOR,
                visible(sentence, write.width - 12),
            )
            continue
        yield from write.marked("unknown", UNKNOWN_COLOR, sentence)
        for reason in group.reasons:
            checks = [each.check for each in unknown if each.verdict.because == reason]
            yield from write.below(visible(f"{', '.join(checks)}: {reason}"))


def _counted(subject: SubjectResult) -> str:
    """The number of findings that are only counted."""
    counted = [f"{count} {word}" for status, word in _REST if (count := subject.count(status))]
    if unknown := subject.score.unknown:
        counted.append(f"{unknown} unknown")
    return ", ".join(counted) or ("" if subject.findings else "nothing was checked")


def _by_severity(findings: Iterable[Finding]) -> Iterable[tuple[Severity, list[Finding]]]:
    by_severity: dict[Severity, list[Finding]] = {}
    for finding in findings:
        by_severity.setdefault(finding.severity, []).append(finding)
    return by_severity.items()


def _finding(
    finding: Finding,
    word: str,
    color: str,
    write: Writer,
) -> Iterator[str]:
    verdict = finding.verdict
    title, reason = f"{finding.title}  [{finding.check}]", visible(verdict.because)
    if write.width >= _ONE_LINE and len(title) + len(reason) + 14 <= write.width:
        yield from write.marked(word, color, f"{title}  {reason}")
    else:
        yield from write.marked(word, color, title)
        yield from write.below(reason)
    seen = [
        f"{label}: {visible(value, 200)}"
        for label, value in (
            ("declared", verdict.declared),
            ("effective", verdict.effective),
        )
        if value
    ]
    yield from write.below("; ".join(seen))
    if finding.subject.kind is not Kind.CONTAINER and not write.style.brief:
        yield from _commands(verdict, write)


def _commands(verdict: Verdict, write: Writer) -> Iterator[str]:
    """What changes it on that host, each in one line, to copy."""
    if verdict.commands:
        yield from write.below("what to do:")
    yield from (f"              {visible(command)}" for command in verdict.commands)
