"""What can be copied from a container: its run command and its Quadlet, unchanged or with fixes, its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from msgspec import Struct
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from hardentui.errors import HardenError
from hardentui.features.views import Report, Row
from hardentui.model.draft import Target
from hardentui.model.plan import Choice, Plan
from hardentui.tui.actions import COPY_AS, bindings
from hardentui.tui.ways import hint_of
from hardentui.visible import visible, visible_lines
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench
    from hardentui.tui.screens.base import Lead

_MOST_NOTES = 2
_MASKED = (
    "Its secrets are masked, so it does not work as copied; w in the walk writes files with the secrets."
)
_CHANGED = "It contains control characters, shown here as symbols; w in the walk writes them unchanged."


class Text(Struct, frozen=True):
    """A text to copy, and remarks about it."""

    text: str
    notes: tuple[str, ...] = ()


class Copyable(Struct, frozen=True):
    """One choice: its description, and the function for its text, which may raise HardenError."""

    what: str
    make: Callable[[], Text]


@dataclass
class Made(Message):
    """The text is ready, or failed with an error."""

    what: str
    text: Text | None
    error: HardenError | None = None


def copyables(bench: Workbench, row: Row, choices: Sequence[Choice]) -> tuple[Copyable, ...]:
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
    for what, text in (("name", row.name), ("ID", row.id), ("image", row.image)):
        if text:
            copies.append(Copyable(what, lambda text=text: Text(visible(text))))  # type: ignore[misc]
    return tuple(copies)


def _of_report(bench: Workbench, report: Report, choices: Sequence[Choice]) -> list[Copyable]:
    def plan() -> Plan | None:
        return bench.planner.plan(report, choices) if choices else None

    def command() -> Text:
        made = bench.drafter.shell_commands(report, plan())
        return _text(made.text, made.notes, masked=made.masked)

    def quadlet() -> Text:
        draft = bench.drafter.draft(report, plan(), Target.QUADLET)
        several = len(draft.files) > 1
        texts = [f"# {visible(file.name)}\n{file.masked}" if several else file.masked for file in draft.files]
        masked = any(file.masked != file.text for file in draft.files)
        return _text("\n".join(texts), draft.warnings, masked=masked)

    suffix = f" with {plural(len(choices), 'chosen fix', 'chosen fixes')}" if choices else ""
    return [Copyable(f"podman run command{suffix}", command), Copyable(f"Quadlet{suffix}", quadlet)]


def _text(text: str, notes: Sequence[str], *, masked: bool) -> Text:
    shown = visible_lines(text)
    known = [*([_MASKED] if masked else []), *([_CHANGED] if shown != text else []), *notes]
    left = len(known) - _MOST_NOTES
    more = [f"{plural(left, 'more note')}: w in the walk writes them into the file."] if left > 0 else []
    return Text(shown, (*known[:_MOST_NOTES], *more))


class CopyScreen(ModalScreen[None]):
    """Enter, or the number, copies the line."""

    CSS = """
    CopyScreen { align: center middle; background: $background 60%; }
    CopyScreen > Vertical { width: 60; max-width: 95%; height: auto; max-height: 90%; padding: 1 2;
        border: solid $border; background: $surface; }
    CopyScreen Static { height: auto; }
    CopyScreen OptionList { height: auto; border: none; padding: 0; background: $surface; margin: 1 0; }
    """
    BINDINGS: ClassVar = bindings(COPY_AS)

    def __init__(self, bench: Workbench, row: Row, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._container = row.name
        self._copies = copyables(bench, row, choices)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content.assemble("Copy of ", (visible(self._container, 40), "bold")))
            yield OptionList(
                *(Content(f"{number}  {copy.what}") for number, copy in enumerate(self._copies, 1))
            )
            yield Static("enter or the number copies it   esc leaves it", markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, message: OptionList.OptionSelected) -> None:
        self._make(self._copies[message.option_index])

    def action_number(self, number: int) -> None:
        if number <= len(self._copies):
            self._make(self._copies[number - 1])

    @work(thread=True, group="copy", exclusive=True)
    def _make(self, copy: Copyable) -> None:
        try:
            self.post_message(Made(copy.what, copy.make()))
        except HardenError as error:
            self.post_message(Made(copy.what, None, error))

    @on(Made)
    def _made(self, message: Made) -> None:
        if not self.is_current:
            return  # the screen was closed meanwhile: copy nothing
        lead, app = cast("Lead", self.app), self.app
        self.dismiss()
        if message.text is not None:
            lead.copy(f"the {message.what}", message.text.text, message.text.notes)
        elif message.error is not None:
            app.clear_notifications()
            app.notify(hint_of(message.error), title=message.error.title, severity="warning")

    def action_leave(self) -> None:
        self.dismiss()
