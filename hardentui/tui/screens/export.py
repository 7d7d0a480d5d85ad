"""Writing a report on the screen below to a file."""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from hardentui.errors import HardenError
from hardentui.features.compare.compare import record, write_facts
from hardentui.features.exports import Exportable, findings_of, journal_of, write_export
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.views import CheckProgress
from hardentui.model.draft import WrittenFile
from hardentui.regular_files import why_not_here
from hardentui.tui.actions import BACK, EXPORT, bindings
from hardentui.tui.screen_report import ScreenReport
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.job import AskScreen, JobResult, JobScreen
from hardentui.tui.text import hanging
from hardentui.tui.ways import told
from hardentui.tui.widgets.page import TextField
from hardentui.visible import visible
from hardentui.words import plural
from hardentui.writers.context import safe_file_name

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


@dataclass
class ReportWritten(Message):
    outcome: WrittenFile | HardenError


def _exportable(bench: Workbench, shown: ScreenReport) -> Exportable:
    if shown.ready is not None:
        return shown.ready
    if shown.entries:
        return journal_of(shown.entries)
    return findings_of(bench, shown.about, shown.reports, shown.rows)


def facts_job(bench: Workbench, path: str, stop: threading.Event, tell: Callable[[str], None]) -> JobResult:
    """Read everything again, and write it to a file.

    Raises:
        EngineError, WriteError: nothing was written.
        KeyboardInterrupt: `stop` was set.
    """

    def moved(progress: CheckProgress) -> None:
        tell(f"reading containers, {progress.done} of {progress.total}")

    host = record(bench.opened, moved, stop)
    written = write_facts(host, path, create=True)
    lines = (
        PageLine("written", f"{written.path}: {written.state.value}", Tone.GOOD),
        PageLine("holds", f"{plural(host.containers, 'container')}, {host.kilobytes} kB"),
        PageLine("later", "F3 compares this host with it", Tone.MUTED),
        PageLine("elsewhere", f"hardentui check --facts {shlex.quote(visible(written.path))}", Tone.MUTED),
    )
    return JobResult((PageSection("Facts of this host", lines),))


class ExportScreen(HardenScreen):
    """The extension of the file name selects the format."""

    CSS_PATH = "export.tcss"
    ACTIONS = (*EXPORT, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Report"

    def __init__(self, bench: Workbench, shown: ScreenReport) -> None:
        super().__init__()
        self._bench = bench
        self._export: Exportable = _exportable(bench, shown)

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        suffix = next(iter(self._export.formats))
        name = f"{self.session.directory.rstrip('/')}/{safe_file_name(self._export.about)}-report{suffix}"
        yield TextField(name, id="file", compact=True)
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

    def why_not(self, action: str) -> str:
        if action == "facts" and (self._bench.opened.simulated or self._bench.opened.saved_at):
            return "This host is simulated or saved: it has no facts of its own to save."
        return why_not_here() if action == "facts" else ""

    def action_facts(self) -> None:
        question = "File for the facts: all that checks read, with secrets masked; readable by you only"
        name = f"{safe_file_name(self._bench.opened.host_name)}-facts.json"
        proposed = f"{self.session.directory.rstrip('/')}/{name}"
        self.app.push_screen(AskScreen(question, value=proposed), self._save_facts)

    def _save_facts(self, path: str | None) -> None:
        if path:
            job = partial(facts_job, self._bench, os.path.expanduser(path))
            self.app.push_screen(JobScreen("Report › facts of this host", job, "reading the host"))

    def on_report_written(self, message: ReportWritten) -> None:
        outcome = message.outcome
        if isinstance(outcome, HardenError):
            self._hint(f"Not written: {told(outcome)}", "bold $status-high")
            return
        kept = f" The previous file is kept as {outcome.backup}." if outcome.backup else ""
        self._hint(f"{outcome.path}: {outcome.state.value}.{kept}", "bold $status-pass")
