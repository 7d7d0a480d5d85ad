"""Accepting a finding until a date: why, who, until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from hardentui.errors import HardenError
from hardentui.model.finding import Finding
from hardentui.model.waiver import Waiver
from hardentui.tui.actions import ACCEPT, BACK, bindings
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.text import hanging
from hardentui.tui.ways import told
from hardentui.tui.widgets.text_field import TextField
from hardentui.visible import visible
from hardentui.workbench.waiving import Acceptance, Waiving

_FIELDS = (
    ("reason", "Reason", "why it may stay as it is"),
    ("owner", "Owner", "who answers for it"),
    ("until", "Until", "the last day, such as 2026-12-31"),
    ("control", "Instead", "what protects instead; may be empty"),
)


@dataclass
class Accepted(Message):
    outcome: Waiver | HardenError


class AcceptScreen(HardenScreen):
    """Enter goes to the next field, and from the last one writes."""

    CSS_PATH = "accept.tcss"
    ACTIONS = (*ACCEPT, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Accept"

    def __init__(self, waiving: Waiving, finding: Finding) -> None:
        super().__init__()
        self._waiving = waiving
        self._finding = finding
        self._writing = False
        self._trouble: HardenError | None = None

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        proposed = self._waiving.proposed()
        for name, label, placeholder in _FIELDS:
            with Horizontal(classes="field"):
                yield Label(label, classes="label")
                yield TextField(getattr(proposed, name), id=name, placeholder=placeholder, compact=True)
        yield Static(id="hint")

    def on_mount(self) -> None:
        self.query_one("#reason", Input).focus()
        subject, check = self._finding.subject, self._finding.check
        self.query_one("#crumb", Static).update(
            Content.assemble(
                (visible(subject.name, 40), "bold"), f" {self.signs.of('›')} accept {visible(check, 60)}"
            )
        )
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = max(20, self.app.size.width - 4)
        finding, trouble = self._finding, self._trouble
        why = f": {finding.verdict.reason}" if finding.verdict.reason else ""
        parts = hanging("", f"{finding.title}{why}.", width, "bold", indent=0)
        what = "Until that day it does not count in the score, and every report shows it as accepted."
        parts += hanging("", f"{what} Goes to {self._waiving.path}.", width, "$muted", indent=0)
        if trouble is not None:
            sentence = f"Not accepted: {told(trouble)}"
            parts += hanging("", sentence, width, "bold $status-high", indent=0)
        self.query_one("#hint", Static).update(Content.assemble(*parts).rstrip("\n"))

    @on(Input.Submitted)
    def _given(self, message: Input.Submitted) -> None:
        names = [name for name, _, _ in _FIELDS]
        at = names.index(str(message.input.id))
        if at + 1 < len(names):
            self.query_one(f"#{names[at + 1]}", Input).focus()
        else:
            self.action_save()

    def why_not(self, action: str) -> str:
        return "One moment: it is being written." if action == "save" and self._writing else ""

    def action_save(self) -> None:
        if self._writing:
            return
        self._writing = True
        values = {name: self.query_one(f"#{name}", Input).value for name, _, _ in _FIELDS}
        waiving, finding = self._waiving, self._finding

        def work() -> None:
            try:
                outcome: Waiver | HardenError = waiving.accept(finding, Acceptance(**values))
            except HardenError as error:
                outcome = error
            self.post_message(Accepted(outcome))

        self.run_worker(work, group="accept", thread=True)

    def on_accepted(self, message: Accepted) -> None:
        self._writing = False
        outcome = message.outcome
        if isinstance(outcome, HardenError):
            self._trouble = outcome
            self._draw()
            return
        self.notify(f"{outcome.check} on {outcome.subject} until {outcome.until}.", title="Accepted")
        self.session.judge_again(self._finding.subject)
        self.leave()
