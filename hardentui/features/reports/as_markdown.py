"""The report as Markdown, for a ticket or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hardentui.features.frameworks.answers import LONGEST, Framework
from hardentui.features.reports.fleet_sections import fleet_sections
from hardentui.features.reports.result import CheckResult, TextStyle, path_words
from hardentui.features.reports.subject_result import SubjectResult
from hardentui.harden.attack import RankedPath
from hardentui.harden.score import score_word
from hardentui.model.finding import Finding, Severity, Status
from hardentui.visible import visible


def render(result: CheckResult, style: TextStyle) -> str:
    return "\n".join(_lines(result)) + "\n"


def plain(text: str, longest: int = 500) -> str:
    """Foreign text, escaped so that Markdown and HTML show it unchanged."""
    return re.sub(
        r"([\\`*_{}\[\]<>()#+!|~&-])",
        r"\\\1",
        visible(text, longest),
    )


def _lines(result: CheckResult) -> Iterator[str]:
    yield f"# Hardening report of {plain(result.place)}"
    yield ""
    yield f"Checklist: {plain(result.checklist)}"
    yield ""
    if result.simulated:
        yield "**Simulated host: nothing below is real.**"
        yield ""
    if result.hosts:
        yield from _hosts(result)
    if result.framework is not None:
        yield from _controls(result.framework)
    if result.do_first:
        yield from ("## Do these first", "")
        for number, line in enumerate(result.do_first, 1):
            points = f", +{line.points}" if line.points else ""
            yield f"{number}. **{plain(line.names)}**: {plain(line.sentence)} ({line.risk}{points})"
        yield ""
    yield (
        "| Subject | Score | "
        + " | ".join(severity.word for severity in reversed(Severity))
        + " | unknown |"
    )
    yield "|---|---|" + "---|" * (len(Severity) + 1)
    for subject in result.subjects:
        score = score_word(subject.score.value, otherwise="")
        counts = (str(subject.score.count(severity) or "") for severity in reversed(Severity))
        name, unknown = plain(subject.title), str(subject.score.unknown or "")
        yield f"| {' | '.join((name, score, *counts, unknown))} |"
    if result.paths:
        yield from ("", "## Worst attack paths from a container to the host", "")
        yield from (f"{at}. {_path(path, result)}" for at, path in enumerate(result.paths, 1))
        yield from ("", f"and {result.paths_left} more") if result.paths_left else ()
    for subject in result.subjects:
        yield from _subject(subject)


def _controls(framework: Framework) -> Iterator[str]:
    yield from (
        f"## {plain(framework.title)}",
        "",
        "| Control | | Demands | Answer | Evidence |",
        "|---|---|---|---|---|",
    )
    for result in framework.controls:
        control = result.control
        seen = "; ".join(
            f"{plain(name)}: {plain(finding.check)}, {plain(finding.verdict.because)}"
            for name, finding in result.evidence
        )
        told = " ".join(filter(None, (plain(result.sentence, LONGEST), seen)))
        yield (
            f"| {control.id} | {plain(control.title)} | {plain(control.demands)} "
            f"| {result.answer.value} | {told} |"
        )
    yield ""


def _hosts(result: CheckResult) -> Iterator[str]:
    """A line for each host, in a report on several."""
    severities = tuple(reversed(Severity))
    yield (
        f"| Host | containers | worst score | {' | '.join(each.word for each in severities)} | "
        "unknown |"
    )
    yield "|---|---|---|" + "---|" * (len(severities) + 1)
    for host in result.hosts:
        counts = (str(host.failing(severity) or "") for severity in severities)
        score = score_word(host.worst_score, otherwise="")
        cells = (
            plain(host.name),
            str(host.containers),
            score,
            *counts,
            str(host.unknown or ""),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""
    for section in fleet_sections(result):
        yield from (f"## {section.title}", "")
        yield from (f"{'  ' * depth}- {plain(sentence, 1000)}" for depth, sentence in section.lines)
        yield ""


def _path(path: RankedPath, result: CheckResult) -> str:
    name, sentence = path_words(path, result)
    return f"**{plain(name)}**: {plain(sentence)}"


def _subject(subject: SubjectResult) -> Iterator[str]:
    yield ""
    yield f"## {plain(subject.title)}"
    yield ""
    if subject.detail:
        yield plain(subject.detail)
        yield ""
    if subject.attack:
        yield plain(subject.attack)
        yield ""
    if subject.also:
        yield f"Also: {', '.join(f'`{finding.check}`' for finding in subject.also)}"
        yield ""
    if subject.trouble:
        yield f"Could not be checked: {plain(subject.trouble)}"
    for finding in (
        *subject.having(Status.FAIL),
        *subject.having(Status.UNKNOWN),
        *subject.having(Status.WAIVED),
    ):
        yield from _finding(finding)


def _finding(finding: Finding) -> Iterator[str]:
    word = finding.severity.word if finding.failing else finding.status.value
    reason = f": {plain(finding.verdict.because)}" if finding.verdict.because else ""
    yield f"- **{word}** {finding.title} (`{finding.check}`){reason}"
    if finding.affects:
        yield f"  - affects {plain(', '.join(finding.affects))}"
    if finding.remediation is not None:
        yield f"  - {plain(finding.remediation.summary)}"
        if finding.remediation.run:
            yield ""
            yield from _code(finding.remediation.run)


def _code(text: str) -> Iterator[str]:
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    yield f"    {fence}diff"
    yield from (f"    {visible(line)}" for line in text.split("\n"))
    yield f"    {fence}"
