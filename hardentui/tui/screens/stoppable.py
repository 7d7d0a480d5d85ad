"""Screens with work that takes a while: leaving the screen stops it."""

from __future__ import annotations

import threading
from typing import ClassVar

from textual.containers import VerticalScroll

from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.reading import ReadingScreen


class StoppableScreen(HardenScreen):
    """A screen with work on a thread.

    Attributes:
        stop: stops the running work; None when there is none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stop: threading.Event | None = None

    def begin(self) -> threading.Event:
        """What stops the work that begins now."""
        self.stop = threading.Event()
        return self.stop

    def on_unmount(self) -> None:
        if self.stop is not None:
            self.stop.set()


class StoppablePage(StoppableScreen, ReadingScreen):
    """A page about such work; esc stops the work first."""

    OF_CONNECTION: ClassVar = True

    def action_back(self) -> None:
        if self.stop is not None and not self.stop.is_set():
            self.stop.set()
            self.draw()
        else:
            self.dismiss()

    def to_end(self) -> None:
        """Scroll to the newest line."""
        self.query_one("#reading", VerticalScroll).scroll_end(animate=False)

    def under_way(self, what: str) -> tuple[str, str]:
        """The part of the heading about the running work; empty without any."""
        if self.stop is not None and self.stop.is_set():
            return self.signs.of("   stopping…"), "$primary"
        return (self.signs.of(f"   {what}…  esc stops") if what else ""), "$primary"
