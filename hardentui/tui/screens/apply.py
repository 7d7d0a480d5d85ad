"""Applying a plan to the real container: its steps, the diff, the progress, and the rollback."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from textual import on, work
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from hardentui.errors import HardenError
from hardentui.features.apply.apply_wishes import ApplyWishes
from hardentui.features.apply.applying import Application, PreparedChange
from hardentui.features.apply.history import History, trouble_back, what_changed
from hardentui.features.apply.simulated_apply import play_apply, prepare_played
from hardentui.features.change.journal import seconds_left
from hardentui.harden.score import score_word
from hardentui.model.change_events import ChangeEvent, GoingBack, OperationBegun, OperationDone
from hardentui.model.draft import Target
from hardentui.model.journal import EntryState, JournalEntry
from hardentui.model.operations import described
from hardentui.model.plan import Plan
from hardentui.tui.actions import APPLY, BACK, COPY, bindings, hint_of
from hardentui.tui.choosing import Choosing
from hardentui.tui.screens.job import StoppableScreen
from hardentui.tui.widgets.page import TextField, diff_content
from hardentui.visible import visible, visible_lines

CONFIRM_SECONDS = "120"


class Data(StrEnum):
    """What happens to the data in the container's writable layer, which its successor would not have."""

    REFUSE = "apply is refused if data would be lost"
    KEEP = "copied into volumes"
    DISCARD = "discarded"


@dataclass
class Prepared(Message):
    """The steps are known."""

    change: PreparedChange


@dataclass
class Happened(Message):
    """A step of the change began, ended or was undone."""

    event: ChangeEvent


@dataclass
class ApplyDone(Message):
    """The change is complete."""

    entry: JournalEntry


@dataclass
class Refused(Message):
    """The change is impossible, or failed and was rolled back."""

    error: HardenError
    wishes: ApplyWishes | None = None  # of the preparation


class ApplyScreen(StoppableScreen):
    """Leaving it while the change is made restores the original."""

    CSS_PATH = "apply.tcss"
    ACTIONS = (*APPLY, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    DOES: ClassVar = "changes the container"
    BINDING_GROUP_TITLE = "Apply"

    def __init__(
        self, choosing: Choosing, plan: Plan, given: ApplyWishes | None = None, *, at_once: bool = False
    ) -> None:
        """Args:
        given: of the trial that the plan comes from.
        at_once: it was decided: carry the steps out as soon as they are known.
        """
        super().__init__()
        self._given = given or ApplyWishes()
        self._at_once = at_once
        self._choosing = choosing
        self._plan = plan
        self._container = choosing.report.subject.name  # while it is applied, the original has another name
        self._score_before, self._score_after = choosing.report.score.value, ""
        self._prepared: PreparedChange | None = None
        self._application: Application | None = None
        self._lines: list[Content] = []
        self._now = "preparing"
        self._entry: JournalEntry | None = None
        self._data = Data.KEEP if self._given.keep_data else Data.REFUSE
        self._trouble: HardenError | None = None

    @property
    def _simulated(self) -> bool:
        return self._choosing.bench.opened.simulated

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with Horizontal(classes="field"):
            yield Label("Probe", classes="label")
            probe = next(iter(self._given.probes), "")
            yield TextField(
                probe, id="probe", placeholder="a command that proves it works; should be read-only"
            )
        with Horizontal(classes="field"):
            yield Label("Confirm", classes="label")
            yield TextField(CONFIRM_SECONDS, id="confirm", type="integer", max_length=6)
            yield Label("seconds to confirm before it rolls back (0: no limit)", classes="about")
        with Horizontal(classes="field"):
            yield Label("Data", classes="label")
            yield Label(id="data", classes="about")
        with VerticalScroll(id="reading"):
            yield Static(id="steps")
            yield Static(id="result")
            yield Static(id="difference")

    def on_mount(self) -> None:
        self.query_one("#reading").focus()
        self.set_interval(1, self._tick)
        self._prepare(self._wishes())
        self._draw()

    def _wishes(self) -> ApplyWishes:
        probe = self.query_one("#probe", Input).value.strip()
        seconds = self.query_one("#confirm", Input).value.strip()
        return ApplyWishes(
            probes=(*((probe,) if probe else ()), *self._given.probes[1:]),
            patience=self._given.patience,
            tried=self._given.tried,
            confirm_within=float(seconds) if seconds.isdecimal() else 0.0,
            keep_data=self._data is Data.KEEP,
            discard_data=self._data is Data.DISCARD,
            keep_with=f"the space key ({Data.KEEP})",
            discard_with=f"the space key ({Data.DISCARD})",
        )

    # --- actions ------------------------------------------------------------------------------------------

    @on(Input.Submitted)
    def _field_done(self) -> None:
        self.query_one("#reading").focus()
        if not self._begun:
            self._prepare_again()

    @property
    def _begun(self) -> bool:
        """Whether the prepared change is running or done: later preparations are ignored."""
        return self.stop is not None or self._entry is not None

    def why_not(self, action: str) -> str:
        entry, running = self._entry, self.stop is not None
        if action in ("run", "data") and self._begun:
            return "Already running." if running else "Already done."
        if action == "run" and self._prepared is None:
            return "The reason is shown below." if self._trouble else "Still preparing."
        if action == "keep" and (entry is None or entry.state is not EntryState.WAITING):
            return "Nothing is waiting for confirmation here."
        if action == "undo" and running:
            return "Already running."
        if action == "undo" and (entry is None or self._simulated or not entry.can_be_undone):
            return "There is nothing to undo here."
        return ""

    def action_data(self) -> None:
        """Switch to the next treatment of data in its writable layer."""
        ways = tuple(Data)
        self._data = ways[(ways.index(self._data) + 1) % len(ways)]
        self._prepare_again()

    def _prepare_again(self) -> None:
        self._prepared, self._trouble, self._now = None, None, "preparing"
        self._prepare(self._wishes())
        self._draw()

    def action_fields(self) -> None:
        self.query_one("#probe").focus()

    def action_run(self) -> None:
        """Carry out exactly the steps shown."""
        prepared = self._prepared
        if prepared is None:
            return
        if prepared.wishes != self._wishes():
            self._prepare_again()
            self.complain("The steps have changed: review them, then try again.")
        else:
            self.query_one("#reading").focus()
            self.query_one("#reading").scroll_home(animate=False)
            self._change(prepared, self.begin())
            self._draw()

    def action_keep(self) -> None:
        if self._entry is None:
            return
        try:
            self._entry = History().confirm(self._entry.id)
        except HardenError as error:
            self.complain(hint_of(error), error.title)
        self._draw()

    def action_undo(self) -> None:
        if self._entry is not None:
            self.begin()
            self._take_back(self._entry)
            self._draw()

    def action_back(self) -> None:
        if isinstance(self.focused, Input):
            self.query_one("#reading").focus()
        elif self.stop is not None:
            self.stop.set()
            self._now = "stopping and rolling back"
            self._draw()
        else:
            self.dismiss()

    # --- background work
    # --------------------------------------------------------------------------------------

    @work(thread=True, group="apply")
    def _prepare(self, wishes: ApplyWishes) -> None:
        choosing = self._choosing
        try:
            self.post_message(Prepared(self._prepared_now(choosing, wishes)))
        except HardenError as error:
            self.post_message(Refused(error, wishes))

    def _prepared_now(self, choosing: Choosing, wishes: ApplyWishes) -> PreparedChange:
        if self._simulated:
            draft = choosing.bench.drafter.draft(choosing.report, self._plan, Target.QUADLET, verify=False)
            return prepare_played(self._plan, draft.diff, wishes)
        self._application = Application(choosing.bench, choosing.report)
        return self._application.prepare(self._plan, wishes)

    @work(thread=True, group="apply")
    def _change(self, prepared: PreparedChange, stop: threading.Event) -> None:
        def tell(event: ChangeEvent) -> None:
            self.post_message(Happened(event))

        try:
            if self._application is None:
                entry = play_apply(prepared, tell, stop)
            else:
                entry = self._application.run(prepared, tell, stop)
            self.post_message(ApplyDone(entry))
        except HardenError as error:
            self.post_message(Refused(error))

    @work(thread=True, group="apply")
    def _take_back(self, entry: JournalEntry) -> None:
        def tell(event: ChangeEvent) -> None:
            self.post_message(Happened(event))

        try:
            self.post_message(ApplyDone(History().undo(entry, tell)))
        except HardenError as error:
            self.post_message(Refused(error))

    # --- messages -------------------------------------------------------------------------------------------

    @on(Prepared)
    def _is_prepared(self, message: Prepared) -> None:
        if self._begun or message.change.wishes != self._wishes():
            return  # the options have changed since
        self._prepared, self._trouble, self._now = message.change, None, ""
        self._draw()
        if self._at_once:
            self._at_once = False
            self.action_run()

    @on(Happened)
    def _happened(self, message: Happened) -> None:
        match message.event:
            case OperationBegun(operation, number, total):
                self._now = f"{number}/{total} {described(operation)}"
            case OperationDone(operation, number, total, seconds, remark):
                suffix = f": {remark}" if remark else ""
                text = f"{number}/{total} {described(operation)} ({seconds:.1f} s){suffix}"
                self._lines.append(
                    Content.assemble((f"  {self.signs.of('✓')} ", "$success"), visible(text, 300))
                )
            case GoingBack(why):
                self._lines.append(Content.styled(f"  rolling back: {visible(why, 300)}", "bold $warning"))
            case event if trouble := trouble_back(event):
                self._lines.append(Content.styled(f"  {visible(trouble, 300)}", "bold $error"))
        self._draw()

    @on(ApplyDone)
    def _done(self, message: ApplyDone) -> None:
        self._entry, self.stop, self._now = message.entry, None, ""
        self.session.recheck(self._choosing.key)
        self._draw()
        self.call_after_refresh(self.query_one("#result").scroll_visible, animate=False, top=True)

    @on(Refused)
    def _refused(self, message: Refused) -> None:
        if message.wishes is not None and (self._begun or message.wishes != self._wishes()):
            return
        self._trouble, self.stop, self._now, self._prepared = message.error, None, "", None
        self._draw()

    def _tick(self) -> None:
        if self._entry is not None and self._entry.state is EntryState.WAITING:
            self._draw()

    # --- drawing --------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if not self.is_attached:
            return
        name = visible(self._container, 50)
        now = self.signs.of(f"   {visible(self._now, 70)}…") if self._now else self._waits()
        simulated = "   simulated" if self._simulated else ""
        title = (name, "bold")
        parts = (title, f" {self.signs.of('›')} apply", (simulated, "$warning"), (now, "$primary"))
        self.query_one("#crumb", Static).update(Content.assemble(*parts))
        self.query_one("#data", Label).update(Content(f"{self._data.value}; space changes it"))
        self.query_one("#steps", Static).update(self._steps())
        self.query_one("#result", Static).update(self._result())
        prepared = self._prepared
        shown = (
            diff_content(prepared.entry.diff) if prepared is not None and prepared.entry.diff else Content("")
        )
        self.query_one("#difference", Static).update(shown)

    def _waits(self) -> str:
        """For the heading, which is visible at any scroll position."""
        if self._entry is None or self._entry.state is not EntryState.WAITING:
            return ""
        return f"   K keeps it, {self._seconds_left(self._entry)} s left"

    @staticmethod
    def _seconds_left(entry: JournalEntry) -> int:
        return max(0, round(seconds_left(entry)))

    def _steps(self) -> Content:
        if self._lines:
            return Content("\n").join(self._lines)
        prepared = self._prepared
        if prepared is None:
            return Content("")
        lines = [Content.styled("What will be done", "bold")]
        lines += [
            Content(f"  {number}. {visible(described(operation), 200)}")
            for number, operation in enumerate(prepared.entry.operations, 1)
        ]
        lines += [Content.styled(f"  {visible(note, 300)}", "$warning") for note in prepared.notes]
        lines += [Content(f"{prepared.downtime} Any failure restores the original."), Content("")]
        lines.append(
            Content.styled("ctrl+s applies; i sets a probe and a time limit to confirm.", "$primary")
        )
        return Content("\n").join(lines)

    def _result(self) -> Content:
        if self._trouble is not None:
            return Content.assemble(
                "\n",
                (visible(self._trouble.title), "bold $error"),
                "\n",
                visible_lines(hint_of(self._trouble)),
                "\n",
            )
        entry = self._entry
        if entry is None:
            return Content("")
        down = "" if entry.downtime_seconds is None else f" It was down for {entry.downtime_seconds:.1f} s."
        kept = f" The original is kept as {visible(entry.original, 80)}." if entry.original else ""
        if entry.state is EntryState.WAITING:
            left = self._seconds_left(entry)
            text, color = f"It works. K keeps it; it rolls back in {left} s.{down}", "bold $warning"
        elif entry.state is EntryState.DONE:
            text, color = f"Done.{down}{kept} u undoes it.", "bold $success"
        else:
            text, color = (
                f"Rolled back: everything is as before. {visible(entry.reason, 200)}",
                "bold $warning",
            )
        proof = [
            Content(
                f"  {visible(proof.status, 20)}: {visible(proof.check, 60)} {visible(proof.effective, 160)}"
            )
            for proof in entry.proof
        ]
        changed = [Content.styled(visible(line, 600), "bold") for line in self._changed(entry)]
        return Content("\n").join([Content(""), Content.styled(text, color), *changed, *proof, Content("")])

    def _changed(self, entry: JournalEntry) -> Iterator[str]:
        """What is different, in points and in words."""
        words = what_changed(entry)
        if not words:
            return
        report, planner = self._choosing.report, self._choosing.bench.planner
        if not self._score_after:
            self._score_after = score_word(planner.score_after(report, self._plan).value)
        yield self.signs.of(f"score {score_word(self._score_before)} → {self._score_after}")
        yield f"{self._container} {'; '.join(words)}"

    def copied(self) -> tuple[str, str]:
        return ("this page", f"{self._steps().plain}\n{self._result().plain}")
