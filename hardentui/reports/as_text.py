"""The report for a human at a terminal: the worst subject first, one block each, a summary at the end.

Written line by line and not with a table of rich: a scan of a hundred containers makes thousands of lines,
and the whole command is to cost no more than the scan.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from hardentui.model.finding import Finding, Severity, Status
from hardentui.reports.result import CheckResult, Look, SubjectResult
from hardentui.visible import visible

_COLORS = {
    Severity.CRITICAL: "1;31",
    Severity.HIGH: "31",
    Severity.MEDIUM: "33",
    Severity.LOW: "36",
}
_HINT = "More: hardentui explain ID. What to do: hardentui plan NAME, hardentui fix NAME."
_INDENT = " " * 11


def render(result: CheckResult, look: Look) -> str:
    lines = list(_Writer(result, look).lines())
    return "\n".join(lines) + "\n"


class _Writer:
    def __init__(self, result: CheckResult, look: Look) -> None:
        self._result = result
        self._look = look
        self._width = max(40, look.width)

    def lines(self) -> Iterator[str]:
        if self._result.simulated:
            yield self._paint("SIMULATED HOST: nothing of what follows is real.", "1;33")
            yield ""
        for one in self._result.subjects:
            yield from self._subject(one)
            yield ""
        yield from self._summary()

    def _paint(self, text: str, color: str) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if self._look.color else text

    def _subject(self, one: SubjectResult) -> Iterator[str]:
        score = "no score" if one.score.value is None else f"score {one.score.value}/100"
        coverage = "" if one.score.coverage == 100 else f", {one.score.coverage}% looked at"
        name = self._paint(visible(one.subject.name, 60), "1")
        detail = f"  {visible(one.detail, 120)}" if one.detail else ""
        yield f"{name}{detail}  {score}{coverage}"
        if one.trouble:
            yield f"  ?  could not be looked at: {visible(one.trouble)}"
            return
        if one.attack:
            yield from self._wrapped(one.attack, "  ")
        for finding in one.having(Status.FAIL):
            yield from self._finding(finding, finding.severity.word, _COLORS[finding.severity])
        yield from self._unknown(one.having(Status.UNKNOWN))
        yield f"  {self._rest(one)}"

    def _finding(self, finding: Finding, word: str, color: str) -> Iterator[str]:
        mark = self._paint(f"{word:<8}", color)
        yield f"  {mark} {finding.title}  [{finding.check}]"
        verdict = finding.verdict
        yield from self._wrapped(verdict.reason, _INDENT)
        seen = [
            f"{label}: {visible(value, 200)}"
            for label, value in (("declared", verdict.declared), ("effective", verdict.effective))
            if value
        ]
        if seen:
            yield from self._wrapped("; ".join(seen), _INDENT)

    def _unknown(self, findings: tuple[Finding, ...]) -> Iterator[str]:
        """Those with one reason together: mostly one missing look leaves many questions open."""
        by_reason: dict[str, list[Finding]] = {}
        for finding in findings:
            by_reason.setdefault(finding.verdict.reason, []).append(finding)
        for reason, found in by_reason.items():
            if len(found) == 1:
                yield from self._finding(found[0], "unknown", "35")
                continue
            yield f"  {self._paint('unknown ', '35')} {len(found)} checks, for the same reason"
            yield from self._wrapped(reason, _INDENT)
            yield from self._wrapped(", ".join(finding.check for finding in found), _INDENT)

    def _wrapped(self, text: str, indent: str) -> Iterator[str]:
        text = visible(text, 2000)
        if not text:
            return
        if len(text) + len(indent) <= self._width:
            yield f"{indent}{text}"
            return
        yield from textwrap.wrap(
            text,
            self._width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
            break_long_words=False,
        )

    def _rest(self, one: SubjectResult) -> str:
        words = (
            (Status.PASS, "passed"),
            (Status.NOT_APPLICABLE, "not applicable"),
            (Status.WAIVED, "waived"),
        )
        counted = [f"{count} {word}" for status, word in words if (count := len(one.having(status)))]
        return ", ".join(counted) or "nothing was checked"

    def _summary(self) -> Iterator[str]:
        result = self._result
        failing = [
            f"{count} {severity.word}"
            for severity in reversed(Severity)
            if (count := result.count(Status.FAIL, severity))
        ]
        unknown = result.count(Status.UNKNOWN)
        subjects = len(result.subjects)
        yield (
            f"{subjects} {'subject' if subjects == 1 else 'subjects'} checked. "
            f"Failing: {', '.join(failing) or 'nothing'}. Unknown: {unknown or 'nothing'}."
        )
        if failing:
            yield from self._wrapped(_HINT, "")
