"""The gate for untrusted text, in the form that Textual and rich need.

A plain `str` in a widget is parsed as markup: a stray bracket crashes the app, and a link in it becomes an
action that fires. `Content` and `Text` are taken literally, but neither stops escape sequences: that is what
`visible` is for. Every string that is not our own goes through one of these functions.
"""

from __future__ import annotations

import textwrap

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.content import Content

from hardentui.visible import visible, visible_lines


def plain(text: str, limit: int | None = None) -> Content:
    """One line for a widget, taken literally."""
    return Content(visible(text, limit))


def paragraphs(text: str) -> Content:
    """Text whose line breaks are intended, for a widget."""
    return Content(visible_lines(text))


def cell(text: str, limit: int | None = None) -> Text:
    """One line for a DataTable or a Tree, which render a Content wrongly."""
    return Text(visible(text, limit), no_wrap=True, end="")


def fit(text: str, width: int, ellipsis: str = "…") -> str:
    """Safe text that fills exactly `width` terminal cells; truncation is marked."""
    if width <= 0:
        return ""
    text = visible(text, 4 * width)
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - len(ellipsis)) + ellipsis


Part = str | Content | tuple[str, str]
"""An argument of Content.assemble: text, content, or text with a style."""


def hanging(
    label: str, text: str, width: int, style: str = "", *, indent: int, label_style: str = "$muted"
) -> list[Part]:
    """Untrusted text after a label, wrapped to `width` cells and indented below its first word."""
    room = max(12, width - indent)
    lines: list[str] = []
    for line in text.split("\n"):
        lines += textwrap.wrap(visible(line), room, break_long_words=True, break_on_hyphens=False) or [""]
    parts: list[Part] = []
    for at, line in enumerate(lines):
        parts += [(f"{label if at == 0 else '':<{indent}}", label_style), (line, style), "\n"]
    return parts


def both_ends(left: Content, right: Content, width: int, ellipsis: str = "…") -> Content:
    """One line of `width` cells; if both do not fit, the left one is truncated."""
    room = max(0, width - right.cell_length - 2)
    if left.cell_length > room:
        left = Content.assemble(left.truncate(max(0, room - cell_len(ellipsis))), ellipsis)
    return Content.assemble(left, " " * (width - left.cell_length - right.cell_length), right)
