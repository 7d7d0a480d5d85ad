"""The texts of a finding beside the list."""

from __future__ import annotations

import re

from textual.content import Content
from textual.widgets import Static

from hardentui.model.checklist import Step
from hardentui.tui.status import signs_of
from hardentui.visible import visible, visible_lines


def beginning(text: str, room: int) -> str:
    """The longest beginning of a text that is whole in itself and fits: sentences, or clauses, or
    what stands before a comma; empty if there is none."""
    for marks in (r"[.?;:]", ","):
        ends = (mark.end() for mark in re.finditer(rf"{marks}(?=\s|$)", text))
        whole = [text[:end].rstrip(",;:") for end in ends]
        if fitting := [part for part in whole if len(part) <= room]:
            return fitting[-1]
    return ""


_TEXTS = ("Why", "Attack", "Fix", "May break")


class WhyPanel(Static):
    """`[` and `]` turn the pages; when closed, one line remains."""

    DEFAULT_CSS = """
    WhyPanel { height: auto; max-height: 12; padding: 0 1; color: $foreground; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._step: Step | None = None
        self.page: int | None = None

    def show(self, step: Step) -> None:
        self._step = step
        self._draw()

    def turn(self, by: int) -> None:
        """The next page; after the last one the panel closes."""
        pages = (None, *range(len(_TEXTS)))
        self.page = pages[(pages.index(self.page) + by) % len(pages)]
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._step is None:
            return
        signs = signs_of(self)
        if self.page is None:
            hint = "  ] why"
            line = beginning(visible(self._step.what), self.size.width - len(hint) - 2)
            self.update(Content.assemble(signs.of(line), (hint, "$muted")))
            return
        heads: list[str | tuple[str, str]] = []
        for at, title in enumerate(_TEXTS):
            heads += [
                (
                    title,
                    "bold underline $primary" if at == self.page else "$muted",
                ),
                "   ",
            ]
        self.update(
            Content.assemble(
                *heads,
                "\n",
                visible_lines(self._text(self._step, self.page)),
            )
        )

    @staticmethod
    def _text(step: Step, page: int) -> str:
        texts = (
            f"{step.what}\n{step.why}".strip(),
            step.attack,
            step.fix,
            step.breaks,
        )
        return texts[page] or "The checklist has no text on this."
