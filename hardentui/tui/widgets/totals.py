"""What the containers of the list add up to."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from hardentui.harden.score import Level
from hardentui.model.finding import Severity
from hardentui.tui.listing import summary
from hardentui.tui.status import FAILING, OTHERS, Signs
from hardentui.tui.text import Part
from hardentui.words import plural
from hardentui.workbench.views import Row, without_originals


def totals(shown: Sequence[Row], all_rows: Sequence[Row], marked: int, signs: Signs) -> Content:
    """`3 of 12 containers · 2 marked · 1 takeover · high 9 · unknown 4`: kept originals do not count."""
    levels, failing, unknown = summary(shown)
    counted, of_all = len(without_originals(shown)), len(without_originals(all_rows))
    of = f"{counted} of " if len(shown) < len(all_rows) else ""
    parts: list[Part] = [(f"{of}{plural(of_all, 'container')}", "bold")]
    if marked:
        parts += [f" {signs.dot} ", (f"{marked} marked", "bold $primary")]
    for level in Level:
        if count := levels.get(level):
            parts += [f" {signs.dot} ", (f"{count} {level}", "bold")]
    for severity in (Severity.CRITICAL, Severity.HIGH):
        if failing.get(severity):
            look = FAILING[severity]
            parts += [f" {signs.dot} ", (f"{look.word} {failing[severity]}", f"${look.style}")]
    if unknown:
        parts += [f" {signs.dot} ", (f"unknown {unknown}", f"${next(iter(OTHERS.values())).style}")]
    return Content.assemble(*parts)
