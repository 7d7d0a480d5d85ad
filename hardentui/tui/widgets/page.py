"""Sections of labelled lines, with findings below them, as one text to read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable, Input, OptionList

from hardentui.features.sections import PageSection, Tone
from hardentui.model.finding import Finding
from hardentui.tui.status import look_of, signs_of, worst_first
from hardentui.tui.text import Part, hanging
from hardentui.tui.ways import in_keys
from hardentui.visible import visible, visible_in_place

# A line to type in that draws any value safely.


class TextField(Input):
    """Textual draws the value of an Input as it is, and we propose values: names, owners, limits."""

    @property
    def _value(self) -> Text:
        """The text that Textual draws; it asks for no other."""
        if self.password:
            return super()._value
        return Text(visible_in_place(self.value), no_wrap=True, overflow="ignore", end="")


# A list to choose from; enter is the screen's, so that the footer shows it.


class ChoiceList(OptionList, inherit_bindings=False):
    BINDINGS: ClassVar = [
        Binding("up,k", "cursor_up", "Up", show=False),
        Binding("down,j", "cursor_down", "Down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("home", "first", "First", show=False),
        Binding("end", "last", "Last", show=False),
    ]


# A table of rows; enter is the screen's, so that footer, palette and help know it.


class RowTable(DataTable[object], inherit_bindings=False):
    BINDINGS: ClassVar = [
        Binding("up", "cursor_up", "Up", show=False),
        Binding("down", "cursor_down", "Down", show=False),
        Binding("left", "cursor_left", "Left", show=False),
        Binding("right", "cursor_right", "Right", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("home,ctrl+home", "scroll_top", "First", show=False),
        Binding("end,ctrl+end", "scroll_bottom", "Last", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row")


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
