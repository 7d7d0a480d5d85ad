"""A page to read: a heading, and text that scrolls."""

from __future__ import annotations

from collections.abc import Iterable

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.widgets.page import titled


class ReadingScreen(HardenScreen):
    """Subclasses provide `heading` (in `#crumb`) and `page` (in `#text`, which scrolls in
    `#reading`)."""

    CSS_PATH = "reading.tcss"

    @property
    def panel(self) -> str:
        """The title of its frame, which large terminals have."""
        return ""

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with titled(VerticalScroll(id="reading"), self.panel):
            yield Static(id="text")

    def on_mount(self) -> None:
        self.query_one("#reading").focus()
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def copied(self) -> tuple[str, str]:
        return "this page", self.page().plain

    def draw(self) -> None:
        """Update the heading and the page."""
        if self.is_attached:
            self.query_one("#crumb", Static).update(self.heading())
            self.query_one("#text", Static).update(self.page())

    def heading(self) -> Content:
        raise NotImplementedError

    def page(self) -> Content:
        raise NotImplementedError
