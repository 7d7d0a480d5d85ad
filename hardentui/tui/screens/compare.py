"""What became better and worse since an earlier report, or between two of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, OptionList, Static

from hardentui.errors import HardenError
from hardentui.features.compare.compare import (
    ComparableFile,
    comparable_files,
    kinds_to_compare,
    read_saved,
    report_now,
)
from hardentui.features.compare.page import comparison_page
from hardentui.features.exports import comparison_of
from hardentui.features.named_file import why_not_here
from hardentui.features.reports.comparing import Comparison, compare
from hardentui.features.views import CheckProgress, Row
from hardentui.tui.actions import BACK, COMPARE, COPY, bindings
from hardentui.tui.screen_report import ScreenReport
from hardentui.tui.screens.job import StoppablePage
from hardentui.tui.text import hanging
from hardentui.tui.ways import hint_of
from hardentui.tui.widgets.page import ChoiceList, TextField, page
from hardentui.visible import visible, visible_lines

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


@dataclass
class FilesListed(Message):
    """Reports and facts in the directory of this session."""

    files: tuple[ComparableFile, ...]


@dataclass
class CompareProgress(Message):
    """How far the reading of saved facts is."""

    text: str


@dataclass
class Compared(Message):
    """The outcome; None where it was stopped."""

    outcome: Comparison | HardenError | None


class CompareScreen(StoppablePage):
    CSS_PATH = "compare.tcss"
    ACTIONS = (*COMPARE, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Compare"

    def __init__(self) -> None:
        super().__init__()
        self._files: tuple[ComparableFile, ...] = ()
        self._comparison: Comparison | None = None
        self._trouble: HardenError | None = None
        self._now = ""

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with Horizontal(classes="field"):
            yield Label("Earlier", classes="label")
            yield TextField(id="old", placeholder="JSON report or saved facts", compact=True)
        with Horizontal(classes="field"):
            yield Label("Later", classes="label")
            yield TextField(id="new", placeholder="the same; empty: this host as it is now", compact=True)
        yield ChoiceList(id="files")
        with VerticalScroll(id="reading"):
            yield Static(id="text")

    def on_mount(self) -> None:
        self.query_one("#files").display = False
        self.query_one("#old").focus()
        if not why_not_here():
            self._list(os.path.expanduser(self.session.directory))
        self.draw()

    @work(thread=True, group="compare-files")
    def _list(self, directory: str) -> None:
        self.post_message(FilesListed(comparable_files(directory)))

    @on(FilesListed)
    def _listed(self, message: FilesListed) -> None:
        self._files = message.files
        choices = self.query_one("#files", OptionList)
        choices.add_options(self._prompt(file) for file in message.files)
        choices.display = bool(message.files)
        if message.files and not self.query_one("#old", Input).value:
            choices.highlighted = 0
            choices.focus()
        self.draw()

    def _prompt(self, file: ComparableFile) -> Content:
        name = visible(os.path.basename(file.path), 60)
        return Content.assemble((name, "bold"), (f"  {file.what}, {file.written:%Y-%m-%d %H:%M}", "$muted"))

    # --- comparing ---------------------------------------------------------------------------------------

    def why_not(self, action: str) -> str:
        if action == "run" and (why := why_not_here()):
            return why
        if action == "run" and self.stop is not None:
            return "It is still running. esc stops it."
        if action == "run" and not self.query_one("#new", Input).value.strip():
            if self.session.bench is None:
                return "Still connecting to Podman."
            if self.session.progress is not None or self.session.judging:
                return "This host is still being checked."
        return ""

    def action_fields(self) -> None:
        self.query_one("#old").focus()

    @on(OptionList.OptionSelected, "#files")
    def _chosen(self, message: OptionList.OptionSelected) -> None:
        self.query_one("#old", Input).value = self._files[message.option_index].path
        self._start()

    @on(Input.Submitted)
    def _given(self, message: Input.Submitted) -> None:
        if message.input.id == "old":
            self.query_one("#new").focus()
        else:
            self._start()

    def action_run(self) -> None:
        at = self.query_one("#files", OptionList).highlighted
        if self.query_one("#files").has_focus and at is not None:
            self.query_one("#old", Input).value = self._files[at].path
        self._start()

    def _start(self) -> None:
        old, new = (self.query_one(f"#{name}", Input).value.strip() for name in ("old", "new"))
        if why := self.why_not("run"):
            self.complain(why)
        elif not old:
            self.complain("Name the earlier file.")
            self.query_one("#old").focus()
        else:
            self._comparison, self._trouble, self._now = None, None, "reading"
            self.query_one("#reading").focus()
            bench = self.session.bench
            self._compare(old, new, bench, tuple(self.session.rows.values()), self.begin())
            self.draw()

    @work(thread=True, group="compare")
    def _compare(
        self, old: str, new: str, bench: Workbench | None, rows: Iterable[Row], stop: threading.Event
    ) -> None:
        checklist = bench.checklist if bench is not None else ""

        def moved(progress: CheckProgress) -> None:
            self.post_message(CompareProgress(f"checking saved facts, {progress.done} of {progress.total}"))

        try:
            before = read_saved(os.path.expanduser(old), checklist, moved, stop)
            if new or bench is None:
                after = read_saved(os.path.expanduser(new), checklist, moved, stop)
            else:
                after = report_now(bench, rows, kinds_to_compare(before))
            self.post_message(Compared(compare(before, after)))
        except HardenError as error:
            self.post_message(Compared(None if stop.is_set() else error))
        except KeyboardInterrupt:
            self.post_message(Compared(None))

    @on(CompareProgress)
    def _progressed(self, message: CompareProgress) -> None:
        self._now = message.text
        self.draw()

    @on(Compared)
    def _compared(self, message: Compared) -> None:
        self.stop, self._now = None, ""
        if isinstance(message.outcome, HardenError):
            self._trouble = message.outcome
        else:
            self._comparison = message.outcome
        self.query_one("#files").display = self._comparison is None and bool(self._files)
        self.draw()

    def action_back(self) -> None:
        if self._comparison is not None and self.stop is None:
            self._comparison = None
            self.query_one("#files").display = bool(self._files)
            self.query_one("#files" if self._files else "#old").focus()
            self.draw()
        else:
            super().action_back()

    # --- drawing -----------------------------------------------------------------------------------------

    def screen_report(self) -> ScreenReport:
        comparison = self._comparison
        return ScreenReport("comparison", ready=comparison_of(comparison) if comparison else None)

    def heading(self) -> Content:
        return Content.assemble(
            ("Compare", "bold"), "   better and worse since an earlier report", self.under_way(self._now)
        )

    def page(self) -> Content:
        width = min(100, self.app.size.width - 6)
        if self._trouble is not None:
            title = Content.styled(visible(self._trouble.title, 300), "bold $error")
            return Content("\n").join([title, Content(visible_lines(hint_of(self._trouble)))])
        if self._comparison is not None:
            return page(self, comparison_page(self._comparison), (), width)
        if self.stop is not None:
            return Content(self.signs.of("Reading…"))
        if why := why_not_here():
            return Content(why)
        directory = self.session.directory
        if self._files:
            text = f"Enter compares this host with a file of {directory}. i names any others."
        else:
            text = (
                f"There is no report in {directory} yet. E writes one (choose .json), F4 there saves the "
                "facts; check --format json writes one too. Later, this page shows what changed."
            )
        return Content.assemble(*hanging("", text, width, "$muted", indent=0))
