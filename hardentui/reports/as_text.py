"""The report for people: one block for each subject, worst first, and a summary where reading starts.

On a terminal that is the end, which stays on the screen; in a file or a pipe it is the beginning. Written
line by line, not as a table of rich: the whole command should take no longer than the scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardentui.model.finding import Finding, Kind, Severity, Status
from hardentui.reports.result import CheckResult, SubjectResult, TextStyle
from hardentui.reports.summary import summary
from hardentui.reports.writer import COLORS, UNKNOWN_COLOR, Writer
from hardentui.visible import visible

_ONE_LINE = 150
"""From this width on, a finding and its reason share a line if they fit."""
_REST = ((Status.PASS, "passed"), (Status.NOT_APPLICABLE, "not applicable"), (Status.WAIVED, "waived"))


def render(result: CheckResult, style: TextStyle) -> str:
    write = Writer(style)
    overview = list(summary(result, write))
    blocks = _blocks(result.subjects, write) if style.blocks else []
    parts = [*blocks, *reversed(overview)] if style.summary_last else [*overview, *blocks]
    if result.simulated:
        parts.insert(0, [write.paint("SIMULATED HOST: nothing below is real.", "1;33")])
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def _blocks(subjects: Iterable[SubjectResult], write: Writer) -> list[list[str]]:
    """Containers with identical results share a block."""
    alike: dict[tuple[object, ...], list[SubjectResult]] = {}
    for subject in subjects:
        alike.setdefault(_answers(subject, write), []).append(subject)
    return [_block(same, write) for same in alike.values()]


def _answers(subject: SubjectResult, write: Writer) -> tuple[object, ...]:
    """The content of its block besides its name; cheaper than the lines, which take ten times as long."""
    content: list[object] = [_facts_of(subject), subject.trouble, subject.attack, _counted(subject)]
    for finding in subject.having(Status.FAIL):
        content += (finding.check, finding.severity)
        if not _in_short(finding, write):
            content.append(_texts(finding, write))
    content += [(finding.check, finding.verdict.reason) for finding in subject.having(Status.WAIVED)]
    if not _is_brief(subject.subject.kind, write):
        content += [(finding.check, _texts(finding, write)) for finding in subject.having(Status.UNKNOWN)]
    return tuple(content)


def _texts(finding: Finding, write: Writer) -> tuple[str, ...]:
    verdict = finding.verdict
    if _is_brief(finding.subject.kind, write):
        return (verdict.reason,)
    return verdict.reason, verdict.declared, verdict.effective


def _is_brief(kind: Kind, write: Writer) -> bool:
    return write.style.brief and kind is Kind.CONTAINER


def _in_short(finding: Finding, write: Writer) -> bool:
    """Whether only its name is shown."""
    return finding.severity < Severity.HIGH and _is_brief(finding.subject.kind, write)


def _block(same: list[SubjectResult], write: Writer) -> list[str]:
    facts, body = _facts_of(same[0]), _body(same[0], write)
    first, *others = (visible(subject.title, min(60, write.width - 16)) for subject in same)
    name = f"{first} and {len(others)} more" if others else first
    beside = len(name) + len(facts) + 2 <= write.width
    lines = [f"{write.bold(name)}  {facts}"] if beside else [write.bold(name), *write.wrapped(facts)]
    if others:
        lines += write.wrapped(", ".join(others), "  ", "  the same for ")
    return [*lines, *body]


def _facts_of(subject: SubjectResult) -> str:
    score = subject.score
    known, applying = score.looked_at
    words = [] if score.value is None else [f"score {score.value}/100 {score.level}"]
    words += [f"{known} of {applying} checked"] if known < applying else []
    return f"{visible(subject.detail, 120)}  {', '.join(words)}".strip()


def _body(subject: SubjectResult, write: Writer) -> Iterator[str]:
    if subject.trouble:
        yield from write.wrapped(f"could not be checked: {subject.trouble}", "     ", "  ?  ")
        return
    yield from write.wrapped(subject.attack)
    for severity, failing in _by_severity(subject.having(Status.FAIL)):
        if _in_short(failing[0], write):
            yield from write.marked(
                severity.word, COLORS[severity], ", ".join(each.check for each in failing)
            )
        else:
            for finding in failing:
                yield from _finding(finding, severity.word, COLORS[severity], write)
    for finding in subject.having(Status.WAIVED):
        yield from write.marked("waived", UNKNOWN_COLOR, f"{finding.title}  [{finding.check}]")
        yield from write.below(visible(finding.verdict.reason, 300))
    if not _is_brief(subject.subject.kind, write):
        yield from _unknown(subject.having(Status.UNKNOWN), write)
    if counted := _counted(subject):
        yield f"  {counted}"


def _counted(subject: SubjectResult) -> str:
    """The number of findings that are only counted."""
    counted = [f"{count} {word}" for status, word in _REST if (count := subject.count(status))]
    if unknown := subject.count(Status.UNKNOWN):
        counted.append(f"{unknown} unknown")
    return ", ".join(counted) or ("" if subject.findings else "nothing was checked")


def _by_severity(findings: Iterable[Finding]) -> Iterable[tuple[Severity, list[Finding]]]:
    by_severity: dict[Severity, list[Finding]] = {}
    for finding in findings:
        by_severity.setdefault(finding.severity, []).append(finding)
    return by_severity.items()


def _finding(finding: Finding, word: str, color: str, write: Writer) -> Iterator[str]:
    verdict = finding.verdict
    title, reason = f"{finding.title}  [{finding.check}]", visible(verdict.reason)
    if write.width >= _ONE_LINE and len(title) + len(reason) + 14 <= write.width:
        yield from write.marked(word, color, f"{title}  {reason}")
    else:
        yield from write.marked(word, color, title)
        yield from write.below(reason)
    if _is_brief(finding.subject.kind, write):
        return
    seen = [
        f"{label}: {visible(value, 200)}"
        for label, value in (("declared", verdict.declared), ("effective", verdict.effective))
        if value
    ]
    yield from write.below("; ".join(seen))


def _unknown(findings: tuple[Finding, ...], write: Writer) -> Iterator[str]:
    """Findings grouped by reason: mostly one missing reading leaves many answers unknown."""
    by_reason: dict[str, list[Finding]] = {}
    for finding in findings:
        by_reason.setdefault(finding.verdict.reason, []).append(finding)
    for reason, alike in by_reason.items():
        if len(alike) == 1:
            yield from _finding(alike[0], "unknown", UNKNOWN_COLOR, write)
            continue
        yield from write.marked("unknown", UNKNOWN_COLOR, f"{len(alike)} checks, for the same reason")
        yield from write.below(reason)
        yield from write.below(", ".join(finding.check for finding in alike))
