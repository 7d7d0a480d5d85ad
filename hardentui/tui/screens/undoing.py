"""The question before an undo: what it means, and whether newer data is to come back."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

from hardentui.features.apply.entry_text import downtime_of_undo
from hardentui.features.change.data_operator import can_bring_back
from hardentui.features.change.data_told import told_way_back
from hardentui.model.journal import JournalEntry
from hardentui.tui.action import Action, bindings
from hardentui.tui.screens.dialogs import Dialog

UNDOING = (
    Action(
        "undoing.yes",
        "y",
        "Yes",
        "Undo it.",
        "Question",
        True,
    ),
    Action(
        "undoing.bring_back",
        "b",
        "Bring back",
        "Undo it, and give what was written since back to the original.",
        "Question",
        True,
    ),
    Action(
        "undoing.leave",
        "escape,q",
        "No",
        "Cancel.",
        "Question",
        True,
        "esc",
    ),
)


class Undoing(Enum):
    """How an entry is undone."""

    PLAIN = "plain"
    BRINGING_BACK = "bringing back"


class UndoScreen(Dialog[Undoing]):
    """Asks whether an entry is undone, and how; None if it was left."""

    BINDINGS: ClassVar = bindings(UNDOING)

    def __init__(
        self,
        question: str,
        entry: JournalEntry,
        about: str = "",
    ) -> None:
        self._offers = can_bring_back(entry)
        told = (
            about,
            downtime_of_undo(entry),
            *told_way_back(entry.ledger, offers=False),
        )
        bring = "   b yes, and give that back to it" if self._offers else ""
        super().__init__(
            question,
            "\n".join(line for line in told if line),
            keys=f"\ny yes{bring}   esc no",
        )

    def action_yes(self) -> None:
        self.dismiss(Undoing.PLAIN)

    def action_bring_back(self) -> None:
        if self._offers:
            self.dismiss(Undoing.BRINGING_BACK)
