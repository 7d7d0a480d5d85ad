"""The ten steps: a column if there is room, else a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from hardentui.harden.score import Cell
from hardentui.model.check import Step
from hardentui.tui.status import look_of_cell, signs_of
from hardentui.tui.text import fit

_STRIP_ITEM = 6


class StepRail(Static):
    DEFAULT_CSS = """
    StepRail { width: 33; padding: 0 1; color: $foreground; }
    StepRail.-strip { width: 100%; height: 1; padding: 0 1; }
    """

    @dataclass
    class StepClicked(Message):
        """A step was clicked; `at` counts from 0."""

        at: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._steps: Sequence[Step] = ()
        self._cells: Sequence[Cell] = ()
        self._at = 0

    def show(self, steps: Sequence[Step], cells: Sequence[Cell], at: int) -> None:
        self._steps, self._cells, self._at = steps, cells, at
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        narrow = self.app.size.width < 100
        self.set_class(narrow, "-strip")
        self.update(self._strip() if narrow else self._column())

    def _column(self) -> Content:
        signs = signs_of(self)
        lines: list[Content] = []
        for at, (step, cell) in enumerate(zip(self._steps, self._cells, strict=False)):
            look = look_of_cell(cell)
            here = at == self._at
            count = cell.failing or cell.unknown
            lines.append(
                Content.assemble(
                    (f"{signs.cursor if here else ' '} {step.number % 10} ", "bold" if here else "$muted"),
                    (fit(step.title, 20, signs.ellipsis), "bold $primary" if here else ""),
                    (f" {signs.mark(look)} ", f"bold ${look.style}"),
                    (f"{count}" if count else "", f"${look.style}"),
                )
            )
        return Content("\n").join(lines)

    def _strip(self) -> Content:
        signs = signs_of(self)
        parts: list[tuple[str, str]] = []
        for at, (step, cell) in enumerate(zip(self._steps, self._cells, strict=False)):
            look = look_of_cell(cell)
            here = "reverse bold " if at == self._at else ""
            parts.append((f" {step.number % 10} ", f"{here}$foreground"))
            parts.append((f"{signs.mark(look)} ", f"{here}${look.style}"))
            parts.append((" ", ""))
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        at = (event.x - 1) // _STRIP_ITEM if self.has_class("-strip") else event.y
        if 0 <= at < len(self._steps):
            self.post_message(self.StepClicked(at))
