"""The report for a human: one block for each subject, the worst first, and a summary where reading begins.

On a terminal that is the end, which stays on the screen; in a file and in a pipe it is the beginning. Written
line by line and not with a table of rich: the whole command is to cost no more than the scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardentui.model.finding import Finding, Kind, Severity, Status
from hardentui.reports.result import CheckResult, Look, SubjectResult
from hardentui.reports.summary import summary
from hardentui.reports.writer import COLORS, UNKNOWN_COLOR, Writer
from hardentui.visible import visible

_ONE_LINE = 150
"""From this width on a finding and its reason share a line where they fit."""
_REST = ((Status.PASS, "passed"), (Status.NOT_APPLICABLE, "not applicable"), (Status.WAIVED, "waived"))


def render(result: CheckResult, look: Look) -> str:
    write = Writer(look)
    told = list(summary(result, write))
    blocks = _blocks(result.subjects, write)
    parts = [*blocks, *reversed(told)] if look.summary_last else [*told, *blocks]
    if result.simulated:
        parts.insert(0, [write.paint("SIMULATED HOST: nothing of what follows is real.", "1;33")])
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def _blocks(subjects: Iterable[SubjectResult], write: Writer) -> list[list[str]]:
    """Containers with the very same answers share a block."""
    alike: dict[tuple[str, ...], list[SubjectResult]] = {}
    for one in subjects:
        lines = (_facts_of(one), *_body(one, write))
        alike.setdefault(lines, []).append(one)
    return [_block(same, *lines, write=write) for lines, same in alike.items()]


def _block(same: list[SubjectResult], facts: str, *body: str, write: Writer) -> list[str]:
    first, *others = (visible(one.subject.name, min(60, write.width - 16)) for one in same)
    name = f"{first} and {len(others)} more" if others else first
    beside = len(name) + len(facts) + 2 <= write.width
    lines = [f"{write.bold(name)}  {facts}"] if beside else [write.bold(name), *write.wrapped(facts)]
    if others:
        lines += write.wrapped(", ".join(others), "  ", "  the same for ")
    return [*lines, *body]


def _facts_of(one: SubjectResult) -> str:
    score = "no score" if one.score.value is None else f"score {one.score.value}/100"
    coverage = "" if one.score.coverage == 100 else f", {one.score.coverage}% looked at"
    return f"{visible(one.detail, 120)}  {score}{coverage}".strip()


def _body(one: SubjectResult, write: Writer) -> Iterator[str]:
    if one.trouble:
        yield from write.wrapped(f"could not be looked at: {one.trouble}", "     ", "  ?  ")
        return
    yield from write.wrapped(one.attack)
    brief = write.look.brief and one.subject.kind is Kind.CONTAINER
    for severity, found in _by_severity(one.having(Status.FAIL)):
        if brief and severity < Severity.HIGH:
            yield from write.marked(severity.word, COLORS[severity], ", ".join(each.check for each in found))
        else:
            for finding in found:
                yield from _finding(finding, severity.word, COLORS[severity], write)
    unknown = one.having(Status.UNKNOWN)
    if not brief:
        yield from _unknown(unknown, write)
    counted = [f"{count} {word}" for status, word in _REST if (count := one.count(status))]
    if unknown:
        counted.append(f"{len(unknown)} unknown")
    if counted or not one.findings:
        yield f"  {', '.join(counted) or 'nothing was checked'}"


def _by_severity(findings: Iterable[Finding]) -> Iterable[tuple[Severity, list[Finding]]]:
    found: dict[Severity, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.severity, []).append(finding)
    return found.items()


def _finding(finding: Finding, word: str, color: str, write: Writer) -> Iterator[str]:
    verdict = finding.verdict
    title, reason = f"{finding.title}  [{finding.check}]", visible(verdict.reason)
    if write.width >= _ONE_LINE and len(title) + len(reason) + 14 <= write.width:
        yield from write.marked(word, color, f"{title}  {reason}")
    else:
        yield from write.marked(word, color, title)
        yield from write.below(reason)
    if write.look.brief and finding.subject.kind is Kind.CONTAINER:
        return
    seen = [
        f"{label}: {visible(value, 200)}"
        for label, value in (("declared", verdict.declared), ("effective", verdict.effective))
        if value
    ]
    yield from write.below("; ".join(seen))


def _unknown(findings: tuple[Finding, ...], write: Writer) -> Iterator[str]:
    """Those with one reason together: mostly one missing look leaves many questions open."""
    by_reason: dict[str, list[Finding]] = {}
    for finding in findings:
        by_reason.setdefault(finding.verdict.reason, []).append(finding)
    for reason, found in by_reason.items():
        if len(found) == 1:
            yield from _finding(found[0], "unknown", UNKNOWN_COLOR, write)
            continue
        yield from write.marked("unknown", UNKNOWN_COLOR, f"{len(found)} checks, for the same reason")
        yield from write.below(reason)
        yield from write.below(", ".join(finding.check for finding in found))
