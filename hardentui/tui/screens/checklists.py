"""The checklist of this session, and choosing another one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList, Static

from hardentui.errors import ChecklistError, HardenError
from hardentui.features.checklists.fixtures import lint_checklist
from hardentui.features.checklists.loading import load, names
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.model.check import USUAL, Checklist
from hardentui.regular_files import refuse_strangers, why_not_here
from hardentui.tui.actions import BACK, CHECKLIST, COPY, bindings
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.job import AskScreen, JobResult, JobScreen
from hardentui.tui.text import fit, hanging
from hardentui.tui.ways import told
from hardentui.tui.widgets.page import ChoiceList
from hardentui.visible import visible
from hardentui.words import plural


@dataclass
class ChecklistRead(Message):
    """A checklist that was chosen is valid."""

    where: str


@dataclass
class ChecklistRefused(Message):
    where: str
    error: HardenError


class ChecklistScreen(HardenScreen):
    CSS_PATH: ClassVar = ["checklists.tcss"]
    ACTIONS = (*CHECKLIST, COPY, BACK)
    BINDINGS: ClassVar = [*bindings(ACTIONS), Binding("f5", "back", show=False)]
    BINDING_GROUP_TITLE = "Checklist"

    def __init__(self) -> None:
        super().__init__()
        self._choices: tuple[str, ...] = ()
        self._reading = False

    @property
    def _present(self) -> str:
        """The checklist of the session, as it was named."""
        bench = self.session.bench
        return (bench.checklist if bench is not None else "") or USUAL

    def body(self) -> Iterable[Widget]:
        own = (self._present,) if self._present not in names() else ()
        self._choices = (USUAL, *(name for name in names() if name != USUAL), *own)
        yield Static(id="crumb")
        yield ChoiceList(*map(self._prompt, self._choices), id="choices")
        with VerticalScroll(id="reading"):
            yield Static(id="about")

    def _prompt(self, where: str) -> Content:
        try:
            title = load(where).title
        except HardenError as error:
            title = error.title
        mark = self.signs.dot if where == self._present else " "
        width = max(len(visible(os.path.basename(choice), 30)) for choice in self._choices)
        name = fit(os.path.basename(where), width, self.signs.ellipsis)
        return Content.assemble(f"{mark} ", (name, "bold"), (f"  {visible(title, 80)}", "$muted"))

    def on_mount(self) -> None:
        choices = self.query_one("#choices", OptionList)
        choices.focus()
        choices.highlighted = self._choices.index(self._present)
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    async def show_state(self, what: str) -> None:
        self._draw()

    def _draw(self) -> None:
        self.query_one("#crumb", Static).update(
            Content.assemble(("Checklist", "bold"), f"   in use: {visible(self._present, 80)}")
        )
        bench = self.session.bench
        parts = []
        width = min(100, self.app.size.width - 4)
        if bench is not None:
            parts += hanging("", _summary(bench.judge.checklist), width, indent=0)
        how = (
            "Enter judges everything again with the checklist under the cursor; a score is about the checks "
            "of its checklist. f takes a file of your own; `hardentui config checklist new` writes one."
        )
        parts += hanging("", how, width, "$muted", indent=0)
        self.query_one("#about", Static).update(Content.assemble(*parts).rstrip("\n"))

    # --- actions -----------------------------------------------------------------------------------------

    @property
    def _current(self) -> str:
        at = self.query_one("#choices", OptionList).highlighted
        return self._choices[at] if at is not None else ""

    def why_not(self, action: str) -> str:
        if action == "file" and (why := why_not_here()):
            return why
        if action in ("use", "file") and (self.session.bench is None or self._reading):
            return "One moment: the checks are being loaded."
        if action == "use" and self._current == self._present:
            return "This checklist is in use already."
        return ""

    @on(OptionList.OptionSelected, "#choices")
    def _selected(self) -> None:
        self.run_worker(self.app.run_action("use", self), group="checklist-use")

    def action_use(self) -> None:
        self._use(self._current)

    def action_file(self) -> None:
        self.app.push_screen(AskScreen("Use a checklist of your own: a TOML file", "./site.toml"), self._use)

    def _use(self, where: str | None) -> None:
        if where:
            self._reading = True
            self._read(_place(where))

    @work(thread=True, group="checklist")
    def _read(self, where: str) -> None:
        try:
            load(where)
        except HardenError as error:
            self.post_message(ChecklistRefused(where, error))
            return
        self.post_message(ChecklistRead(where))

    @on(ChecklistRead)
    def _usable(self, message: ChecklistRead) -> None:
        self._reading = False
        self.harden.use_checklist("" if message.where == USUAL else message.where)

    @on(ChecklistRefused)
    def _refused(self, message: ChecklistRefused) -> None:
        self._reading = False
        if isinstance(message.error, ChecklistError):
            job = partial(_faults_of, message.where)
            self.app.push_screen(JobScreen("Checklist › its errors", job, "reading"))
        else:
            self.complain(told(message.error), "Not used")

    def copied(self) -> tuple[str, str]:
        return "the checklist's name", visible(self._current)


def _place(where: str) -> str:
    """A name of ours stays one; a file is expanded, and told from a name."""
    return where if where in names() else os.path.abspath(os.path.expanduser(where))


def _summary(checklist: Checklist) -> str:
    count = len({check for step in checklist.steps for check in step.checks})
    own = f", {len(checklist.own)} of its own" if checklist.own else ""
    return f"{checklist.title}: {plural(len(checklist.steps), 'step')}, {plural(count, 'check')}{own}."


def _faults(error: ChecklistError, where: str) -> JobResult:
    lines = tuple(PageLine("fault", f"{error.where or where}:{fault}", Tone.BAD) for fault in error.faults)
    return JobResult((PageSection(error.title, lines),))


def _faults_of(where: str, stop: threading.Event, tell: Callable[[str], None]) -> JobResult:
    """All errors of a checklist, each with its line; raises InputError if it cannot be read."""
    refuse_strangers()
    try:
        summary = lint_checklist(where).summary
    except ChecklistError as error:
        return _faults(error, where)
    return JobResult((PageSection(where, (PageLine("", summary, Tone.GOOD),)),))
