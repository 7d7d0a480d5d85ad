"""Sections of labelled lines, with findings below them, as one text to read."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.widget import Widget

from hardentui.model.finding import Finding
from hardentui.tui.status import look_of, signs_of, worst_first
from hardentui.tui.text import Part, hanging
from hardentui.tui.ways import in_keys
from hardentui.visible import visible
from hardentui.workbench.pages.sections import PageSection, Tone

_HEAD = "bold $primary"
_LABEL = 13
_STYLES = {Tone.PLAIN: "", Tone.GOOD: "$status-pass", Tone.BAD: "$status-high", Tone.MUTED: "$muted"}


def page(widget: Widget, sections: Iterable[PageSection], findings: Iterable[Finding], width: int) -> Content:
    """Everything on one page, wrapped to `width` cells. Bad lines also begin with a mark."""
    signs = signs_of(widget)
    parts: list[Part] = []
    for section in sections:
        parts.append((f"{visible(section.title, 60)}\n", _HEAD))
        for line in section.lines:
            mark = "! " if line.tone is Tone.BAD else "  "
            label = f"{mark}{visible(line.label)}"
            parts += hanging(label, in_keys(line.text), width, _STYLES[line.tone], indent=_LABEL + 2)
        parts.append("\n")
    ordered = worst_first(findings)
    if ordered:
        parts.append(("Findings\n", _HEAD))
    for finding in ordered:
        look = look_of(finding)
        label = f"{signs.mark(look)} {look.word}"
        style = f"{'bold ' if finding.failing else ''}${look.style}"
        title = finding.title if finding.failing else finding.check
        reason = f": {finding.verdict.reason}" if finding.verdict.reason else ""
        parts += hanging(label, in_keys(f"{title}{reason}"), width, indent=_LABEL + 2, label_style=style)
    return Content.assemble(*parts).rstrip("\n")
