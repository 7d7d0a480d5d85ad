"""Many containers at once: which fixes, what each container gets, and all files in one directory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Static

from hardentui.errors import HardenError
from hardentui.features.apply.batch import Batch, BatchForm, BatchItem, combine, prepare, write
from hardentui.features.views import Report
from hardentui.harden.score import score_word
from hardentui.model.draft import NO_STEPS, NextSteps, Target, WrittenFile
from hardentui.model.plan import Caution, Choice
from hardentui.tui.actions import BACK, BROWSE, COPY, FIX_MANY, bindings
from hardentui.tui.screens.browse import BrowseRow, BrowseScreen, Column
from hardentui.tui.text import Part
from hardentui.tui.ways import hint_of
from hardentui.tui.widgets.finding_list import Tick
from hardentui.tui.widgets.page import RowTable, TextField
from hardentui.tui.widgets.plan_panel import item_parts, written_parts
from hardentui.visible import visible, visible_lines
from hardentui.words import plural

_BAD = "bold $status-high"
_FIXES = {
    None: "own choices",
    Caution.SAFE: "safe fixes",
    Caution.LIKELY: "likely fixes",
    Caution.ALL: "all fixes",
}
_TICKS = {"units": Target.QUADLET, "run": Target.RUN}


@dataclass
class ItemReady(Message):
    """The plan of one container; `round` says which selection it belongs to."""

    round: int
    key: str
    item: BatchItem


@dataclass
class ItemGone(Message):
    key: str


@dataclass
class BatchWritten(Message):
    """`steps` come next; `error` is why nothing was written."""

    files: tuple[WrittenFile, ...]
    steps: NextSteps = NO_STEPS
    error: HardenError | None = None


class FixManyScreen(BrowseScreen):
    CSS_PATH = "fix_many.tcss"
    ACTIONS = (*FIX_MANY, *BROWSE, COPY, BACK)
    BINDINGS: ClassVar = bindings(ACTIONS)
    BINDING_GROUP_TITLE = "Fix"
    DOES: ClassVar = "writes files on w"
    COLUMNS = (
        Column("Container", 0),
        Column("Engine", 18, 110),
        Column("Score", 9),
        Column("Fixes", 5),
        Column("Left out", 8, 70),
        Column("Files", 5, 50),
        Column("State", 11),
    )

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__()
        self._marked = tuple(keys)
        self._caution: Caution | None = Caution.LIKELY
        self._round = 0
        self._planned = BatchForm((), plan=False)
        self._items: dict[str, BatchItem] = {}
        self._fresh: dict[str, Report] = {}
        self._gone: set[str] = set()
        self._writing = False
        self._commands: tuple[str, ...] = ()

    def body(self) -> Iterable[Widget]:
        yield Static(id="crumb")
        with Vertical(id="form"):
            with Horizontal(classes="field"):
                yield Static(Content("Files"), classes="label")
                yield Tick("units", True, id="units")
                yield Tick("run script", id="run")
                yield Tick("plan", True, id="plan")
            with Horizontal(classes="field"):
                yield Static(Content("Save to"), classes="label")
                yield TextField(self.session.directory, id="directory", compact=True)
        yield RowTable(id="table")
        with VerticalScroll(id="result"):
            yield Static()
        with VerticalScroll(id="page"):
            yield Static(id="text")

    def on_mount(self) -> None:
        self._prepare()

    # --- plans and drafts, made beside the screen -------------------------------------------------------

    def _prepare(self) -> None:
        """Plan each container again; results for an earlier selection are dropped."""
        self._round += 1
        self._items = {}
        bench = self.session.bench
        if bench is None:
            return
        this_round, caution, form = self._round, self._caution, self._form()
        self._planned = form
        known = {key: self.session.rows[key].report for key in self._marked if key in self.session.rows}
        chosen: dict[str, tuple[Choice, ...]] = {
            key: tuple(self.session.choices.get(key, {}).values()) for key in self._marked
        }

        def work() -> None:
            for key in self._marked:
                if this_round != self._round:
                    return
                try:
                    report = self._fresh.get(key)
                    if report is None:
                        row = bench.containers.refresh(key)
                        report = row.report if row is not None else None
                    if report is None:
                        self.post_message(ItemGone(key))
                        continue
                    self._fresh[key] = report
                    item = prepare(bench, report, caution, chosen[key], form)
                except HardenError as error:
                    report = known.get(key)
                    if report is None:
                        self.post_message(ItemGone(key))
                        continue
                    item = BatchItem(report, trouble=error)
                self.post_message(ItemReady(this_round, key, item))

        self.run_worker(work, group="many", thread=True)
        self._draw()

    def _form(self) -> BatchForm:
        targets = tuple(target for tick, target in _TICKS.items() if self._ticked(tick))
        return BatchForm(targets, plan=self._ticked("plan"))

    def _ticked(self, tick: str) -> bool:
        return self.query_one(f"#{tick}", Checkbox).value

    @on(Checkbox.Changed)
    def _form_changed(self) -> None:
        if self._form() != self._planned:
            self._prepare()

    def on_item_ready(self, message: ItemReady) -> None:
        if message.round == self._round:
            self._items[message.key] = message.item
            self._draw()

    def on_item_gone(self, message: ItemGone) -> None:
        self._gone.add(message.key)
        self._draw()

    @property
    def _waiting_for(self) -> int:
        return sum(key not in self._items and key not in self._gone for key in self._marked)

    @property
    def _batch(self) -> Batch:
        return combine(self._items[key] for key in self._marked if key in self._items)

    # --- the plan of each container ------------------------------------------------------------------------

    def _combined(self) -> dict[str, BatchItem]:
        """By key, with the conflicts between containers."""
        keys = [key for key in self._marked if key in self._items]
        return dict(zip(keys, self._batch.items, strict=True))

    def lines(self) -> Sequence[BrowseRow]:
        combined = self._combined()
        return [self._line(key, combined.get(key)) for key in self._marked]

    def _line(self, key: str, item: BatchItem | None) -> BrowseRow:
        row = self.session.rows.get(key)
        name = item.report.subject.name if item else row.name if row else key
        engine = item.report.subject.engine if item else row.engine.label if row else ""
        texts = (name, engine, *self._figures(key, item))
        before = (item.report.score.value or 0) if item else 0
        return BrowseRow(key, texts, (name, engine, before, *texts[3:]))

    def _figures(self, key: str, item: BatchItem | None) -> tuple[str, str, str, str, str]:
        """Score, fixes, left out, files, state."""
        if item is None:
            return "", "", "", "", "removed" if key in self._gone else self.signs.of("planning…")
        signs, plan = self.signs, item.plan
        before = score_word(item.report.score.value, otherwise="-")
        if item.trouble is not None or plan is None:
            return before, "", "", "", "refused"
        after = f" {signs.arrow} {score_word(item.after, otherwise='-')}" if plan.changes else ""
        state = "ready" if item.files else "nothing" if self._form().targets else "no files"
        figures = (str(len(plan.choices)), str(len(plan.skipped)), str(len(item.files)))
        return f"{before}{after}", *figures, state

    def crumb(self) -> Content:
        count = plural(len(self._marked), "container")
        fixes = _FIXES[self._caution]
        parts: list[Part] = [(count, "bold"), f" {self.signs.of('›')} {fixes}"]
        if waiting := self._waiting_for:
            parts.append((self.signs.of(f"   planning, {waiting} left…"), "$primary"))
        else:
            batch = self._batch
            parts.append(f"   {plural(len(batch.files), 'file')} for {len(batch.written)}")
            if batch.refused:
                parts.append((f"   {len(batch.refused)} refused", "bold $status-medium"))
        return Content.assemble(*parts)

    def nothing(self) -> str:
        return "No container is marked."

    def about(self, key: str) -> Content:
        item = self._combined().get(key)
        if item is None:
            return Content("It was removed." if key in self._gone else self.signs.of("Planning…"))
        return Content.assemble(*item_parts(item, min(110, self.text_width))).rstrip("\n")

    # --- writing ----------------------------------------------------------------------------------------

    def _directory(self) -> Path:
        return Path(self.query_one("#directory", Input).value.strip() or ".").expanduser().absolute()

    def action_save(self) -> None:
        self._form_changed()  # the message of a tick may still be queued
        bench, batch = self.session.bench, self._batch
        if bench is None:
            return
        if why := self.why_not("save") or ("" if batch.files else self._why_nothing(batch)):
            self.complain(why)
            return
        self._writing = True
        directory = str(self._directory())
        self.session.directory = self.query_one("#directory", Input).value

        def work() -> None:
            try:
                files, steps = write(bench, batch, directory)
            except HardenError as error:
                self.post_message(BatchWritten((), error=error))
            else:
                together = NextSteps(
                    commands=tuple(command for _, step in steps for command in step.commands),
                    back=tuple(command for _, step in steps for command in step.back),
                    finish=tuple(command for _, step in steps for command in step.finish),
                )
                self.post_message(BatchWritten(files, together))

        self.run_worker(work, group="write", thread=True)

    def _why_nothing(self, batch: Batch) -> str:
        if not self._form().targets:
            return "Tick at least one kind of file."
        if batch.refused:
            return "Nothing can be written; each container's page says why."
        return "These fixes change nothing. L and F go further."

    def on_batch_written(self, message: BatchWritten) -> None:
        self._writing = False
        if message.error is None:
            self._commands = message.steps.commands
            for key, item in self._combined().items():
                if item.files:
                    self._remember(key, item)
            parts = written_parts(message.files, message.steps, str(self._directory()), self.text_width)
        else:
            error = message.error
            parts = [("Not written: ", _BAD), visible(error.title), "\n", visible_lines(hint_of(error))]
        result = self.query_one("#result", VerticalScroll)
        result.query_one(Static).update(Content.assemble(*parts).rstrip("\n"))
        result.add_class("-shown")

    def _remember(self, key: str, item: BatchItem) -> None:
        """Choices made in the walk that were just written no longer count as unwritten."""
        chosen = tuple(self.session.choices.get(key, {}).values())
        if item.plan is not None and set(chosen) <= set(item.plan.choices):
            self.session.written[key] = chosen

    # --- actions ----------------------------------------------------------------------------------------

    def why_not(self, action: str) -> str:
        if action == "own" and not any(self.session.choices.get(key) for key in self._marked):
            return "No fix was chosen in the walk of these containers."
        if action != "save":
            return ""
        if self._writing or self.session.bench is None:
            return "The files are being written." if self._writing else "The checks are still being loaded."
        return f"{plural(self._waiting_for, 'container')} still being planned." if self._waiting_for else ""

    def _take(self, caution: Caution | None) -> None:
        self._caution = caution
        self._prepare()

    def action_own(self) -> None:
        self._take(None)

    def action_safe(self) -> None:
        self._take(Caution.SAFE)

    def action_likely(self) -> None:
        self._take(Caution.LIKELY)

    def action_all(self) -> None:
        self._take(Caution.ALL)

    def action_form(self) -> None:
        self.query_one("#directory", Input).focus()

    @on(Input.Submitted, "#directory")
    def _directory_given(self) -> None:
        self.table.focus()

    def action_back(self) -> None:
        if isinstance(self.focused, (Input, Checkbox)):
            self.table.focus()
        else:
            super().action_back()

    def copied(self) -> tuple[str, str]:
        if self._commands:
            return "the commands", "\n".join(self._commands)
        key = self.current
        return ("the plan of this container", self.about(key).plain) if key else ("", "")
