"""A form: fields, and the page that their values give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from hardentui.errors import HardenError
from hardentui.features.task import Task
from hardentui.tui.action import Action
from hardentui.tui.action_texts import told
from hardentui.tui.actions import BACK, FORM
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.dialogs import SureScreen
from hardentui.tui.screens.job import JobScreen
from hardentui.tui.status import hanging
from hardentui.tui.widgets.text_field import TextField
from hardentui.visible import visible


class Field(NamedTuple):
    """A field: its name, its label, an explanation, a proposed value; `secret`: what is typed is
    masked."""

    name: str
    label: str
    placeholder: str = ""
    value: str = ""
    secret: bool = False


class FormScreen(HardenScreen):
    """Enter goes to the next field, and from the last one carries it out. After a failure the form
    is still there.

    Subclasses provide `heading`, `about`, `fields`, `fault` and `job`.
    """

    OF_CONNECTION: ClassVar = True
    CSS_PATH = "form.tcss"
    ACTIONS: ClassVar[tuple[Action, ...]] = (*FORM, BACK)

    def __init__(self) -> None:
        super().__init__()
        self._fault = ""

    def heading(self) -> str:
        """`Trust › sign`; foreign text in it is made visible here."""
        raise NotImplementedError

    def about(self) -> str:
        """What it does, in a sentence or two."""
        raise NotImplementedError

    def fields(self) -> tuple[Field, ...]:
        raise NotImplementedError

    def fault(self, values: dict[str, str]) -> str:
        """What is missing or wrong, as a sentence, or raises it as a HardenError; empty when it can
        be carried out.
        """
        return ""

    def question(self, values: dict[str, str]) -> str:
        """What to ask before it is carried out; empty = nothing."""
        return ""

    def job(self, values: dict[str, str]) -> tuple[Task, str]:
        """The work, and its first progress message."""
        raise NotImplementedError

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
        crumb = Content.styled(self.signs.of(visible(self.heading(), 100)), "bold")
        self.query_one("#crumb", Static).update(crumb)
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

    def show_fault(self, fault: str) -> None:
        """Say what is wrong, below the fields; empty = nothing."""
        self._fault = fault
        self._draw()

    def _draw(self) -> None:
        width = max(20, self.app.size.width - 4)
        parts = hanging(
            "",
            self.about(),
            width,
            "$muted",
            indent=0,
        )
        if self._fault:
            parts += hanging(
                "",
                self._fault,
                width,
                "bold $status-high",
                indent=0,
            )
        self.query_one("#hint", Static).update(Content.assemble(*parts).rstrip("\n"))

    @on(Input.Submitted)
    def _given(self, message: Input.Submitted) -> None:
        names = [field.name for field in self.fields()]
        at = names.index(str(message.input.id))
        if at + 1 < len(names):
            self.query_one(f"#{names[at + 1]}", Input).focus()
        else:
            self.run_worker(self.app.run_action("save", self), group="form")

    def action_save(self) -> None:
        values = self.values()
        try:
            self.show_fault(self.fault(values))
        except HardenError as error:
            self.show_fault(told(error))
        if self._fault:
            return
        if question := self.question(values):
            self.app.push_screen(
                SureScreen(question, ""), lambda sure: self.submit(values) if sure else None
            )
        else:
            self.submit(values)

    def submit(self, values: dict[str, str]) -> None:
        """The work on a page; when it succeeded, leaving that page also leaves the form."""
        job, doing = self.job(values)
        screen = JobScreen(
            self.heading(),
            job,
            doing,
            once=True,
        )

        def came_back(_: None) -> None:
            if screen.is_done:
                self.dismiss()

        self.app.push_screen(screen, came_back)
