"""A change of a container on one page: the trial, the card, what it does, applying or writing it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar, TypeVar

from msgspec.structs import replace
from textual.content import Content

from hardentui.errors import HardenError, NotFound
from hardentui.features.apply.history import History
from hardentui.features.apply.prepared import PreparedChange
from hardentui.features.apply.soak import USUAL
from hardentui.features.apply.wishes import ApplyWishes
from hardentui.features.change.waiting_time import seconds_left
from hardentui.features.harden.card import Card
from hardentui.features.harden.outset import HardenWishes, Outset
from hardentui.features.harden.probes import with_probe
from hardentui.features.harden.task import Hardening
from hardentui.features.views import Row
from hardentui.model.journal import ChangeEvent, EntryState, JournalEntry, OperationBegun
from hardentui.model.operations import described
from hardentui.model.plan import Caution, Choice
from hardentui.model.trial import TrialEvent
from hardentui.tui.action_texts import hint_of
from hardentui.tui.actions import BACK, CHANGE, COPY, WRITE
from hardentui.tui.change_drawing import ChangeDrawing
from hardentui.tui.change_state import ChangeState
from hardentui.tui.choosing import Choosing
from hardentui.tui.messages import in_background
from hardentui.tui.screens.dialogs import AskScreen
from hardentui.tui.screens.job import StoppablePage
from hardentui.tui.screens.journal import change_line
from hardentui.tui.screens.undoing import Undoing, UndoScreen
from hardentui.tui.stages import STAGES, Data, Stage
from hardentui.tui.status import trial_line
from hardentui.tui.widgets.write_files import WriteFiles
from hardentui.visible import visible

Result = TypeVar("Result")


class ChangeScreen(StoppablePage):
    """Leaving it while the trial or the change runs stops that: the container stays, or becomes, as
    it was.

    Args:
        key: of the container's row.
        others: keys of those that are hardened with it.
        choices: these fixes alone; empty = all that a trial can judge.
        tries: on a twin first.
        files: to be written, and nothing else.
    """

    ACTIONS = (*CHANGE, *WRITE, COPY, BACK)
    DOES: ClassVar = "changes the container"

    @property
    def panel(self) -> str:
        return "Card"

    def __init__(
        self,
        key: str,
        choices: tuple[Choice, ...] = (),
        others: tuple[str, ...] = (),
        *,
        tries: bool = True,
        files: WriteFiles | None = None,
    ) -> None:
        super().__init__()
        self._state = ChangeState(
            key,
            choices,
            others,
            tries=tries,
            files=files,
        )

    def on_mount(self) -> None:
        self.session.replaced.subscribe(self, self._follow)
        self.set_interval(1, self._tick)
        row = self.session.rows.get(self._state.key)
        if self._state.files is None and row is not None and row.is_file:
            self._state.files = self._changes_of_file(row)
            if self._state.files is None:
                return
        if self._state.files is not None:
            self._show_files(self._state.files)
        else:
            self._look_at_it()

    def _changes_of_file(self, row: Row) -> WriteFiles | None:
        """What the recommended fixes change in the file of a service; says why there is nothing."""
        bench, report = self.session.bench, row.report
        why = "The checks are still being loaded."
        if bench is not None and report is not None:
            choosing = Choosing(
                bench,
                report,
                self.session.choices.setdefault(row.key, {}),
                self.session.values.setdefault(row.key, {}),
            )
            if not choosing.chosen:
                choosing.add(self._state.choices or bench.planner.choices(report, Caution.LIKELY))
            if choosing.plan is not None and choosing.plan.changes:
                return WriteFiles(self.session, choosing, reads=True)
            why = (
                choosing.trouble or "No fix is recommended for this file. Enter shows its findings."
            )
        self.complain(why)
        self.call_later(self.dismiss)
        return None

    def _follow(self, successors: Mapping[str, str]) -> None:
        """After a change the name is that of a new container; a change that is not from here ends
        this."""
        if self._state.key in successors:
            if self._stage in (Stage.RUNNING, Stage.ENDED):
                self._state.key = successors[self._state.key]
            else:
                self.leave()

    def why_not(self, action: str) -> str:
        card, entry, stage = self._state.card, self._state.entry, self._stage
        if action == "save" and self._state.files is not None:
            return self._state.files.why_not()
        if stage not in STAGES.get(action, (stage,)):
            return stage.value
        if action == "keep" and (entry is None or entry.state is not EntryState.WAITING):
            return "Nothing is waiting for confirmation here."
        if action == "undo" and (entry is None or self._state.simulated or not entry.can_be_undone):
            return "There is nothing to undo here."
        if action == "all" and self._state.choices:
            return "The fixes were chosen in the walk."
        missing = {
            Stage.STEPS: self._state.prepared,
            Stage.OUTSET: self._state.outset,
        }
        if action == "go" and stage in missing and missing[stage] is None:
            return "The reason is shown here." if self._state.trouble else "Still preparing."
        if action == "go" and card is not None and (card.obstacle or not card.works):
            return (
                "It cannot be applied: the card says why."
                if card.works
                else "No change could be kept."
            )
        if action in ("write", "diff", "soak", "data") and card is not None and not card.works:
            return "No change could be kept."
        return ""

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],
    ) -> bool | None:
        """The footer has the keys of the stage alone."""
        if self._stage not in STAGES.get(action, (self._stage,)):
            return False
        return super().check_action(action, parameters)

    def action_go(self) -> None:
        task, outset = self._state.hardening, self._state.outset
        if task is None or outset is None:
            return
        if self._stage is Stage.OUTSET:
            self._try(task, outset, self.begin())
        else:
            self._apply(task, self._wishes(task), self.begin())
        self.draw()

    def action_soak(self) -> None:
        if (task := self._state.hardening) is not None:
            self._apply(
                task,
                replace(self._wishes(task), soak=USUAL),
                self.begin(),
            )
            self.draw()

    def action_probe(self) -> None:
        question = "A read-only command that proves it works; $TARGET is its address"
        if len(self._state.names) > 1:
            question = f"{question}. NAME=COMMAND asks one of them"
        self.app.push_screen(
            AskScreen(question, value=next(iter(self._state.probes), "")), self._probe_given
        )

    def _probe_given(self, command: str | None) -> None:
        if command and self._stage is not Stage.RUNNING:
            self._state.asked = with_probe(
                self._state.asked,
                command,
                self._state.names,
            )
            self._state.card, self._state.events, self._state.shown = None, [], ""
            if self._stage is Stage.STEPS:
                self._prepare_again()
        self.draw()

    def action_limit(self) -> None:
        question = "Seconds in which it must be kept, else it rolls back; 0: no limit"
        self.app.push_screen(
            AskScreen(question, value=f"{self._state.limit:g}"),
            self._limit_given,
        )

    def _limit_given(self, seconds: str | None) -> None:
        if seconds and not seconds.isdecimal():
            self.complain("A whole number of seconds, please.")
        elif seconds:
            self._state.limit = float(seconds)
            self._prepare_again()

    def action_data(self) -> None:
        """Switch to the next treatment of data in its writable layer."""
        ways = tuple(Data)
        self._state.data = ways[(ways.index(self._state.data) + 1) % len(ways)]
        self._prepare_again()

    def action_all(self) -> None:
        self._state.all = not self._state.all
        self._tries_otherwise()

    def action_level(self) -> None:
        self._state.tight = not self._state.tight
        self._tries_otherwise()

    def _tries_otherwise(self) -> None:
        """Another trial is wished: an earlier one of that kind is picked up."""
        self._state.card, self._state.events, self._state.shown = None, [], ""
        self._look_at_it()

    def action_write(self) -> None:
        if (task := self._state.hardening) is not None and task.plan is not None:
            self._state.files = WriteFiles(
                self.session, Choosing(task.bench, task.report, {}, {}), task.plan
            )
            self._show_files(self._state.files)

    def _show_files(self, files: WriteFiles) -> None:
        self.query_one("#reading").display = False
        self.mount(files, after="#reading")
        self.draw()

    def action_back(self) -> None:
        if self._state.files is None or self._state.hardening is None:
            super().action_back()
        else:
            self._state.files.remove()
            self._state.files, reading = None, self.query_one("#reading")
            reading.display = True
            reading.focus()
            self.draw()

    def action_save(self) -> None:
        self.query_one(WriteFiles).save()

    def action_hunk(self, by: int) -> None:
        self.query_one(WriteFiles).jump(by)

    def action_diff(self) -> None:
        self._show_below("diff")

    def action_evidence(self) -> None:
        self._show_below("evidence")

    def _show_below(self, what: str) -> None:
        self._state.shown = "" if self._state.shown == what else what
        self.draw()
        if (
            self._state.shown and self._state.card is not None
        ):  # on a small screen it begins below the last line
            begins = self._drawing.card_content(self._state.card).plain.count("\n") + 2
            self.call_after_refresh(
                self.query_one("#reading").scroll_to,
                y=begins,
                animate=False,
            )

    def action_keep(self) -> None:
        if self._state.entry is not None:
            try:
                self._state.entry = History().confirm(self._state.entry.id)
            except HardenError as error:
                self.complain(hint_of(error), error.title)
            self.draw()

    def action_undo(self) -> None:
        if (entry := self._state.entry) is None:
            return

        def undo(how: Undoing | None) -> None:
            if how is not None and self._state.entry is entry:
                self._state.entry, self._state.steps_done, self._state.now = None, [], "undoing it"
                self.begin()
                back = how is Undoing.BRINGING_BACK
                self._work(
                    lambda: History().undo(entry, self._tell, bring_back=back),
                    self._done,
                )
                self.draw()

        self.app.push_screen(UndoScreen("Undo it?", entry), undo)

    def _wishes(self, task: Hardening) -> ApplyWishes:
        return replace(
            task.apply_wishes(self._state.probes),
            confirm_within=self._state.limit,
            keep_data=self._state.data is Data.KEEP,
            discard_data=self._state.data is Data.DISCARD,
        )

    def _look_at_it(self) -> None:
        """Only reads, so there is nothing to stop: esc leaves at once."""
        self._state.outset, self._state.trouble, self._state.now = None, None, "looking at it"
        bench, keys = self.session.bench, (self._state.key, *self._state.others)
        wishes = HardenWishes(
            choices=self._state.choices,
            everything=self._state.all,
            tight=self._state.tight,
            confirm_within=self._state.limit,
            together=bool(self._state.others),
        )

        def look() -> tuple[Hardening, Outset, Card | None, str]:
            rows = [bench.containers.refresh(key) for key in keys] if bench is not None else []
            reports = [row.report for row in rows if row is not None and row.report is not None]
            if bench is None or len(reports) < len(keys):
                raise NotFound("The container is gone.")
            task = Hardening(
                bench,
                reports[0],
                wishes,
                reports[1:],
            )
            outset = (task.soak_outset() or task.outset()) if self._state.tries else task.untried()
            kept = (
                task.tried_before()
                if self._state.tries and not (outset.soaked or self._state.others)
                else None
            )
            if kept is None:
                return task, outset, None, ""
            return task, outset, task.picked_up(outset, kept), kept.when

        self._work(look, lambda seen: self._known(*seen))
        self.draw()

    def _work(
        self,
        work: Callable[[], Result],
        then: Callable[[Result], object],
    ) -> None:
        in_background(
            self,
            work,
            then,
            self._failed,
            group="card",
        )

    def _try(
        self,
        task: Hardening,
        outset: Outset,
        stop: threading.Event,
    ) -> None:
        probes = self._state.probes

        def work() -> Card | None:
            try:
                return task.try_out(
                    outset,
                    probes,
                    self._tell,
                    stop,
                )
            except KeyboardInterrupt:
                return None

        self._work(
            work,
            lambda card: self._failed(None) if card is None else self._ready(card),
        )

    def _tell(self, event: TrialEvent | ChangeEvent) -> None:
        self.call_later(self._progressed, event)

    def _prepare_again(self) -> None:
        if (task := self._state.hardening) is not None and self._stage in (Stage.STEPS, Stage.CARD):
            self._state.prepared, self._state.trouble, self._state.now = None, None, "preparing"
            card, wishes = self._state.card, self._wishes(task)

            def work() -> PreparedChange | Card:
                return task.prepare(wishes) if card is None else task.offered(card, wishes)

            prepared = partial(self.prepared, wishes)
            in_background(
                self,
                work,
                prepared,
                prepared,
                group="card",
            )
            self.draw()

    def _apply(
        self,
        task: Hardening,
        wishes: ApplyWishes,
        stop: threading.Event,
    ) -> None:
        """Exactly the steps that are shown, unless something else was wished since."""

        def work() -> JournalEntry:
            if task.prepared is None or task.prepared.wishes != wishes:
                task.prepare(wishes)
            return task.apply(self._tell, stop)

        self._work(work, self._done)

    def _known(
        self,
        task: Hardening,
        outset: Outset,
        card: Card | None,
        tried_at: str,
    ) -> None:
        self._state.hardening = task
        self._state.outset, self._state.now, self._state.prepared = outset, "", task.prepared
        if not task.apply_wishes(()).keep_data:
            self._state.data = Data.REFUSE
        if task.prepared is not None:  # what a soak has shown
            self._state.asked = task.prepared.wishes.probes[:1]
        elif self._stage is Stage.STEPS:
            self._prepare_again()
        self.draw()
        if card is not None:
            self._ready(card, tried_at)

    def _progressed(self, event: TrialEvent | ChangeEvent) -> None:
        match event:
            case TrialEvent():
                self._state.now = visible(event.text, 60)
                self._state.rounds += event.round is not None
                if line := trial_line(event, self._state.rounds, self.signs):
                    self._state.events.append(line)
            case OperationBegun(operation, number, total):
                self._state.now = f"{number}/{total} {visible(described(operation), 60)}"
            case _ if line := change_line(event, self.signs):
                self._state.steps_done.append(line)
        self.draw()
        self.to_end()

    def _ready(
        self,
        card: Card,
        tried_at: str = "",
    ) -> None:
        self._state.card, self.stop, self._state.now = card, None, ""
        self._state.tried_at = tried_at
        self._from_the_top()

    def prepared(
        self,
        wishes: ApplyWishes,
        result: PreparedChange | Card | HardenError,
    ) -> None:
        """The steps of applying are known, or why there are none; a card says it itself."""
        task = self._state.hardening
        if (
            self._stage not in (Stage.STEPS, Stage.CARD)
            or task is None
            or wishes != self._wishes(task)
        ):
            return  # it runs, or something else was wished since
        self._state.now, self._state.card = (
            "",
            result if isinstance(result, Card) else self._state.card,
        )
        self._state.prepared = result if isinstance(result, PreparedChange) else None
        self._state.trouble = result if isinstance(result, HardenError) else None
        self.draw()

    def _done(self, entry: JournalEntry) -> None:
        self._state.entry, self.stop, self._state.now = entry, None, ""
        self.session.recheck(self._state.key)
        self._from_the_top()

    def _failed(self, error: HardenError | None) -> None:
        """`error`: None: it was stopped."""
        self.stop, self._state.now, self._state.trouble = None, "", error
        if error is None:
            self._state.events.append(
                ("", "Stopped. The twin is removed; the container is untouched.", "")
            )
        self.draw()

    def _tick(self) -> None:
        entry = self._state.entry
        if entry is None or entry.state is not EntryState.WAITING:
            return
        if not seconds_left(entry) and self.stop is None:  # another process rolls it back
            self._state.entry = History().find(entry.id)
        self.draw()

    def _from_the_top(self) -> None:
        self.draw()
        self.query_one("#reading").scroll_home(animate=False)

    @property
    def _stage(self) -> Stage:
        return self._state.stage(running=self.stop is not None)

    @property
    def _drawing(self) -> ChangeDrawing:
        return ChangeDrawing(
            self._state,
            self._stage,
            self.signs,
            self.app.size,
        )

    def heading(self) -> Content:
        task, row = self._state.hardening, self.session.rows.get(self._state.key)
        known = task.report.subject if task is not None else row
        name = known.name if known is not None else self._state.key
        return self._drawing.heading(name, self.under_way(self._state.now))

    def page(self) -> Content:
        return self._drawing.page()

    def copied(self) -> tuple[str, str]:
        if self._state.files is not None:
            return self._state.files.copied()
        return "this page", self.page().plain
