"""One question, answered with a line of text."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from hardentui.tui.actions import ASK, bindings
from hardentui.tui.widgets.text_field import TextField
from hardentui.visible import visible


class AskScreen(ModalScreen[str]):
    """Returns the text; empty if none was entered or the question was cancelled."""

    CSS = """
    AskScreen { align: center middle; background: $background 60%; }
    AskScreen > Vertical { width: 76; max-width: 95%; height: auto; padding: 1 2; border: solid $border;
        background: $surface; }
    AskScreen Static { height: auto; }
    AskScreen Input { height: 1; border: none; padding: 0; background: $panel; margin: 1 0; }
    """
    BINDINGS: ClassVar = bindings(ASK)

    def __init__(self, question: str, placeholder: str = "", *, value: str = "") -> None:
        """Args:
        value: a proposed answer.
        """
        super().__init__()
        self._value = value
        self._question = question
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(visible(self._question, 300), markup=False)
            yield TextField(self._value, placeholder=visible(self._placeholder, 200), id="answer")
            yield Static("enter continues   esc cancels", markup=False)

    def on_mount(self) -> None:
        self.query_one("#answer").focus()

    @on(Input.Submitted)
    def _answered(self, message: Input.Submitted) -> None:
        self.dismiss(message.value.strip())

    def action_leave(self) -> None:
        self.dismiss("")
