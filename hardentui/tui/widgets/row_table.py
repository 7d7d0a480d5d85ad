"""A table of rows; enter is the screen's, so that footer, palette and help know it."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding
from textual.widgets import DataTable


class RowTable(DataTable[object], inherit_bindings=False):
    BINDINGS: ClassVar = [
        Binding("up", "cursor_up", "Up", show=False),
        Binding(
            "down",
            "cursor_down",
            "Down",
            show=False,
        ),
        Binding(
            "left",
            "cursor_left",
            "Left",
            show=False,
        ),
        Binding(
            "right",
            "cursor_right",
            "Right",
            show=False,
        ),
        Binding(
            "pageup",
            "page_up",
            "Page up",
            show=False,
        ),
        Binding(
            "pagedown",
            "page_down",
            "Page down",
            show=False,
        ),
        Binding(
            "home,ctrl+home",
            "scroll_top",
            "First",
            show=False,
        ),
        Binding(
            "end,ctrl+end",
            "scroll_bottom",
            "Last",
            show=False,
        ),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row")
