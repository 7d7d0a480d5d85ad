"""All containers of the host on one page: trials that run unattended, then what is kept of them.

The trials run in a process of their own (`RunFiles`); this screen only shows the files in which it
tells how far it is. So it can be left at any time, and another session shows the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

from textual.content import Content

from hardentui.errors import HardenError, UsageError
from hardentui.features.apply.history import History
from hardentui.features.change.journal import seconds_left
from hardentui.features.harden.card import Card
from hardentui.features.harden.everything_page import (
    WORDS,
    about,
    bar,
    changes,
    heading,
    progress,
    without_fixes,
)
from hardentui.features.harden.host_run import (
    Fix,
    HostRun,
    Member,
    RunFiles,
    Standing,
    average,
)
from hardentui.features.harden.keeping import Outcome, Struck, keep_all
from hardentui.features.harden.outset import CONFIRM_WITHIN
from hardentui.features.harden.page import lines
from hardentui.harden.score import score_word
from hardentui.model.journal import ChangeEvent, EntryState, JournalEntry, OperationBegun
from hardentui.model.operations import described
from hardentui.tui.action_texts import told
from hardentui.tui.actions import BACK, COPY, EVERYTHING
from hardentui.tui.messages import in_background
from hardentui.tui.screens.browse import BrowseRow, BrowseScreen, Column
from hardentui.tui.screens.job import SureScreen
from hardentui.tui.screens.undoing import Undoing, UndoScreen
from hardentui.tui.status import Part, hanging
from hardentui.visible import visible
from hardentui.words import plural

_LOOK = 0.5  # seconds between two looks at the run
_CARD = 19  # cells of a label
_APPLIES = (Standing.READY, Standing.DECIDE)


class EverythingScreen(BrowseScreen):
    """Args:
    wanted: IDs of the containers to try; empty = all.
    begins: start the trials at once.
    """

    ACTIONS = (*EVERYTHING, COPY, BACK)
    DOES: ClassVar = "tries, then changes containers"
    COLUMNS = (
        Column("Container", 0),
        Column("Score", 11),
        Column("", 23, 100),
        Column("Standing", 20),
        Column("Down", 8, 90),
    )

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
        self._cards: dict[str, Card | None] = {}
        self._marks: dict[
            str, bool
        ] = {}  # key -> whether it is kept; what was not decided is ready
        self._struck: dict[str, set[str]] = {}  # key -> checks that are left out
        self._open: set[str] = set()  # rows whose fixes are shown
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
        run = self._files.read()
        waits = self._entry is not None and self._entry.state is EntryState.WAITING
        if waits and self._entry is not None and seconds_left(self._entry) < 0:
            self._entry = History().find(self._entry.id)  # another process rolls it back
        if run != self._run:
            self._run = run
            self._cards.clear()
            self._draw()
        elif waits or self._busy:
            self._draw()

    # --- the rows ---------------------------------------------------------------------------------

    @property
    def _members(self) -> Mapping[str, Member]:
        return {member.key: member for member in self._run.members} if self._run else {}

    def _is_kept(self, member: Member) -> bool:
        ready = member.standing is Standing.READY
        return member.standing in _APPLIES and self._marks.get(member.key, ready)

    def _after(self, member: Member) -> int | None:
        """The score that it will have, without what was struck out."""
        return without_fixes(member, self._struck.get(member.key, set()))

    def lines(self) -> Sequence[BrowseRow] | None:
        if self._run is None:
            return ()
        rows: list[BrowseRow] = []
        for group, members in self._run.groups:
            indent = ""
            if len(members) > 1:
                rows.append(self._group_row(group, members))
                indent = "  "
            for member in members:
                rows.append(self._member_row(member, indent))
                if member.key in self._open:
                    rows += [self._fix_row(member, fix, indent) for fix in member.fixes]
        return rows

    def _row(
        self,
        key: str,
        name: str,
        before: int | None,
        after: int | None,
        standing: str = "",
        down: str = "",
    ) -> BrowseRow:
        scored = before is not None
        score = f"{score_word(before)} → {score_word(after)}" if after is not None else ""
        score = score or (score_word(before) if scored else "")
        bars = f"{bar(before)} → {bar(after)}" if after is not None else bar(before)
        texts = (name, score, bars if scored else "", standing, down)
        signs = self.signs
        return BrowseRow(
            key,
            tuple(signs.of(text) for text in texts),
            texts,
        )

    def _group_row(
        self,
        group: str,
        members: tuple[Member, ...],
    ) -> BrowseRow:
        after = [score for member in members if (score := self._after(member)) is not None]
        known = round(sum(after) / len(after)) if after else None
        name = f"{visible(group, 40)} ({len(members)} together)"
        return self._row(
            f"group {members[0].key}",
            name,
            average(members),
            known,
        )

    def _member_row(
        self,
        member: Member,
        indent: str,
    ) -> BrowseRow:
        mark = "[x]" if self._is_kept(member) else "[ ]"
        mark = mark if member.standing in _APPLIES else "   "
        fold = "▾" if member.key in self._open else "▸" if member.fixes else " "
        down = f"{member.downtime:.1f} s" if member.downtime else ""
        running = member.standing is Standing.RUNNING and member.now
        return self._row(
            member.key,
            f"{mark} {indent}{fold} {visible(member.name, 60)}",
            member.before,
            self._after(member),
            visible(member.now, 20) if running else WORDS[member.standing],
            down,
        )

    def _fix_row(
        self,
        member: Member,
        fix: Fix,
        indent: str,
    ) -> BrowseRow:
        struck = fix.check in self._struck.get(member.key, set())
        mark = "[ ]" if struck else "[x]"
        cost = (member.after or 0) - (fix.without if fix.without is not None else member.after or 0)
        worth = f"{'-' if struck else '+'}{cost}" if cost > 0 else ""
        texts = (
            f"      {indent}{mark} {visible(fix.text, 120)}",
            worth,
            "",
            fix.check,
            "",
        )
        return BrowseRow(f"{member.key} {fix.check}", texts, texts)

    def _under(self) -> tuple[tuple[Member, ...], str]:
        """The containers of the row under the cursor, and the check of its fix."""
        key, _, check = self.current.partition(" ")
        if key == "group":
            groups = self._run.groups if self._run else ()
            return next(
                (members for _, members in groups if members[0].key == check),
                (),
            ), ""
        member = self._members.get(key)
        return ((member,) if member else ()), check

    # --- what is told -----------------------------------------------------------------------------

    def crumb(self) -> Content:
        if self._entry is not None:
            return self._told_entry(self._entry)
        if self._busy:
            return Content.assemble((self.signs.of(f"{self._busy}…"), "bold $primary"))
        if self._run is None:
            return Content.assemble(("All containers", "bold"))
        if not self._run.ended:
            left = "esc leaves, the trials go on"
            return Content.assemble(
                (self.signs.of(progress(self._run)), "bold"),
                (f"   {left}", "$primary"),
            )
        return Content.assemble((self.signs.of(heading(self._run)), "bold"))

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
                f"Rolled back: {visible(entry.reason, 120)}",
                "bold $warning",
            ),
        )

    def nothing(self) -> str:
        return (
            "Nothing was tried yet. t tries every container on twins, in the background: the list "
            "stays usable, and you can leave. The containers keep running, untouched."
        )

    def about(self, key: str) -> Content:
        members, check = self._under()
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
            parts += self._about_fix(members[0], check)
        elif len(members) > 1:
            for member in members:
                parts += hanging(
                    visible(member.name, 18), about(member), self.text_width, indent=_CARD
                )
        elif members:
            parts += self._about_member(members[0])
        return Content.assemble(*(self._signed(part) for part in parts)).rstrip("\n")

    def _signed(self, part: Part) -> Part:
        if isinstance(part, str):
            return self.signs.of(part)
        return (self.signs.of(str(part[0])), part[1]) if isinstance(part, tuple) else part

    def _about_fix(
        self,
        member: Member,
        check: str,
    ) -> Iterator[Part]:
        bench = self.session.bench
        known = bench.judge.check(check) if bench is not None else None
        if known is not None:
            yield (f"{known.title}\n", "bold")
        fix = next((fix for fix in member.fixes if fix.check == check), None)
        if fix is not None:
            yield f"{fix.text}\n"
            if fix.without is not None and member.after is not None and fix.without < member.after:
                yield f"Without it: score {member.after} → {fix.without}. "
            else:
                yield "It costs no points to leave it out. "
            yield "Space strikes it out, or takes it back.\n"

    def _about_member(self, member: Member) -> Iterator[Part]:
        width = self.text_width
        yield from hanging(
            "",
            about(member),
            width,
            "bold",
            indent=0,
        )
        if told_changes := changes(member):
            yield f"{told_changes}\n"
        if struck := sorted(self._struck.get(member.key, ())):
            text = f"{', '.join(struck)}: score {member.after} → about {self._after(member)}"
            yield from hanging(
                "Struck out",
                text,
                width,
                "$warning",
                indent=_CARD,
            )
        if member.key not in self._cards and self._files is not None:
            self._cards[member.key] = self._files.card(member)
        if (card := self._cards.get(member.key)) is not None:
            for line in lines(card, width):
                yield (f"{line.label:<{_CARD}}", "$muted")
                yield f"{line.text}\n"

    def copied(self) -> tuple[str, str]:
        return "this page", self.about(self.current).plain

    # --- actions ----------------------------------------------------------------------------------

    def why_not(self, action: str) -> str:
        running = self._run is not None and not self._run.ended
        entry, (members, _) = self._entry, self._under()
        if self._busy and action in ("try", "apply", "undo", "keep"):
            return "The last request is not finished."
        if action == "keep" and (entry is None or entry.state is not EntryState.WAITING):
            return "Nothing is waiting for confirmation here."
        if action == "undo" and (entry is None or not entry.can_be_undone):
            return "Nothing was applied here. The journal has earlier changes."
        if action == "stop" and not running:
            return "No trials run."
        if action == "try" and running:
            return "The trials run already."
        if action == "apply" and not any(map(self._is_kept, self._members.values())):
            return "No result is marked: space marks one that is ready."
        if action == "mark" and not any(member.standing in _APPLIES for member in members):
            return "There is no result to mark in this row."
        if action == "fold" and not any(member.fixes for member in members):
            return "This row has no fixes to show."
        return ""

    def action_mark(self) -> None:
        """A container: kept or not; a fix: in it or struck out."""
        members, check = self._under()
        able = [member for member in members if member.standing in _APPLIES]
        if check:
            struck = self._struck.setdefault(able[0].key, set())
            struck ^= {check}
        else:
            keep = not all(map(self._is_kept, able))
            self._marks.update({member.key: keep for member in able})
        self._draw()

    def action_fold(self) -> None:
        self.enter_row()

    def enter_row(self) -> None:
        """Enter shows the fixes of a container below it, or hides them."""
        keys = {member.key for member in self._under()[0] if member.fixes}
        self._open = self._open - keys if keys <= self._open else self._open | keys
        self._draw()

    def action_try(self) -> None:
        self._start(again=self._run is not None and not self._run.stopped)

    def _start(self, *, again: bool) -> None:
        """Of all; again: of those that were tried, and of no others."""
        files, wanted = self._files, self._wanted
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
        kept = [
            Struck(member, frozenset(self._struck.get(member.key, ())))
            for member in self._members.values()
            if self._is_kept(member)
        ]
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
