"""Writing a report on the screen below to a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from hardentui.errors import HardenError
from hardentui.model.written import WrittenFile
from hardentui.tui.actions import BACK, EXPORT, bindings
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.text import hanging
from hardentui.visible import visible
from hardentui.words import plural
from hardentui.workbench.results import BY_SUFFIX, write_report
from hardentui.workbench.views import Report
from hardentui.writers.file_name import safe_file_name

if TYPE_CHECKING:
    from hardentui.workbench.workbench import Workbench


@dataclass
class ReportWritten(Message):
    outcome: WrittenFile | HardenError


class ExportScreen(HardenScreen):
    """The extension of the file name selects the format."""

    CSS_PATH = "export.tcss"
    ACTIONS = (*EXPORT, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Report"

    def __init__(self, bench: Workbench, about: str, reports: Sequence[tuple[Report, str]]) -> None:
        """Args:
        about: the subject of the report, in a word or two; foreign text.
        reports: each with the kind of its subject.
        """
        super().__init__()
        self._bench = bench
        self._about = about
        self._reports = reports

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        name = f"{self.session.folder.rstrip('/')}/{safe_file_name(self._about)}-report.md"
        yield Input(name, id="file", compact=True)
        yield Static(id="hint")

    def on_mount(self) -> None:
        self.query_one("#file", Input).focus()
        subjects = plural(len(self._reports), "subject")
        self.query_one("#crumb", Static).update(
            Content.assemble((visible(self._about, 50), "bold"), f" {self.signs.of('›')} report: {subjects}")
        )
        formats = ", ".join(f"{suffix} {form}" for suffix, form in BY_SUFFIX.items())
        self._hint(f"Enter writes it. The extension selects the format: {formats}.", "$muted")

    def _hint(self, text: str, style: str) -> None:
        parts = hanging("", text, max(20, self.app.size.width - 4), style, indent=0)
        self.query_one("#hint", Static).update(Content.assemble(*parts).rstrip("\n"))

    @on(Input.Submitted, "#file")
    def action_save(self) -> None:
        bench, reports, path = self._bench, self._reports, self.query_one("#file", Input).value.strip()

        def work() -> None:
            try:
                outcome: WrittenFile | HardenError = write_report(bench, reports, path)
            except HardenError as error:
                outcome = error
            self.post_message(ReportWritten(outcome))

        self.run_worker(work, group="export", thread=True)

    def on_report_written(self, message: ReportWritten) -> None:
        outcome = message.outcome
        if isinstance(outcome, HardenError):
            self._hint(f"Not written: {outcome.title} {outcome.hint}", "bold $status-high")
            return
        kept = f" The previous file is kept as {outcome.backup}." if outcome.backup else ""
        self._hint(f"{outcome.path}: {outcome.state.value}.{kept}", "bold $status-pass")
