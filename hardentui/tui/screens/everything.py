"""All containers of the host on one page: trials that run unattended, then what is kept of them.

The trials run in a process of their own (`RunFiles`); this screen only shows the files in which it
tells how far it is. So it can be left at any time, and another session shows the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual.content import Content

from hardentui.errors import HardenError, UsageError
from hardentui.features.apply.history import History
from hardentui.features.change.waiting_time import seconds_left
from hardentui.features.harden.card import Card
from hardentui.features.harden.everything_page import (
    about,
    changes,
    figure_lines,
    heading,
    in_sections,
    progress,
    told_asked,
)
from hardentui.features.harden.host_run import (
    CAN_BE_KEPT,
    Asked,
    Chosen,
    HostRun,
    Member,
    RunFiles,
    Standing,
    with_choice,
    without,
)
from hardentui.features.harden.keeping import Outcome, Struck, keep_all, kept_as_one, kept_of
from hardentui.features.harden.outset import CONFIRM_WITHIN
from hardentui.features.harden.page import EXPLAINS, lines
from hardentui.features.harden.showing import files_task, ledger_task, steps_task
from hardentui.features.task import Task
from hardentui.model.journal import ChangeEvent, EntryState, JournalEntry, OperationBegun
from hardentui.model.operations import described
from hardentui.tui.action_texts import in_keys, told
from hardentui.tui.actions import BACK, COPY, EVERYTHING
from hardentui.tui.choosing import Choosing
from hardentui.tui.messages import in_background
from hardentui.tui.screens.dialogs import AskScreen, SureScreen
from hardentui.tui.screens.job import JobScreen
from hardentui.tui.screens.results import Group, ResultsScreen
from hardentui.tui.screens.undoing import Undoing, UndoScreen
from hardentui.tui.screens.values import ValuesScreen
from hardentui.tui.status import BARS, Part, hanging
from hardentui.tui.widgets.why_panel import beginning
from hardentui.visible import visible
from hardentui.words import plural

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench

_ROOMY = 30  # lines of a screen that has room for bars
_LOOK = 0.5  # seconds between two looks at the run
_CARD = 19  # cells of a label
_WAITS = ("try", "apply", "undo", "keep", "again", "change", "level")
"""Actions that wait for the last request, and for the trials."""
_ASK_PROBE = (
    "A read-only command that proves that {} works; $TARGET is its address. Empty: as proposed"
)


class EverythingScreen(ResultsScreen):
    """Args:
    wanted: IDs of the containers to try; empty = all.
    begins: start the trials at once.
    """

    ACTIONS = (*EVERYTHING, COPY, BACK)
    DOES: ClassVar = "tries, then changes containers"
    SHOWS_TRIALS: ClassVar = True

    def __init__(
        self,
        wanted: tuple[str, ...] = (),
        *,
        begins: bool = False,
    ) -> None:
        super().__init__()
        self._wanted = wanted
        self._begins = begins
        self._files: RunFiles | None = None
        self._run: HostRun | None = None
        self._asked: Mapping[str, Asked] = {}
        self._cards: dict[str, Card | None] = {}
        self._busy = ""
        self._stop: threading.Event | None = None
        self._entry: JournalEntry | None = None
        self._outcomes: list[str] = []

    def on_mount(self) -> None:
        self.set_interval(_LOOK, self._look)
        self._look()
        if self._begins:
            self._start(again=False)

    def on_unmount(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def _look(self) -> None:
        bench = self.session.bench
        if bench is None:
            return
        if self._files is None:
            self._files = RunFiles(bench.opened)
            if not bench.opened.simulated:
                self._entry = History().waiting_together()  # its terminal may be lost
        run = self._files.read_now()
        waits = self._entry is not None and self._entry.state is EntryState.WAITING
        if waits and self._entry is not None and seconds_left(self._entry) < 0:
            self._entry = History().find(self._entry.id)  # another process rolls it back
        asked, chosen = self._files.asked(), self._files.chosen()  # another session may ask, too
        if (run, asked, chosen) != (self._run, self._asked, self._chosen):
            if run != self._run:
                self._cards.clear()
            self._run, self._asked, self._chosen = run, asked, chosen
            if self._entry is None and run is not None and run.ended:
                self._entry = kept_as_one(run)
            self._draw()
        elif waits or self._busy:
            self._draw()

    def sections(self) -> Iterator[tuple[str, Sequence[Group]]]:
        if self._run is not None:
            for heading, part in in_sections(self._run):
                yield heading, part.groups

    def standing_of(self, member: Member) -> str:
        return "changed: t tries it" if self._is_changed(member) else super().standing_of(member)

    def _in_numbers(self, member: Member) -> str:
        """Of one among several, in a line: what the list does not say."""
        if member.standing in CAN_BE_KEPT and (gain := changes(member)):
            return gain
        text, room = about(member, in_keys), self.text_width - _CARD
        return text if len(text) <= room else beginning(text, room) or text

    def answered(self, member: Member) -> Collection[str]:
        asked = self._asked.get(member.key, Asked())
        return {choice.check for choice in asked.given}

    def _is_changed(self, member: Member) -> bool:
        """Whether something else is asked of it than what was tried."""
        asked = self._asked.get(member.key, Asked())
        return asked != replace(member.asked, everything=asked.everything)

    def crumb(self) -> Content:
        if self._busy:
            return Content.assemble((self.signs.of(f"{self._busy}…"), "bold $primary"))
        if self._entry is not None:
            return self._told_entry(self._entry)
        if self._run is None:
            return Content.assemble(("All containers", "bold"))
        size = self.app.size
        if not self._run.ended:
            under_way = progress(self._run)
            left = "   esc leaves, the trials go on"
            if len(under_way) + len(left) > size.width - 2:
                left = ""
            return Content.assemble(
                (self.signs.of(under_way), "bold"),
                (left, "$primary"),
            )
        told = list(
            figure_lines(
                self._run.members,
                size.width - 2,
                with_bars=size.height >= _ROOMY,
            )
        )
        return Content.assemble(
            (self.signs.of(heading(self._run)), "bold"),
            *(f"\n{self.signs.of(line)}" for line in told),
        ).highlight_regex(BARS, style="$primary")

    def _told_entry(self, entry: JournalEntry) -> Content:
        if entry.state is EntryState.WAITING:
            left = max(0, round(seconds_left(entry)))
            text = f"{entry.container} work. K keeps all; all roll back in {left} s."
            return Content.assemble((text, "bold $warning"))
        if entry.in_force:
            return Content.assemble(
                (
                    f"{entry.container} hardened. u undoes it.",
                    "bold $success",
                ),
            )
        return Content.assemble(
            (
                f"Everything is as before. {visible(entry.reason, 120)}",
                "bold $warning",
            ),
        )

    def nothing(self) -> str:
        return (
            "Nothing was tried yet. t tries every container on twins, in the background: the list "
            "stays usable, and you can leave. The containers keep running, untouched."
        )

    def about(self, key: str) -> Content:
        members, check = self.under()
        parts: list[Part] = []
        for line in self._outcomes:
            parts += hanging(
                "",
                line,
                self.text_width,
                "$warning",
                indent=0,
            )
        if check and members:
            parts += self.about_fix(members[0], check)
        elif len(members) > 1:
            for member in members:
                parts += hanging(
                    visible(member.name, 18),
                    self._in_numbers(member),
                    self.text_width,
                    indent=_CARD,
                )
        elif members:
            parts += self._about_member(members[0])
        return Content.assemble(*(self.signed(part) for part in parts)).rstrip("\n")

    def _about_member(self, member: Member) -> Iterator[Part]:
        width = self.text_width
        yield from hanging(
            "",
            about(member, in_keys),
            width,
            "bold",
            indent=0,
        )
        for label, text in (
            ("Struck out", self._told_struck(member)),
            (
                "Asked for",
                told_asked(self._asked.get(member.key, Asked())),
            ),
        ):
            if text:
                yield from hanging(
                    label,
                    text,
                    width,
                    "$warning",
                    indent=_CARD,
                )
        if member.key not in self._cards and self._files is not None:
            self._cards[member.key] = self._files.card(member)
        if (card := self._cards.get(member.key)) is not None:
            for line in lines(
                card,
                width,
                say=in_keys,
                without=EXPLAINS,
            ):
                yield (f"{line.label:<{_CARD}}", "$muted")
                yield Content(self.signs.of(line.text)).highlight_regex(
                    BARS,
                    style="$primary",
                )
                yield "\n"

    def _told_struck(self, member: Member) -> str:
        struck = sorted(self.struck_of(member))
        if not struck:
            return ""
        return f"{', '.join(struck)}: score {member.after} → about {self.score_of(member)}"

    def why_not(self, action: str) -> str:
        running = self._run is not None and not self._run.ended
        entry, (members, check) = self._entry, self.under()
        member = members[0] if len(members) == 1 else None
        if self._busy and action in _WAITS:
            return "The last request is not finished."
        if running and action in _WAITS:
            return "The trials run: wait for their end, or stop them."
        match action:
            case "keep" if entry is None or entry.state is not EntryState.WAITING:
                return "Nothing is waiting for confirmation here."
            case "undo" if entry is None or not entry.can_be_undone:
                return "Nothing was applied here. The journal has earlier changes."
            case "stop" if not running:
                return "No trials run."
            case "apply" if not any(map(self.is_kept, self.members.values())):
                return "No result is marked: space marks one that is ready."
            case "again" if not members:
                return "There is no container in this row."
            case "change" | "level" if member is None or member.standing is Standing.KEPT:
                return "Go to a container that can be tried, or to one of its fixes."
            case "diff" | "ledger" | "write" if not self._shown():
                return "There is no result to show in this row."
            case "change" if check and not self._takes_value(member, check):
                return "This fix takes no value."
        return super().why_not(action)

    def _takes_value(
        self,
        member: Member | None,
        check: str,
    ) -> bool:
        fix = next((fix for fix in member.fixes if fix.check == check), None) if member else None
        known = self.session.bench.judge.check(check) if self.session.bench else None
        return (fix is not None and fix.is_open) or (known is not None and bool(known.takes))

    def action_mark(self) -> None:
        """What is open is answered; all else is kept, or not."""
        members, check = self.under()
        fix = next((fix for fix in members[0].fixes if fix.check == check), None)
        if fix is not None and fix.is_open:
            self.action_change()
        else:
            super().action_mark()

    def action_change(self) -> None:
        """Of a container: its probe. Of a fix: its value, or the decision."""
        (member,), check = self.under()
        asked = self._asked.get(member.key, Asked())
        if not check:
            card = self._files.card(member) if self._files is not None else None
            proposed = card.probes[0] if card is not None and card.probes else ""
            self.app.push_screen(
                AskScreen(
                    _ASK_PROBE.format(visible(member.name, 40)),
                    value=asked.probe or proposed,
                ),
                lambda probe: self._probe_given(member, probe, proposed),
            )
            return
        bench, row = self.session.bench, self.session.rows.get(member.key)
        report = row.report if row is not None else None
        everything = report.everything if report is not None else ()
        finding = next(
            (finding for finding in everything if finding.check == check),
            None,
        )
        if bench is None or report is None or finding is None:
            self.complain("The container is being checked again.")
            return
        choosing = Choosing(
            bench,
            report,
            {},
            {choice.check: dict(choice.parameters) for choice in asked.given},
        )
        before = choosing.choice(check)
        if not choosing.settings(check):
            decided = check in self.answered(member)
            self._ask(
                member,
                without(asked, check) if decided else with_choice(asked, before),
            )
            return

        def left(_: object) -> None:
            if (choice := choosing.choice(check)) != before:
                self._ask(member, with_choice(asked, choice))

        self.app.push_screen(ValuesScreen(choosing, finding), left)

    def _probe_given(
        self,
        member: Member,
        probe: str | None,
        proposed: str,
    ) -> None:
        if probe is not None and probe != proposed:
            self._ask(
                member,
                replace(self._asked.get(member.key, Asked()), probe=probe),
            )

    def action_level(self) -> None:
        (member,), _ = self.under()
        asked = self._asked.get(member.key, Asked())
        self._ask(member, replace(asked, tight=not asked.tight))

    def _ask(
        self,
        member: Member,
        asked: Asked,
    ) -> None:
        """Remember it; the next start tries this container again, and no other one."""
        if self._files is not None:
            self._save(partial(self._files.ask, {member.key: asked}))

    def choose(self, wanted: Mapping[str, Chosen]) -> None:
        if self._files is not None:
            self._save(partial(self._files.choose, wanted))

    def _save(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            self.complain(f"It could not be saved: {error.strerror}.")
        self._look()

    def _shown(self) -> list[Struck]:
        """The results of the row under the cursor; of a row of several those that are kept."""
        members, _ = self.under()
        able = [member for member in members if member.standing in CAN_BE_KEPT]
        several = [member for member in able if self.is_kept(member)] if len(able) > 1 else able
        return [Struck(member, self.struck_of(member)) for member in several]

    def action_diff(self) -> None:
        self._read(steps_task, "what will be done")

    def action_ledger(self) -> None:
        self._read(ledger_task, "where its data will be")

    def action_write(self) -> None:
        self._read(files_task, "as files")

    def _read(
        self,
        task: Callable[[Workbench, Sequence[Struck]], Task],
        what: str,
    ) -> None:
        bench, shown = self.session.bench, self._shown()
        if bench is not None:
            name = shown[0].member.name if len(shown) == 1 else plural(len(shown), "container")
            self.app.push_screen(
                JobScreen(
                    f"{name} › {what}",
                    task(bench, shown),
                    "reading",
                )
            )

    def action_try(self) -> None:
        """What was changed; else those that are missing; else all once more."""
        run = self._run
        missing = run is None or run.stopped or any(map(self._is_changed, self.members.values()))
        self._start(again=not missing)

    def action_again(self) -> None:
        self._start(
            again=True,
            wanted=tuple(member.id for member in self.under()[0]),
        )

    def _start(
        self,
        *,
        again: bool,
        wanted: tuple[str, ...] = (),
    ) -> None:
        """Of all; again: of those that were tried, and of no others."""
        files, wanted = self._files, wanted or self._wanted
        if files is None:
            self._begins = True
            return
        self._busy, self._outcomes, self._entry = "starting the trials", [], None
        self._in_background(
            lambda: files.start(wanted, again=again),
            lambda _: None,
        )

    def action_stop(self) -> None:
        if self._files is not None:
            self._files.stop()
            self.notify("The trials end, and their twins are removed. t goes on later.")

    def action_apply(self) -> None:
        kept = [*kept_of(self._run, self._chosen)] if self._run is not None else []
        down = [struck.member.downtime for struck in kept if struck.member.downtime]
        restart = (
            f"{plural(len(down), 'service')} restart, {max(down):.1f} s at most each. "
            if down
            else ""
        )
        detail = (
            f"{restart}What fails is rolled back alone. All of it rolls back unless you keep it "
            f"with K within {CONFIRM_WITHIN:.0f} s after the last one."
        )

        def sure(yes: bool | None) -> None:
            if yes and not self._busy:
                self._apply(kept)

        many = plural(len(kept), "container")
        self.app.push_screen(SureScreen(f"Harden {many} now?", detail), sure)

    def _apply(self, kept: list[Struck]) -> None:
        bench, files = self.session.bench, self._files
        if bench is None or files is None:
            return
        self._busy, self._outcomes = "applying", []
        stop = self._stop = threading.Event()

        def tell(event: ChangeEvent) -> None:
            self.call_later(self._progressed, event)

        def work() -> JournalEntry:
            return keep_all(
                bench,
                files,
                kept,
                CONFIRM_WITHIN,
                tell,
                stop,
                lambda outcome: self.call_later(self._outcome, outcome),
            )

        self._in_background(work, self._applied)
        self._draw()

    def _progressed(self, event: ChangeEvent) -> None:
        match event:
            case OperationBegun(operation, number, total):
                self._busy = f"applying: {number}/{total} {visible(described(operation), 80)}"

    def _outcome(self, outcome: Outcome | str) -> None:
        if isinstance(outcome, str):
            self._outcomes.append(outcome)
        elif outcome.why is not None:
            self._outcomes.append(f"{outcome.names}: as before. {told(outcome.why)}")
        self._draw()

    def _applied(self, entry: JournalEntry) -> None:
        self._entry, self._stop = entry, None
        self.app.bell()
        self.session.relist()

    def action_keep(self) -> None:
        if (entry := self._entry) is not None:
            self._busy = "keeping it"
            self._in_background(lambda: History().confirm(entry.id), self._applied)

    def action_undo(self) -> None:
        if (entry := self._entry) is None:
            return

        def undo(how: Undoing | None) -> None:
            if how is not None and not self._busy:
                self._busy = "undoing it"
                back = how is Undoing.BRINGING_BACK
                self._in_background(
                    lambda: History().undo(
                        entry,
                        lambda event: None,
                        bring_back=back,
                    ),
                    self._applied,
                )

        self.app.push_screen(
            UndoScreen(f"Undo {entry.container}?", entry),
            undo,
        )

    def _in_background(
        self,
        work: Callable[[], object],
        then: Callable[[JournalEntry], object],
    ) -> None:
        def done(result: object) -> None:
            self._busy = ""
            if isinstance(result, JournalEntry):
                then(result)
            self._draw()

        def failed(error: HardenError) -> None:
            self._busy, self._stop = "", None
            self.complain(
                told(error),
                "" if isinstance(error, UsageError) else "It failed",
            )
            self._draw()

        in_background(
            self,
            work,
            done,
            failed,
            group="everything",
        )
