"""The report on files for people and editors: `FILE:LINE:COLUMN: SEVERITY CHECK: what is wrong`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hardentui.features.at_rest.checking import Looked
from hardentui.features.reports.as_text import COLORS, Writer
from hardentui.features.reports.result import FINDINGS, FINE, CheckResult, TextStyle
from hardentui.model.finding import Finding, Place, Severity, Status
from hardentui.visible import visible
from hardentui.words import plural


def render(looked: Looked, result: CheckResult, style: TextStyle, *, details: bool = False) -> str:
    """The findings in the order of the files, then what they mean. `details`: also low findings, and each
    check that the files do not decide.
    """
    write = Writer(style)
    lines = [*_findings(looked, write, details=details)]
    for refused in looked.refused:
        lines.append(f"{visible(refused.shown, 200)}: not checked: {visible(refused.why, 300)}")
    if lines:
        lines.append("")
    lines += _summary(looked, result, write, details=details)
    return "\n".join(lines) + "\n"


def _findings(looked: Looked, write: Writer, *, details: bool) -> Iterator[str]:
    placed: list[tuple[Place, Finding, str]] = []
    for judged in looked.services:
        for finding in judged.findings:
            shown = finding.failing and (details or finding.severity > Severity.LOW)
            if finding.place is not None and (shown or (details and finding.status is Status.WAIVED)):
                placed.append((finding.place, finding, judged.service.name))
    placed.sort(key=lambda each: (each[0].file, each[0].line, -each[1].severity, each[1].check))
    for place, finding, name in placed:
        word = finding.severity.word if finding.failing else "accepted"
        where = f"{visible(place.file, 200)}:{place.line}:{place.column}"
        what = visible(finding.verdict.reason or finding.title, 300)
        named = "" if place.file.endswith(f"{name}.container") else f"{visible(name, 60)}: "
        yield f"{where}: {write.paint(word, COLORS[finding.severity])} {finding.check}: {named}{what}"


def _summary(looked: Looked, result: CheckResult, write: Writer, *, details: bool) -> Iterator[str]:
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
    failing = ", ".join(f"{counts[each]} {each.word}" for each in reversed(Severity) if counts[each])
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
        yield from write.wrapped(f"{text}." if details else f"{text} (--details lists them).", "")
        if details:
            yield from (
                f"  {check:<34} {visible(reason, 120)}" for check, reason in sorted(undecided.items())
            )
    for note in looked.notes:
        yield f"note: {visible(note, 300)}"
    yield from write.wrapped(f"Exit code {result.exit_code}: {_why(result)}", "")


def _why(result: CheckResult) -> str:
    level = f"{result.fail_on.word}{'' if result.fail_on is Severity.CRITICAL else ' or above'}"
    if result.exit_code == FINDINGS:
        return f"a finding at {level} fails (--fail-on)."
    if result.exit_code == FINE:
        return f"no finding at {level} fails (--fail-on)."
    return "a file could not be checked."
