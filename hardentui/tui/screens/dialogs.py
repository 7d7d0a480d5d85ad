"""Questions: a sentence to confirm, a line to type, a choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static

from hardentui.tui.action import bindings
from hardentui.tui.actions import ASK, PICK, SURE
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.widgets.text_field import TextField
from hardentui.visible import visible, visible_lines

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A question over the screen. Subclasses yield what answers it in `answers`.

    Args:
        question, detail: foreign text in them is made visible here.
        keys: the last line.
    """

    def __init__(
        self,
        question: str,
        detail: str = "",
        *,
        keys: str,
    ) -> None:
        super().__init__()
        self._question = question
        self._detail = detail
        self._keys = keys

    def answers(self) -> Iterable[Widget]:
        return ()

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(visible(self._question, 300), markup=False)
            if self._detail:
                yield Static(visible_lines(self._detail), markup=False)
            yield from self.answers()
            yield Static(self._keys, markup=False)

    def action_leave(self) -> None:
        self.dismiss(None)


class SureScreen(Dialog[bool]):
    """One question before something irreversible, or before a service restart: whether the answer
    was yes."""

    BINDINGS: ClassVar = bindings(SURE)

    def __init__(self, question: str, detail: str) -> None:
        super().__init__(
            question,
            detail,
            keys="\ny yes   esc no",
        )

    def action_yes(self) -> None:
        self.dismiss(True)


class AskScreen(Dialog[str]):
    """One question, answered with a line of text; None or empty if it was left. `value`: proposed."""

    BINDINGS: ClassVar = bindings(ASK)

    def __init__(
        self,
        question: str,
        placeholder: str = "",
        *,
        value: str = "",
    ) -> None:
        super().__init__(question, keys="enter continues   esc cancels")
        self._value = value
        self._placeholder = placeholder

    def answers(self) -> Iterable[Widget]:
        yield TextField(
            self._value,
            placeholder=visible(self._placeholder, 200),
            id="answer",
        )

    def on_mount(self) -> None:
        self.query_one("#answer").focus()

    @on(Input.Submitted)
    def _answered(self, message: Input.Submitted) -> None:
        self.dismiss(message.value.strip())


def ask(
    screen: HardenScreen,
    question: str,
    placeholder: str,
    then: Callable[[str], object],
) -> None:
    """Ask for a line of text; `then` gets it, unless the question was left."""

    def answered(answer: str | None) -> None:
        if answer:
            then(answer)

    screen.app.push_screen(AskScreen(question, placeholder), answered)


class PickScreen(Dialog[int]):
    """One of several: its index; None if it was left."""

    BINDINGS: ClassVar = bindings(PICK)

    def __init__(
        self,
        question: str,
        choices: Sequence[str],
    ) -> None:
        super().__init__(
            question,
            keys="enter or the number takes it   esc cancels",
        )
        self._choices = choices

    def answers(self) -> Iterable[Widget]:
        yield OptionList(
            *(
                Content(f"{number}  {visible(choice, 200)}")
                for number, choice in enumerate(self._choices, 1)
            )
        )

    def on_mount(self) -> None:
        choices = self.query_one(OptionList)
        choices.focus()
        choices.highlighted = 0 if self._choices else None

    @on(OptionList.OptionSelected)
    def _chosen(self, message: OptionList.OptionSelected) -> None:
        self.take(message.option_index)

    def action_number(self, number: int) -> None:
        if number <= len(self._choices):
            self.take(number - 1)

    def take(self, at: int) -> None:
        self.dismiss(at)
