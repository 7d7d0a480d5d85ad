"""The journal: the changes on this host: who, what, proof, and how to undo them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual.content import Content

from hardentui.do import said
from hardentui.errors import HardenError
from hardentui.features.apply.entry_text import trouble_back
from hardentui.features.apply.history import History
from hardentui.features.change.data_told import told_newer, told_rows
from hardentui.model.journal import ChangeEvent, EntryState, GoingBack, JournalEntry, OperationDone
from hardentui.model.operations import described
from hardentui.tui.action_texts import hint_of
from hardentui.tui.actions import BACK, BROWSE, COPY, JOURNAL
from hardentui.tui.messages import in_background
from hardentui.tui.screens.browse import BrowseRow, BrowseScreen, Column
from hardentui.tui.screens.dialogs import SureScreen
from hardentui.tui.screens.undoing import Undoing, UndoScreen
from hardentui.tui.status import Signs
from hardentui.tui.widgets.page import diff_content
from hardentui.tui.widgets.title_bar import ScreenReport
from hardentui.visible import visible
from hardentui.words import plural


class JournalScreen(BrowseScreen):
    ACTIONS = (*JOURNAL, *BROWSE, COPY, BACK)
    DOES: ClassVar = "undoes changes"
    COLUMNS = (
        Column("When", 16),
        Column("What", 6),
        Column("Of", 0),
        Column("State", 20),
        Column("By", 16, 90),
        Column("Entry", 24, 120),
    )

    def __init__(self, container: str = "") -> None:
        """Args:
        container: only its changes; empty = all.
        """
        super().__init__()
        self._container = container
        self._entries: tuple[JournalEntry, ...] = ()
        self._broken: tuple[str, ...] = ()
        self._busy = ""
        self._read()

    def _read(self) -> None:
        recorded = History().recorded()
        self._entries = tuple(
            entry for entry in recorded.entries if self._container in ("", entry.container)
        )
        self._broken = tuple(
            f"{broken.id} cannot be read: {broken.why}" for broken in recorded.broken
        )

    def on_mount(self) -> None:
        self.set_interval(5, self.action_refresh)

    def lines(self) -> Sequence[BrowseRow] | None:
        return [self._line(entry) for entry in self._entries]

    def _line(self, entry: JournalEntry) -> BrowseRow:
        texts = (
            _when(entry),
            entry.action.value,
            entry.container,
            entry.state.value,
            entry.by,
            entry.id,
        )
        return BrowseRow(entry.id, texts, (entry.time, *texts[1:]))

    def _entry(self) -> JournalEntry | None:
        return next(
            (entry for entry in self._entries if entry.id == self.current),
            None,
        )

    def about(self, key: str) -> Content:
        entry = next((entry for entry in self._entries if entry.id == key), None)
        if entry is None:
            return Content("")
        lines = [
            Content.styled(
                f"{entry.action.value} {visible(entry.container, 80)}",
                "bold",
            )
        ]
        if entry.reason:
            lines.append(Content(visible(entry.reason, 300)))
        if entry.downtime_seconds is not None:
            lines.append(Content(f"It was down for {entry.downtime_seconds:.1f} s."))
        if entry.original:
            lines.append(Content(f"The original is kept as {visible(entry.original, 80)}."))
        told = (
            *(told_rows(entry.ledger) if entry.in_force else ()),
            *told_newer(entry.newer),
        )
        lines += [Content(self.signs.of(line)) for line in told]
        if entry.state is EntryState.WAITING:
            lines.append(Content.styled("Waiting for confirmation: K keeps it.", "$warning"))
        if entry.can_be_undone:
            lines.append(Content.styled("u undoes it.", "$primary"))
        lines += [
            Content(
                f"  {visible(proof.status, 20)}: {visible(proof.check, 60)} {visible(proof.effective, 160)}"
            )
            for proof in entry.proof
        ]
        if entry.diff:
            lines += [Content(""), diff_content(entry.diff)]
        return Content("\n").join(lines)

    def crumb(self) -> Content:
        busy = self.signs.of(f"   {visible(self._busy, 60)}…") if self._busy else ""
        broken = f"   {visible(self._broken[0], 80)}" if self._broken else ""
        count = f"   {plural(len(self._entries), 'change')} by this account"
        of = f" of {visible(self._container, 40)}" if self._container else ""
        return Content.assemble(
            (f"Journal{of}", "bold"), count, (busy, "$primary"), (broken, "$error")
        )

    def nothing(self) -> str:
        return "No changes yet. In the walk, t tries a plan and A applies it."

    def screen_report(self) -> ScreenReport:
        return ScreenReport("journal", entries=self._entries)

    def why_not(self, action: str) -> str:
        if action not in ("undo", "keep", "forget"):
            return ""
        entry = self._entry()
        if entry is None:
            return (
                "There is no entry under the cursor." if self._entries else "The journal is empty."
            )
        if self._busy:
            return "The last request is not finished."
        if action == "undo" and not entry.can_be_undone:
            return "This entry cannot be undone."
        if action == "keep" and entry.state is not EntryState.WAITING:
            return "This entry is not waiting for confirmation."
        if action == "forget" and not entry.can_be_undone:
            return "No original is kept for this entry."
        return ""

    def action_refresh(self) -> None:
        if not self._busy:
            self._read()
            self._draw()

    def action_undo(self) -> None:
        if (entry := self._entry()) is None:
            return

        def undo(how: Undoing | None) -> None:
            if how is not None and not self._busy:
                self._busy = "undoing it"
                self._draw()
                self._work(
                    partial(
                        _undone,
                        entry.id,
                        bring_back=how is Undoing.BRINGING_BACK,
                    )
                )

        question = f"Undo {entry.action.value} of {', '.join(entry.containers)}?"
        about = "The previous state is restored; a running service restarts."
        self.app.push_screen(UndoScreen(question, entry, about), undo)

    def action_keep(self) -> None:
        if (entry := self._entry()) is None:
            return
        if self._busy:
            return
        self._busy = "confirming it"
        self._work(lambda: f"{History().confirm(entry.id).container} stays as it is.")

    def action_forget(self) -> None:
        if (entry := self._entry()) is None:
            return
        question = (
            f"Remove {entry.original} permanently?" if entry.original else "Close this entry?"
        )
        detail = "The change cannot be undone afterwards."
        self._ask(
            question,
            detail,
            "forgetting it",
            lambda: visible(History().forget(entry.id).reason, 200),
        )

    def _ask(
        self,
        question: str,
        detail: str,
        what: str,
        action: Callable[[], str],
    ) -> None:
        def answered(yes: bool | None) -> None:
            if yes and not self._busy:
                self._busy = what
                self._draw()
                self._work(action)

        self.app.push_screen(SureScreen(question, detail), answered)

    def _work(self, action: Callable[[], str]) -> None:
        in_background(
            self,
            action,
            self._finished,
            self._finished,
            group="journal",
        )

    def _finished(self, outcome: str | HardenError) -> None:
        self._busy = ""
        if isinstance(outcome, HardenError):
            self.complain(hint_of(outcome), outcome.title)
        else:
            self.notify(outcome, markup=False)
        self.action_refresh()

    def copied(self) -> tuple[str, str]:
        return "the entry's id", self.current


def _undone(identity: str, *, bring_back: bool) -> str:
    """Undo an entry; what to tell of it."""
    history = History()
    done = history.undo(
        history.to_undo(identity),
        lambda event: None,
        bring_back=bring_back,
    )
    are = "is" if len(done.containers) == 1 else "are"
    told = f"{', '.join(done.containers)} {are} as before"
    return "\n".join(
        (
            f"{told}, but:" if done.newer else f"{told}.",
            *told_newer(done.newer),
        )
    )


def _when(entry: JournalEntry) -> str:
    try:
        return f"{datetime.fromisoformat(entry.time).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return visible(entry.time, 16)


def change_line(
    event: ChangeEvent,
    signs: Signs,
) -> tuple[str, str, str] | None:
    """An event of a change as sign, text and style; None for one that is only the current activity."""
    match event:
        case OperationDone(operation, number, total, seconds, remark):
            suffix = f": {remark}" if remark else ""
            text = f"{number}/{total} {described(operation)} ({seconds:.1f} s){suffix}"
            return signs.of("✓"), text, "$success"
        case GoingBack(why):
            return "", f"rolling back: {why}", "bold $warning"
        case _:
            trouble = trouble_back(event)
            return ("", said(trouble), "bold $error") if trouble else None
