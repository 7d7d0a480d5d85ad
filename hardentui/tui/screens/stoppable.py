"""A page about work that takes a while: esc stops the work first, and leaving the screen stops it too."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from hardentui.tui.screens.base import HardenScreen


class StoppableScreen(HardenScreen):
    """A screen with a heading (`#crumb`) and a scrolling page (`#reading`, `#text`).

    Attributes:
        stop: stops the running work; None when there is none.
    """

    CSS_PATH = "reading.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.stop: threading.Event | None = None

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with VerticalScroll(id="reading"):
            yield Static(id="text")

    def on_mount(self) -> None:
        self.query_one("#reading").focus()
        self.draw()

    def on_unmount(self) -> None:
        if self.stop is not None:
            self.stop.set()

    def on_resize(self) -> None:
        self.draw()

    async def show_state(self, what: str) -> None:
        if what == "opening":
            self.dismiss()

    def action_back(self) -> None:
        if self.stop is not None and not self.stop.is_set():
            self.stop.set()
            self.draw()
        else:
            self.dismiss()

    def copied(self) -> tuple[str, str]:
        return "this page", self.page().plain

    def draw(self) -> None:
        """Update the heading and the page."""
        if self.is_attached:
            self.query_one("#crumb", Static).update(self.heading())
            self.query_one("#text", Static).update(self.page())

    def to_end(self) -> None:
        """Scroll to the newest line."""
        self.query_one("#reading", VerticalScroll).scroll_end(animate=False)

    def under_way(self, what: str) -> tuple[str, str]:
        """The part of the heading about the running work; empty without any."""
        if self.stop is not None and self.stop.is_set():
            return self.signs.of("   stopping…"), "$primary"
        return (self.signs.of(f"   {what}…  esc stops") if what else ""), "$primary"

    def heading(self) -> Content:
        raise NotImplementedError

    def page(self) -> Content:
        raise NotImplementedError
