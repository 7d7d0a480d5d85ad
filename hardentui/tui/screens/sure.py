"""One question before something irreversible, or before a service restart."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from hardentui.tui.actions import SURE, bindings
from hardentui.visible import visible


class SureScreen(ModalScreen[bool]):
    """Returns whether the answer was yes."""

    CSS = """
    SureScreen { align: center middle; background: $background 60%; }
    SureScreen > Vertical { width: 64; max-width: 90%; height: auto; padding: 1 2; border: solid $border;
        background: $surface; }
    SureScreen Static { height: auto; }
    """
    BINDINGS: ClassVar = bindings(SURE)

    def __init__(self, question: str, detail: str) -> None:
        super().__init__()
        self._question = question
        self._detail = detail

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(visible(self._question, 300), markup=False)
            yield Static(visible(self._detail, 300), markup=False)
            yield Static("\ny yes   esc no", markup=False)

    def action_yes(self) -> None:
        self.dismiss(True)

    def action_no(self) -> None:
        self.dismiss(False)
