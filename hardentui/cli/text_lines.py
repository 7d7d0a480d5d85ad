"""Containers and findings as plain lines."""

from __future__ import annotations

from hardentui.harden.score import score_word
from hardentui.model.finding import Finding
from hardentui.visible import visible
from hardentui.workbench.views import Row


def worst_first(row: Row) -> tuple[bool, int, str]:
    """Sorts containers."""
    value = row.report.score.value if row.report else None
    return (value is None, value or 0, row.name)


def finding_line(finding: Finding) -> str:
    """`Runs as root: the main process is root inside the container.`"""
    reason = visible(finding.verdict.reason, 300)
    return f"{finding.title}: {reason}." if reason else f"{finding.title}."


def row_line(row: Row, *, named: bool = True) -> str:
    """`web, score 41, 3 high, 1 unknown, running`; without the name if it was just printed."""
    name = f"{visible(row.name, 60)}, " if named else ""
    if row.report is None or row.report.trouble:
        why = visible(row.report.trouble, 200) if row.report else "not checked"
        return f"{name}{visible(row.state, 20)}, {why}"
    score = row.report.score
    failing = [f"{count} {severity.word}" for severity, count in score.failing if count]
    unknown = f", {score.unknown} unknown" if score.unknown else ""
    fails = ", ".join(failing) or "nothing fails"
    return f"{name}score {score_word(score.value)}, {fails}{unknown}, {visible(row.state, 20)}"
