"""Reports: what a screen shows as a file, and copies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from msgspec import Struct

from hardentui.errors import HardenError
from hardentui.features.exports import Exportable, findings_of, journal_of, write_export
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.task import Task, TaskResult, Tell
from hardentui.features.views import Report, Row
from hardentui.model.draft import Target
from hardentui.model.file_names import safe_file_name
from hardentui.model.plan import Choice, Plan
from hardentui.tui.action_texts import hint_of
from hardentui.tui.messages import in_background
from hardentui.tui.screens.base import Lead
from hardentui.tui.screens.dialogs import PickScreen
from hardentui.tui.screens.form import Field, FormScreen
from hardentui.tui.widgets.title_bar import ScreenReport
from hardentui.visible import visible, visible_lines
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench


class ExportScreen(FormScreen):
    """The extension of the file name selects the format."""

    OF_CONNECTION: ClassVar = False

    def __init__(
        self,
        bench: Workbench,
        shown: ScreenReport,
    ) -> None:
        super().__init__()
        self._export = _exportable(bench, shown)

    def heading(self) -> str:
        return f"{self._export.about} › report: {self._export.holds}"

    def about(self) -> str:
        formats = ", ".join(f"{suffix} {form}" for suffix, form in self._export.formats.items())
        return f"Enter writes it. The extension selects the format: {formats}."

    def fields(self) -> tuple[Field, ...]:
        suffix = next(iter(self._export.formats))
        name = f"{self.session.directory.rstrip('/')}/{safe_file_name(self._export.about)}-report{suffix}"
        return (Field("file", "File", value=name),)

    def job(self, values: dict[str, str]) -> tuple[Task, str]:
        return partial(_write_report, self._export, values["file"]), "writing"


def _write_report(
    export: Exportable,
    path: str,
    stop: threading.Event,
    tell: Tell,
) -> TaskResult:
    written = write_export(export, path)
    lines = [
        PageLine(
            "written",
            f"{written.path}: {written.state.value}.",
            Tone.GOOD,
        )
    ]
    if written.backup:
        lines.append(
            PageLine(
                "before",
                f"kept as {written.backup}.",
                Tone.MUTED,
            )
        )
    return TaskResult((PageSection("Report", tuple(lines)),))


def _exportable(bench: Workbench, shown: ScreenReport) -> Exportable:
    if shown.ready is not None:
        return shown.ready
    if shown.entries:
        return journal_of(shown.entries)
    return findings_of(
        bench,
        shown.about,
        shown.reports,
        shown.rows,
    )


_MOST_NOTES = 2
_MASKED = (
    "Its secrets are masked, so it does not work as copied; w in the walk writes files with "
    "the secrets."
)
_CHANGED = (
    "It contains control characters, shown here as symbols; w in the walk writes them unchanged."
)


class Text(Struct, frozen=True):
    """A text to copy, and remarks about it."""

    text: str
    notes: tuple[str, ...] = ()


class Copyable(Struct, frozen=True):
    """One choice: its description, and the function for its text, which may raise HardenError."""

    what: str
    make: Callable[[], Text]


def copyables(
    bench: Workbench,
    row: Row,
    choices: Sequence[Choice],
) -> tuple[Copyable, ...]:
    """Everything that can be copied of a container.

    Args:
        choices: the fixes chosen for it.
    """
    copies: list[Copyable] = []
    report = row.report
    if report is not None and report.facts is not None:
        copies += _of_report(bench, report, ())
        if choices:
            copies += _of_report(bench, report, choices)
    for what, text in (
        ("name", row.name),
        ("ID", row.id),
        ("image", row.image),
    ):
        if text:
            copies.append(Copyable(what, lambda text=text: Text(visible(text))))  # type: ignore[misc]
    return tuple(copies)


def _of_report(
    bench: Workbench,
    report: Report,
    choices: Sequence[Choice],
) -> list[Copyable]:
    def plan() -> Plan | None:
        return bench.planner.plan(report, choices) if choices else None

    def command() -> Text:
        made = bench.drafter.shell_commands(report, plan())
        return _text(made.text, made.notes, masked=made.masked)

    def quadlet() -> Text:
        draft = bench.drafter.draft(report, plan(), Target.QUADLET)
        several = len(draft.files) > 1
        texts = [
            f"# {visible(file.name)}\n{file.masked}" if several else file.masked
            for file in draft.files
        ]
        masked = any(file.masked != file.text for file in draft.files)
        return _text("\n".join(texts), draft.warnings, masked=masked)

    suffix = f" with {plural(len(choices), 'chosen fix', 'chosen fixes')}" if choices else ""
    return [
        Copyable(f"podman run command{suffix}", command),
        Copyable(f"Quadlet{suffix}", quadlet),
    ]


def _text(
    text: str,
    notes: Sequence[str],
    *,
    masked: bool,
) -> Text:
    shown = visible_lines(text)
    known = [
        *([_MASKED] if masked else []),
        *([_CHANGED] if shown != text else []),
        *notes,
    ]
    left = len(known) - _MOST_NOTES
    more = (
        [f"{plural(left, 'more note')}: w in the walk writes them into the file."]
        if left > 0
        else []
    )
    return Text(shown, (*known[:_MOST_NOTES], *more))


class CopyScreen(PickScreen):
    """Its text is made on a thread; leaving the question copies nothing."""

    def __init__(
        self,
        bench: Workbench,
        row: Row,
        choices: Sequence[Choice],
    ) -> None:
        self._copies = copyables(bench, row, choices)
        super().__init__(
            f"Copy of {row.name}",
            [copy.what for copy in self._copies],
        )

    def take(self, at: int) -> None:
        made = partial(self._made, self._copies[at].what)
        in_background(
            self,
            self._copies[at].make,
            made,
            made,
            group="copy",
        )

    def _made(
        self,
        what: str,
        made: Text | HardenError,
    ) -> None:
        if not self.is_current:
            return  # it was left meanwhile
        app, lead = self.app, cast("Lead", self.app)
        self.dismiss(None)
        if isinstance(made, Text):
            lead.copy(f"the {what}", made.text, made.notes)
        else:
            app.clear_notifications()
            app.notify(
                hint_of(made),
                title=made.title,
                severity="warning",
            )
