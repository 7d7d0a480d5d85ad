"""A change of a container on one page: the trial, the card, what it does, applying or writing it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import ClassVar, TypeVar

from msgspec.structs import replace
from textual.content import Content

from hardentui.errors import HardenError, NotFound
from hardentui.features.apply.entry_text import what_changed
from hardentui.features.apply.history import History
from hardentui.features.apply.prepared import PreparedChange
from hardentui.features.apply.soak import USUAL
from hardentui.features.apply.wishes import ApplyWishes
from hardentui.features.change.data_told import told_newer, told_rows
from hardentui.features.change.waiting_time import seconds_left
from hardentui.features.harden.card import Card
from hardentui.features.harden.outset import CONFIRM_WITHIN, HardenWishes, Outset
from hardentui.features.harden.page import LABEL, downtime, lines, summary, title
from hardentui.features.harden.probes import whose, with_probe
from hardentui.features.harden.task import Hardening
from hardentui.features.views import Row
from hardentui.harden.score import score_word
from hardentui.model.journal import ChangeEvent, EntryState, JournalEntry, OperationBegun
from hardentui.model.operations import described
from hardentui.model.plan import Caution, Choice
from hardentui.model.trial import TrialEvent
from hardentui.tui.action_texts import hint_of
from hardentui.tui.actions import BACK, CHANGE, COPY, WRITE
from hardentui.tui.choosing import Choosing
from hardentui.tui.messages import in_background
from hardentui.tui.screens.dialogs import AskScreen
from hardentui.tui.screens.job import StoppablePage, error_content
from hardentui.tui.screens.journal import change_line
from hardentui.tui.screens.undoing import Undoing, UndoScreen
from hardentui.tui.stages import STAGES, Data, Stage
from hardentui.tui.status import Part, both_ends, hanging, trial_line
from hardentui.tui.widgets.page import diff_content
from hardentui.tui.widgets.write_files import WriteFiles
from hardentui.visible import visible
from hardentui.words import plural

Result = TypeVar("Result")
_AROUND = 5
"""Lines of the screen that the card cannot have: title, heading, margins, footer."""
_TALL = 45
"""Lines of a screen that shows evidence and difference below the card."""


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
        self._files = files
        self._key = key
        self._others = others
        self._choices = choices
        self._tries = tries
        self._all = False
        self._tight = False
        self._asked: tuple[str, ...] = ()  # the user's probes; NAME=COMMAND in a stack
        self._data = Data.KEEP
        self._limit = CONFIRM_WITHIN
        self._hardening: Hardening | None = None
        self._outset: Outset | None = None
        self._card: Card | None = None
        self._prepared: PreparedChange | None = None
        self._entry: JournalEntry | None = None
        self._trouble: HardenError | None = None
        self._events: list[tuple[str, str, str]] = []  # of the trial
        self._steps_done: list[tuple[str, str, str]] = []
        self._rounds = 0
        self._now = "looking at it"
        self._tried_at = ""
        self._shown = ""  # below the card: the difference, or the evidence

    def on_mount(self) -> None:
        self.session.replaced.subscribe(self, self._follow)
        self.set_interval(1, self._tick)
        row = self.session.rows.get(self._key)
        if self._files is None and row is not None and row.is_file:
            self._files = self._changes_of_file(row)
            if self._files is None:
                return
        if self._files is not None:
            self._show_files(self._files)
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
                choosing.add(self._choices or bench.planner.choices(report, Caution.LIKELY))
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
        if self._key in successors:
            if self._stage in (Stage.RUNNING, Stage.ENDED):
                self._key = successors[self._key]
            else:
                self.leave()

    # --- actions ----------------------------------------------------------------------------------

    @property
    def _stage(self) -> Stage:
        if self._files is not None:
            return Stage.FILES
        if self.stop is not None:
            return Stage.RUNNING
        if self._entry is not None:
            return Stage.ENDED
        if self._card is not None:
            return Stage.CARD
        if not self._tries or (self._outset is not None and self._outset.soaked):
            return Stage.STEPS
        return (
            Stage.OUTSET if self._outset is not None or self._trouble is not None else Stage.LOOKING
        )

    def why_not(self, action: str) -> str:
        card, entry, stage = self._card, self._entry, self._stage
        if action == "save" and self._files is not None:
            return self._files.why_not()
        if stage not in STAGES.get(action, (stage,)):
            return stage.value
        if action == "keep" and (entry is None or entry.state is not EntryState.WAITING):
            return "Nothing is waiting for confirmation here."
        if action == "undo" and (entry is None or self._simulated or not entry.can_be_undone):
            return "There is nothing to undo here."
        if action == "all" and self._choices:
            return "The fixes were chosen in the walk."
        missing = {
            Stage.STEPS: self._prepared,
            Stage.OUTSET: self._outset,
        }
        if action == "go" and stage in missing and missing[stage] is None:
            return "The reason is shown here." if self._trouble else "Still preparing."
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

    @property
    def _simulated(self) -> bool:
        return self._hardening is not None and self._hardening.simulated

    def action_go(self) -> None:
        task, outset = self._hardening, self._outset
        if task is None or outset is None:
            return
        if self._stage is Stage.OUTSET:
            self._try(task, outset, self.begin())
        else:
            self._apply(task, self._wishes(task), self.begin())
        self.draw()

    def action_soak(self) -> None:
        if (task := self._hardening) is not None:
            self._apply(
                task,
                replace(self._wishes(task), soak=USUAL),
                self.begin(),
            )
            self.draw()

    def action_probe(self) -> None:
        question = "A read-only command that proves it works; $TARGET is its address"
        if len(self._names) > 1:
            question = f"{question}. NAME=COMMAND asks one of them"
        self.app.push_screen(
            AskScreen(question, value=next(iter(self._probes), "")), self._probe_given
        )

    def _probe_given(self, command: str | None) -> None:
        if command and self._stage is not Stage.RUNNING:
            self._asked = with_probe(self._asked, command, self._names)
            self._card, self._events, self._shown = None, [], ""
            if self._stage is Stage.STEPS:
                self._prepare_again()
        self.draw()

    def action_limit(self) -> None:
        question = "Seconds in which it must be kept, else it rolls back; 0: no limit"
        self.app.push_screen(
            AskScreen(question, value=f"{self._limit:g}"),
            self._limit_given,
        )

    def _limit_given(self, seconds: str | None) -> None:
        if seconds and not seconds.isdecimal():
            self.complain("A whole number of seconds, please.")
        elif seconds:
            self._limit = float(seconds)
            self._prepare_again()

    def action_data(self) -> None:
        """Switch to the next treatment of data in its writable layer."""
        ways = tuple(Data)
        self._data = ways[(ways.index(self._data) + 1) % len(ways)]
        self._prepare_again()

    def action_all(self) -> None:
        self._all = not self._all
        self._tries_otherwise()

    def action_level(self) -> None:
        self._tight = not self._tight
        self._tries_otherwise()

    def _tries_otherwise(self) -> None:
        """Another trial is wished: an earlier one of that kind is picked up."""
        self._card, self._events, self._shown = None, [], ""
        self._look_at_it()

    def action_write(self) -> None:
        if (task := self._hardening) is not None and task.plan is not None:
            self._files = WriteFiles(
                self.session, Choosing(task.bench, task.report, {}, {}), task.plan
            )
            self._show_files(self._files)

    def _show_files(self, files: WriteFiles) -> None:
        self.query_one("#reading").display = False
        self.mount(files, after="#reading")
        self.draw()

    def action_back(self) -> None:
        if self._files is None or self._hardening is None:
            super().action_back()
        else:
            self._files.remove()
            self._files, reading = None, self.query_one("#reading")
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
        self._shown = "" if self._shown == what else what
        self.draw()
        if (
            self._shown and self._card is not None
        ):  # on a small screen it begins below the last line
            begins = self._card_content(self._card).plain.count("\n") + 2
            self.call_after_refresh(
                self.query_one("#reading").scroll_to,
                y=begins,
                animate=False,
            )

    def action_keep(self) -> None:
        if self._entry is not None:
            try:
                self._entry = History().confirm(self._entry.id)
            except HardenError as error:
                self.complain(hint_of(error), error.title)
            self.draw()

    def action_undo(self) -> None:
        if (entry := self._entry) is None:
            return

        def undo(how: Undoing | None) -> None:
            if how is not None and self._entry is entry:
                self._entry, self._steps_done, self._now = None, [], "undoing it"
                self.begin()
                back = how is Undoing.BRINGING_BACK
                self._work(
                    lambda: History().undo(entry, self._tell, bring_back=back),
                    self._done,
                )
                self.draw()

        self.app.push_screen(UndoScreen("Undo it?", entry), undo)

    @property
    def _names(self) -> tuple[str, ...]:
        """Of the containers that change together."""
        if self._outset is None:
            return ()
        return tuple(each.plan.container for each in (self._outset, *self._outset.others))

    @property
    def _probes(self) -> tuple[str, ...]:
        if self._card is not None:
            return self._card.trial.probes  # those of them that are about it
        if self._asked:
            return self._asked
        return (self._outset.probe.command,) if self._outset and self._outset.probe else ()

    def _wishes(self, task: Hardening) -> ApplyWishes:
        return replace(
            task.apply_wishes(self._probes),
            confirm_within=self._limit,
            keep_data=self._data is Data.KEEP,
            discard_data=self._data is Data.DISCARD,
        )

    # --- the work ---------------------------------------------------------------------------------

    def _look_at_it(self) -> None:
        """Only reads, so there is nothing to stop: esc leaves at once."""
        self._outset, self._trouble, self._now = None, None, "looking at it"
        bench, keys = self.session.bench, (self._key, *self._others)
        wishes = HardenWishes(
            choices=self._choices,
            everything=self._all,
            tight=self._tight,
            confirm_within=self._limit,
            together=bool(self._others),
            keep_with=f"the space key ({Data.KEEP})",
            discard_with=f"the space key ({Data.DISCARD})",
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
            outset = (task.soak_outset() or task.outset()) if self._tries else task.untried()
            kept = (
                task.tried_before() if self._tries and not (outset.soaked or self._others) else None
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
        probes = self._probes

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
        if (task := self._hardening) is not None and self._stage in (Stage.STEPS, Stage.CARD):
            self._prepared, self._trouble, self._now = None, None, "preparing"
            card, wishes = self._card, self._wishes(task)

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
        self._hardening = task
        self._outset, self._now, self._prepared = outset, "", task.prepared
        if not task.apply_wishes(()).keep_data:
            self._data = Data.REFUSE
        if task.prepared is not None:  # what a soak has shown
            self._asked = task.prepared.wishes.probes[:1]
        elif self._stage is Stage.STEPS:
            self._prepare_again()
        self.draw()
        if card is not None:
            self._ready(card, tried_at)

    def _progressed(self, event: TrialEvent | ChangeEvent) -> None:
        match event:
            case TrialEvent():
                self._now = visible(event.text, 60)
                self._rounds += event.round is not None
                if line := trial_line(event, self._rounds, self.signs):
                    self._events.append(line)
            case OperationBegun(operation, number, total):
                self._now = f"{number}/{total} {visible(described(operation), 60)}"
            case _ if line := change_line(event, self.signs):
                self._steps_done.append(line)
        self.draw()
        self.to_end()

    def _ready(
        self,
        card: Card,
        tried_at: str = "",
    ) -> None:
        self._card, self.stop, self._now = card, None, ""
        self._tried_at = tried_at
        self._from_the_top()

    def prepared(
        self,
        wishes: ApplyWishes,
        result: PreparedChange | Card | HardenError,
    ) -> None:
        """The steps of applying are known, or why there are none; a card says it itself."""
        task = self._hardening
        if (
            self._stage not in (Stage.STEPS, Stage.CARD)
            or task is None
            or wishes != self._wishes(task)
        ):
            return  # it runs, or something else was wished since
        self._now, self._card = "", result if isinstance(result, Card) else self._card
        self._prepared = result if isinstance(result, PreparedChange) else None
        self._trouble = result if isinstance(result, HardenError) else None
        self.draw()

    def _done(self, entry: JournalEntry) -> None:
        self._entry, self.stop, self._now = entry, None, ""
        self.session.recheck(self._key)
        self._from_the_top()

    def _failed(self, error: HardenError | None) -> None:
        """`error`: None: it was stopped."""
        self.stop, self._now, self._trouble = None, "", error
        if error is None:
            self._events.append(
                ("", "Stopped. The twin is removed; the container is untouched.", "")
            )
        self.draw()

    def _tick(self) -> None:
        entry = self._entry
        if entry is None or entry.state is not EntryState.WAITING:
            return
        if not seconds_left(entry) and self.stop is None:  # another process rolls it back
            self._entry = History().find(entry.id)
        self.draw()

    def _from_the_top(self) -> None:
        self.draw()
        self.query_one("#reading").scroll_home(animate=False)

    # --- drawing ----------------------------------------------------------------------------------

    @property
    def _width(self) -> int:
        return min(100, self.app.size.width - 6)

    @property
    def _seconds_left(self) -> int:
        return max(0, round(seconds_left(self._entry))) if self._entry is not None else 0

    def heading(self) -> Content:
        if self._files is not None:
            return self._files.heading()
        if self._stage is Stage.CARD and self._card is not None:
            left, right = (Content(self.signs.of(part)) for part in title(self._card))
            return both_ends(
                left.stylize("bold"),
                right,
                self.app.size.width - 2,
            )
        known = (
            self._hardening.report.subject if self._hardening else self.session.rows.get(self._key)
        )
        also = f" and {plural(len(self._others), 'other')}" if self._others else ""
        modes = "".join(
            f"   {mode}"
            for mode, is_on in (
                ("all fixes", self._all),
                ("tight", self._tight),
                ("simulated", self._simulated),
            )
            if is_on
        )
        waits = self._entry is not None and self._entry.state is EntryState.WAITING
        now = (
            f"   K keeps it, {self._seconds_left} s left",
            "$primary",
        )
        what = "harden" if self._tries else "apply"
        return Content.assemble(
            (
                visible(known.name if known is not None else self._key, 50),
                "bold",
            ),
            also,
            self.signs.of(f" › {what}"),
            modes,
            now if waits else self.under_way(self._now),
        )

    def page(self) -> Content:
        parts: list[Content] = []
        stage = self._stage
        if self._entry is not None:
            parts.append(self._result(self._entry))
        elif self._trouble is not None:
            parts.append(error_content(self._trouble))
            if stage is Stage.STEPS:
                parts.append(self._treatment())
        elif self._steps_done:
            parts.append(self._told(self._steps_done))
        elif stage is Stage.CARD and self._card is not None:
            parts += [
                self._card_content(self._card),
                *self._below(self._card),
            ]
        elif self._events:
            parts.append(self._told(self._events))
        elif stage is Stage.STEPS and self._prepared is not None:
            parts += [
                *self._soaked(),
                self._steps(self._prepared),
                diff_content(self._prepared.entry.diff),
            ]
        elif stage is Stage.OUTSET and self._outset is not None:
            parts.append(self._before(self._outset))
        if stage is Stage.ENDED and self._steps_done:
            parts.append(self._told(self._steps_done))
        return Content("\n\n").join(parts)

    def _before(self, outset: Outset) -> Content:
        checks = ", ".join(choice.check for choice in outset.plan.choices)
        count = plural(len(outset.plan.choices), "fix", "fixes")
        parts = hanging(
            "tries", f"{count}, on a twin beside it: {checks}", self._width, indent=LABEL
        )
        for sentence in outset.together:
            parts += hanging(
                "note",
                sentence,
                self._width,
                indent=LABEL,
            )
        for other in outset.others:
            fixes = plural(len(other.plan.choices), "fix", "fixes")
            name = other.plan.container
            theirs = [text for text in self._asked if whose(text, self._names) == name]
            proposed = other.probe.command if other.probe and not self._asked else ""
            command = theirs[0].partition("=")[2] if theirs else proposed
            judged = f"probe: {command}" if command else "no probe"
            told = f"{visible(name, 60)}: {fixes}, {judged}"
            parts += hanging(
                "with it",
                told,
                self._width,
                indent=LABEL,
            )
        for lack in outset.host_lacks:
            parts += hanging(
                "not on this host",
                lack,
                self._width,
                "$warning",
                indent=LABEL,
            )
        own = (text for text in self._probes if whose(text, self._names) in ("", self._names[0]))
        if probe := next(own, ""):
            now = f"  (now: {outset.probe.answer})" if outset.probe and not self._asked else ""
            parts += hanging(
                "probe",
                f"{probe.removeprefix(f'{self._names[0]}=')}{now}",
                self._width,
                indent=LABEL,
            )
        else:
            judged = outset.judged or "whether it starts and listens: no probe is known"
            parts += hanging(
                "judged by",
                judged,
                self._width,
                indent=LABEL,
            )
        about = (
            "Enter starts the trial; the container keeps running, untouched. i changes the probe."
        )
        return Content.assemble(*parts, "\n", (about, "$primary"))

    def _soaked(self) -> Iterator[Content]:
        if self._outset is not None and self._outset.soaked:
            yield Content("\n".join(self._outset.soaked))
            yield Content.styled("Enter enforces it now.", "$primary")

    def _steps(self, prepared: PreparedChange) -> Content:
        parts: list[Part] = [("What will be done\n", "bold")]
        for number, operation in enumerate(prepared.entry.operations, 1):
            parts += hanging(
                f"  {number}.",
                described(operation),
                self._width,
                indent=6,
            )
        for note in prepared.notes:
            parts += hanging(
                "  !",
                note,
                self._width,
                "$warning",
                indent=6,
            )
        for row in told_rows(prepared.entry.ledger):
            parts += hanging(
                "  data",
                self.signs.of(row),
                self._width,
                indent=8,
            )
        parts += [
            f"{prepared.downtime} Any failure restores the original.\n\n",
            self._treatment(),
        ]
        if self._stage is Stage.STEPS:
            parts.append(("\nEnter applies it; w writes its files.", "$primary"))
        return Content.assemble(*parts)

    def _treatment(self) -> Content:
        """What can be decided about it."""
        probe = next(iter(self._probes), "none")
        kept = f"within {self._limit:g} s, else it rolls back" if self._limit else "without a limit"
        parts = hanging(
            "probe",
            f"{probe}; i changes it",
            self._width,
            indent=LABEL,
        )
        parts += hanging(
            "data it wrote", f"{self._data.value}; space changes it", self._width, indent=LABEL
        )
        parts += hanging(
            "to be kept",
            kept,
            self._width,
            indent=LABEL,
        )
        return Content.assemble(*parts).rstrip("\n")

    def _card_content(self, card: Card) -> Content:
        parts: list[Part] = []
        others: list[Part] = []
        for other in card.others:
            told = self.signs.of(f"{visible(other.container, 40)}: {summary(other)}")
            others += hanging(
                "With it",
                told,
                self._width,
                indent=LABEL,
            )
        tall = self.app.size.height >= _TALL
        below = 4 if card.simulated else 2  # its banner, and a longer last sentence
        below += Content.assemble(*others).plain.count("\n")
        for line in lines(
            card,
            self._width,
            0 if tall else self.app.size.height - _AROUND - below,
            options=False,
        ):
            parts += [
                (f"{line.label:<{LABEL}}", "$muted"),
                self.signs.of(line.text),
                "\n",
            ]
        parts += others
        if down := downtime(card, self._limit):
            earlier = (
                f"Tried at {self._tried_at}; i, F or v tries again. " if self._tried_at else ""
            )
            data = "" if self._data is Data.KEEP else f"Data it wrote: {self._data.value}. "
            parts += [
                down,
                "\n",
                (f"{earlier}{data}Enter applies it.", "bold $primary"),
            ]
        elif card.works:
            parts.append(
                (
                    f"Data it wrote: {self._data.value}; space changes that.",
                    "bold $primary",
                )
            )
        return Content.assemble(*parts).rstrip("\n")

    def _below(self, card: Card) -> list[Content]:
        """What was asked for; on a tall screen all there is."""
        tall, parts = self.app.size.height >= _TALL, []
        if self._shown == "evidence" or tall:
            evidence = (
                f"{each.check}: {each.evidence}" for each in card.trial.left_out if each.evidence
            )
            parts += [
                self._told(self._events),
                *(Content(visible(text, 300)) for text in evidence),
            ]
        prepared = self._hardening.prepared if self._hardening is not None else None
        if prepared is not None and (self._shown == "diff" or tall):
            parts += [
                self._steps(prepared),
                diff_content(prepared.entry.diff),
            ]
        return parts

    def _told(self, events: list[tuple[str, str, str]]) -> Content:
        parts: list[Part] = []
        for label, text, style in events:
            parts += hanging(
                f"{label} ", visible(text, 300), self._width, style, indent=3, label_style=style
            )
        return Content.assemble(*parts).rstrip("\n")

    def _result(self, entry: JournalEntry) -> Content:
        down = (
            ""
            if entry.downtime_seconds is None
            else f" It was down for {entry.downtime_seconds:.1f} s."
        )
        if entry.state is EntryState.WAITING:
            text, color = (
                f"It works. K keeps it; it rolls back in {self._seconds_left} s.{down}",
                "$warning",
            )
        elif entry.in_force and self._simulated:
            text, color = "Played to its end. Simulated: nothing was changed.", "$success"
        elif entry.in_force:
            names = visible(", ".join(entry.originals), 200)
            kept = f" Kept, stopped: {names}." if names else ""
            text, color = f"Done.{down}{kept} u undoes it.", "$success"
        else:
            but = ", but for what was written since" if entry.newer else ""
            text, color = (
                f"Rolled back: everything is as before{but}. {visible(entry.reason, 200)}",
                "$warning",
            )
        parts = hanging(
            "",
            text,
            self._width,
            f"bold {color}",
            indent=0,
        )
        for line in told_newer(entry.newer):
            parts += hanging(
                "",
                self.signs.of(line),
                self._width,
                indent=0,
            )
        if entry.in_force:
            for line in self._changed(entry):
                parts += hanging(
                    "",
                    line,
                    self._width,
                    "bold",
                    indent=0,
                )
            for proof in entry.proof:
                of = f"{proof.container}: " if proof.container else ""
                told = (
                    f"{visible(of, 40)}{visible(proof.check, 60)} {visible(proof.effective, 160)}"
                )
                parts += hanging(
                    f"  {visible(proof.status, 8)}",
                    told,
                    self._width,
                    indent=8,
                )
        return Content.assemble(*parts).rstrip("\n")

    def _changed(self, entry: JournalEntry) -> Iterator[str]:
        """What is different, in points and in words."""
        task = self._hardening
        if (words := what_changed(entry)) and task is not None and task.plan is not None:
            after = task.bench.planner.score_after(task.report, task.plan)
            yield self.signs.of(
                f"score {score_word(task.report.score.value)} → {score_word(after.value)}"
            )
            yield f"{visible(', '.join(entry.changed), 200)}: {'; '.join(words)}"

    def copied(self) -> tuple[str, str]:
        if self._files is not None:
            return self._files.copied()
        return "this page", self.page().plain
