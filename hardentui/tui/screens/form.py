"""A few fields to fill in, before work that takes a while."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from hardentui.tui.actions import BACK, FORM, bindings
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.job import Job, JobScreen
from hardentui.tui.screens.sure import SureScreen
from hardentui.tui.text import hanging
from hardentui.tui.widgets.text_field import TextField


class Field(NamedTuple):
    """A field: its name, its label, an explanation, a proposed value; `secret`: what is typed is masked."""

    name: str
    label: str
    placeholder: str = ""
    value: str = ""
    secret: bool = False


class FormScreen(HardenScreen):
    """Enter goes to the next field, and from the last one carries it out. After a failure the form is still
    there.

    Subclasses provide `heading`, `about`, `fields`, `fault` and `job`.
    """

    OF_CONNECTION: ClassVar = True
    CSS_PATH = "form.tcss"
    ACTIONS = (*FORM, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)

    def __init__(self) -> None:
        super().__init__()
        self._fault = ""

    # --- for subclasses ---------------------------------------------------------------------------------

    def heading(self) -> str:
        """`Trust › sign`."""
        raise NotImplementedError

    def about(self) -> str:
        """What it does, in a sentence or two."""
        raise NotImplementedError

    def fields(self) -> tuple[Field, ...]:
        raise NotImplementedError

    def fault(self, values: dict[str, str]) -> str:
        """What is missing or wrong, as a sentence; empty when it can be carried out."""
        raise NotImplementedError

    def question(self, values: dict[str, str]) -> str:
        """What to ask before it is carried out; empty = nothing."""
        return ""

    def job(self, values: dict[str, str]) -> tuple[Job, str]:
        """The work, and its first progress message."""
        raise NotImplementedError

    # --- the form ---------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        for field in self.fields():
            with Horizontal(classes="field"):
                yield Label(field.label, classes="label")
                yield TextField(
                    field.value,
                    id=field.name,
                    placeholder=field.placeholder,
                    password=field.secret,
                    compact=True,
                )
        yield Static(id="hint")

    def on_mount(self) -> None:
        empty = [name for name, value in self.values().items() if not value]
        self.query_one(f"#{empty[0]}" if empty else "Input", Input).focus()
        self.query_one("#crumb", Static).update(Content.styled(self.signs.of(self.heading()), "bold"))
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def values(self) -> dict[str, str]:
        """What was typed, by field; only what is not secret is stripped of blanks."""
        secret = {field.name for field in self.fields() if field.secret}
        return {
            str(field.id): field.value if field.id in secret else field.value.strip()
            for field in self.query(Input)
        }

    def _draw(self) -> None:
        width = max(20, self.app.size.width - 4)
        parts = hanging("", self.about(), width, "$muted", indent=0)
        if self._fault:
            parts += hanging("", self._fault, width, "bold $status-high", indent=0)
        self.query_one("#hint", Static).update(Content.assemble(*parts).rstrip("\n"))

    @on(Input.Submitted)
    def _given(self, message: Input.Submitted) -> None:
        names = [field.name for field in self.fields()]
        at = names.index(str(message.input.id))
        if at + 1 < len(names):
            self.query_one(f"#{names[at + 1]}", Input).focus()
        else:
            self.action_save()

    def action_save(self) -> None:
        values = self.values()
        self._fault = self.fault(values)
        self._draw()
        if self._fault:
            return
        if question := self.question(values):
            self.app.push_screen(SureScreen(question, ""), lambda sure: self._sure(sure, values))
        else:
            self._sure(True, values)

    def _sure(self, sure: bool | None, values: dict[str, str]) -> None:
        if sure:
            job, doing = self.job(values)
            screen = JobScreen(self.heading(), job, doing, once=True)

            def came_back(_: None) -> None:
                if screen.is_done:
                    self.dismiss()

            self.app.push_screen(screen, came_back)
