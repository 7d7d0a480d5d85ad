"""Writing a report on the screen below to a file."""

from __future__ import annotations

from collections.abc import Iterable
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
from hardentui.tui.screen_report import ScreenReport
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.text import hanging
from hardentui.visible import visible
from hardentui.workbench.exports import Exportable, findings_of, journal_of, write_export
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

    def __init__(self, bench: Workbench, shown: ScreenReport) -> None:
        super().__init__()
        self._export: Exportable = shown.ready or (
            journal_of(shown.entries)
            if shown.entries
            else findings_of(bench, shown.about, shown.reports, shown.rows)
        )

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        suffix = next(iter(self._export.formats))
        name = f"{self.session.folder.rstrip('/')}/{safe_file_name(self._export.about)}-report{suffix}"
        yield Input(name, id="file", compact=True)
        yield Static(id="hint")

    def on_mount(self) -> None:
        self.query_one("#file", Input).focus()
        about, holds = visible(self._export.about, 50), self._export.holds
        self.query_one("#crumb", Static).update(
            Content.assemble((about, "bold"), f" {self.signs.of('›')} report: {holds}")
        )
        formats = ", ".join(f"{suffix} {form}" for suffix, form in self._export.formats.items())
        self._hint(f"Enter writes it. The extension selects the format: {formats}.", "$muted")

    def _hint(self, text: str, style: str) -> None:
        parts = hanging("", text, max(20, self.app.size.width - 4), style, indent=0)
        self.query_one("#hint", Static).update(Content.assemble(*parts).rstrip("\n"))

    @on(Input.Submitted, "#file")
    def action_save(self) -> None:
        export, path = self._export, self.query_one("#file", Input).value.strip()

        def work() -> None:
            try:
                outcome: WrittenFile | HardenError = write_export(export, path)
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
