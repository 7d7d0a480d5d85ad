"""The report for people and editors: `FILE:LINE:COLUMN: SEVERITY CHECK: what is wrong`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from hardentui.features.at_rest.checking import Looked
from hardentui.features.reports.result import FINDINGS, FINE, CheckResult, TextStyle
from hardentui.features.reports.text_writer import COLORS, Writer
from hardentui.features.vendors.telling import sentences
from hardentui.harden.score import most_severe_first
from hardentui.model.finding import Finding, Place, Severity, Status
from hardentui.visible import visible
from hardentui.words import plural


def render(
    looked: Looked,
    result: CheckResult,
    style: TextStyle,
    *,
    details: bool = False,
) -> str:
    """The findings in the order of the files, then what they mean. `details`: also low findings,
    and each check that the files do not decide.
    """
    write = Writer(style)
    lines = [*_findings(looked, write, details=details)]
    for refused in looked.refused:
        lines.append(f"{visible(refused.shown, 200)}: not checked: {visible(refused.why, 300)}")
    if lines:
        lines.append("")
    lines += _summary(
        looked,
        result,
        write,
        details=details,
    )
    return "\n".join(lines) + "\n"


_ALWAYS_TOLD = ("mutable-image-tag",)
"""Low findings that a reader of files cannot see there: what the next pull brings."""


def _findings(
    looked: Looked,
    write: Writer,
    *,
    details: bool,
) -> Iterator[str]:
    placed: list[tuple[Place, Finding, str]] = []
    for judged in looked.services:
        for finding in judged.findings:
            always = finding.severity > Severity.LOW or finding.check in _ALWAYS_TOLD
            shown = finding.failing and (details or always)
            if finding.place is not None and (
                shown or (details and finding.status is Status.WAIVED)
            ):
                placed.append((finding.place, finding, judged.service.name))
    placed.sort(
        key=lambda each: (
            each[0].file,
            each[0].line,
            most_severe_first(each[1]),
        )
    )
    shared = set() if details else _of_most(placed, len(looked.services))
    for place, finding, name in placed:
        if _sentence(finding) in shared:
            continue
        word = finding.severity.word if finding.failing else "accepted"
        where = f"{visible(place.file, 200)}:{place.line}:{place.column}"
        what = visible(finding.verdict.reason or finding.title, 300)
        named = "" if place.file.endswith(f"{name}.container") else f"{visible(name, 60)}: "
        yield f"{where}: {write.paint(word, COLORS[finding.severity])} {finding.check}: {named}{what}"
    for severity, check, what in sorted(shared, reverse=True):
        count = sum(_sentence(finding) == (severity, check, what) for _, finding, _ in placed)
        word = write.paint(severity.word, COLORS[severity])
        yield (
            f"{count} of {len(looked.services)} services: {word} {check}: {visible(what, 300)} "
            "(--details lists them)"
        )


_MOST_PLACES = 5
"""Services of which each is told; the same of more, and of most, is told once."""


def _of_most(
    placed: Iterable[tuple[Place, Finding, str]],
    services: int,
) -> set[tuple[Severity, str, str]]:
    """What most services have alike, below high: a decision for the repository, not for a line."""
    counts = Counter(
        _sentence(finding)
        for _, finding, _ in placed
        if finding.failing and finding.severity < Severity.HIGH
    )
    return {each for each, count in counts.items() if count > _MOST_PLACES and 2 * count > services}


def _sentence(finding: Finding) -> tuple[Severity, str, str]:
    return finding.severity, finding.check, finding.verdict.reason or finding.title


def _summary(
    looked: Looked,
    result: CheckResult,
    write: Writer,
    *,
    details: bool,
) -> Iterator[str]:
    counts: Counter[Severity] = Counter()
    undecided: dict[str, str] = {}
    decided: set[str] = set()
    for judged in looked.services:
        for finding in judged.findings:
            if finding.failing:
                counts[finding.severity] += 1
            if finding.status is Status.UNKNOWN:
                undecided.setdefault(finding.check, finding.verdict.reason)
            else:
                decided.add(finding.check)
    files = len({judged.service.file.shown for judged in looked.services})
    failing = ", ".join(
        f"{counts[each]} {each.word}" for each in reversed(Severity) if counts[each]
    )
    yield from write.wrapped(
        f"{plural(len(looked.services), 'service')} in {plural(files, 'file')}, no engine asked. "
        f"Failing: {failing or 'nothing'}.",
        "",
    )
    if undecided:
        never = len(set(undecided) - decided)
        some = len(undecided) - never
        text = f"Only the image, the host or a running container can tell {plural(never, 'check')}"
        text += f", and {some} more of some services" if some else ""
        yield from write.wrapped(
            f"{text}." if details else f"{text} (--details lists them).",
            "",
        )
        if details:
            for line in _grouped(undecided):
                yield from write.wrapped(line, "    ", "  ")
    for note in looked.notes:
        yield f"note: {visible(note, 300)}"
    for group in result.managed:
        told = ". ".join(sentences(group, result.checklist))
        yield from write.wrapped(f"{told}.", "    ", "  ")
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
