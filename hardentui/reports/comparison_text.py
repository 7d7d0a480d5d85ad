"""A comparison of two reports as text and as JSON."""

from __future__ import annotations

import json
from typing import Any

from msgspec import to_builtins

from hardentui.model.finding import Severity
from hardentui.reports.comparing import Comparison, Difference, DifferenceKind
from hardentui.reports.result import TextStyle
from hardentui.reports.writer import COLORS, UNKNOWN_COLOR, Writer
from hardentui.visible import strict_json
from hardentui.words import plural

SCHEMA = "hardentui/compare/1"
TITLES = {
    DifferenceKind.NEW: "New failures",
    DifferenceKind.WORSE: "Worse than before",
    DifferenceKind.LOST: "No longer known",
    DifferenceKind.FIXED: "Fixed",
    DifferenceKind.BETTER: "Better than before",
    DifferenceKind.WAIVED: "Waived since",
}


def as_text(comparison: Comparison, style: TextStyle) -> str:
    """For people: worse findings first."""
    writer = Writer(style)
    lines = writer.wrapped(f"{comparison.hosts[0]} -> {comparison.hosts[1]}", "", "")
    for note in comparison.notes:
        lines += writer.wrapped(f"Mind: {note}.", "")
    for way, title in TITLES.items():
        if differences := comparison.of(way):
            lines += ["", writer.bold(f"{title}: {len(differences)}")]
            lines += [line for difference in differences for line in _lines(difference, writer)]
    lines += _subjects(comparison, writer)
    lines += ["", *writer.wrapped(summary(comparison), "")]
    return "\n".join(lines) + "\n"


def _lines(difference: Difference, writer: Writer) -> list[str]:
    color = (
        UNKNOWN_COLOR
        if difference.way is DifferenceKind.LOST
        else COLORS[Severity.parse(difference.severity)]
    )
    lines = writer.marked(
        difference.severity, color, f"{difference.subject}: {difference.title} ({difference.check})"
    )
    lines += writer.below(f"{difference.before} -> {difference.after}")
    return lines + (writer.below(difference.why) if difference.way is not DifferenceKind.FIXED else [])


def _subjects(comparison: Comparison, writer: Writer) -> list[str]:
    lines: list[str] = []
    for title, names in (
        ("Could not be checked", comparison.hidden),
        ("Appeared", comparison.appeared),
        ("Disappeared", comparison.disappeared),
    ):
        if names:
            lines += ["", writer.bold(f"{title}: {len(names)}")]
            lines += [line for name in names for line in writer.wrapped(name)]
    if comparison.scores:
        lines += ["", writer.bold("Scores")]
        for score in comparison.scores:
            before, after = ("-" if value is None else str(value) for value in (score.before, score.after))
            lines += writer.wrapped(f"{before:>3} -> {after:<3} {score.kind} {score.subject}")
    return lines


def summary(comparison: Comparison) -> str:
    """How many findings changed in which way, in one sentence."""
    counts = [f"{len(comparison.of(way))} {way.value}" for way in DifferenceKind if comparison.of(way)]
    counts.append(f"{plural(comparison.same, 'failure')} as before")
    return f"{', '.join(counts)}."


def as_json(comparison: Comparison, exit_code: int) -> str:
    """`hardentui/compare/1`, raw values in pure ASCII."""
    document: dict[str, Any] = {"schema": SCHEMA, **to_builtins(comparison)}
    document["summary"] = {way.value: len(comparison.of(way)) for way in DifferenceKind}
    document["exit_code"] = exit_code
    return strict_json(json.dumps(document, indent=1)) + "\n"
