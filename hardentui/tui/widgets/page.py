"""Sections of labelled lines, with findings below them, as one text to read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from hardentui.do import said
from hardentui.features.sections import PageSection, Tone
from hardentui.model.finding import Finding
from hardentui.tui.action_texts import in_keys, reason_of
from hardentui.tui.status import Part, hanging, look_of, signs_of, worst_first
from hardentui.visible import visible, visible_lines

Pane = TypeVar("Pane", bound=Widget)
_HEAD = "bold $primary"
_LABEL = 13
_STYLES = {
    Tone.PLAIN: "",
    Tone.GOOD: "$status-pass",
    Tone.BAD: "$status-high",
    Tone.MUTED: "$muted",
}


def titled(widget: Pane, title: str) -> Pane:
    """With a title in its upper border, which shows the beginning of foreign text as it is."""
    widget.border_title = Content(visible(title, 60)) if title else None
    return widget


def page(
    widget: Widget,
    sections: Iterable[PageSection],
    findings: Iterable[Finding],
    width: int,
) -> Content:
    """Everything on one page, wrapped to `width` cells. Bad lines also begin with a mark."""
    signs = signs_of(widget)
    parts: list[Part] = []
    for section in sections:
        parts.append((f"{visible(section.title, 60)}\n", _HEAD))
        for line in section.lines:
            mark = "! " if line.tone is Tone.BAD else "  "
            label = f"{mark}{visible(line.label)}"
            then = f"; {in_keys(line.do)}" if line.do is not None else ""
            text = said(line.text, in_keys) + then
            parts += hanging(
                label,
                text,
                width,
                _STYLES[line.tone],
                indent=_LABEL + 2,
            )
        parts.append("\n")
    ordered = worst_first(findings)
    if ordered:
        parts.append(("Findings\n", _HEAD))
    for finding in ordered:
        look = look_of(finding)
        label = f"{signs.mark(look)} {look.word}"
        style = f"{'bold ' if finding.failing else ''}${look.style}"
        title = finding.title if finding.failing else finding.check
        reason = f": {reason_of(finding.verdict)}" if finding.verdict.reason else ""
        parts += hanging(
            label,
            f"{title}{reason}",
            width,
            indent=_LABEL + 2,
            label_style=style,
        )
    return Content.assemble(*parts).rstrip("\n")


def diff_content(text: str) -> Content:
    """Colours for the lines of a diff; the signs + and - stay in front of them."""
    lines: list[Content] = []
    for line in visible_lines(text).rstrip("\n").split("\n"):
        if line.startswith(("+++", "---")):
            style = "bold"
        elif line.startswith("@@"):
            style = "$muted"
        else:
            style = {"+": "$diff-added", "-": "$diff-removed"}.get(line[:1], "")
        lines.append(Content.assemble((line, style)))
    return Content("\n").join(lines)


class DiffView(VerticalScroll, can_focus=True):
    """A diff that scrolls; `jump` goes from change to change."""

    DEFAULT_CSS = """
    DiffView { height: 1fr; }
    DiffView > Static { width: auto; min-width: 100%; padding: 0 1; text-wrap: nowrap; }
    DiffView { overflow-x: auto; scrollbar-size-horizontal: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = ""

    def compose(self) -> ComposeResult:
        yield Static()

    def show(self, text: str | Content) -> None:
        """Show a diff, or a text with one."""
        self._text = text if isinstance(text, str) else text.plain
        self.query_one(Static).update(diff_content(text) if isinstance(text, str) else text)

    def jump(self, by: int) -> bool:
        """Go to the next (1) or previous (-1) block of changed lines; False when there is none."""
        here = self.scroll_offset.y
        starts = self._blocks()
        wanted = [y for y in starts if (y > here if by > 0 else y < here)]
        if not wanted:
            return False
        self.scroll_to(
            y=min(wanted) if by > 0 else max(wanted),
            animate=False,
            force=True,
        )
        return True

    def reveal(self, line: str = "") -> None:
        """Go to that line, or else to the first change, unless everything is visible."""
        lines = self._text.split("\n")
        blocks = [lines.index(line)] if line in lines else self._blocks()
        if blocks:
            self.scroll_to(
                y=blocks[0],
                animate=False,
                force=True,
            )

    def _blocks(self) -> list[int]:
        lines = self._text.split("\n")
        changed = [line[:1] in ("+", "-") and not line.startswith(("+++", "---")) for line in lines]
        return [
            at
            for at, is_changed in enumerate(changed)
            if is_changed and not (at and changed[at - 1])
        ]
