"""Whether an interrupted change can be completed."""

from __future__ import annotations

from hardentui.model.journal import (
    EntryAction,
    EntryState,
    JournalEntry,
)
from hardentui.model.operations import RestartUnit, StartContainer, UpdateContainer


def resumable_from(entry: JournalEntry) -> int | None:
    """The index of the operation to continue with; None if only undo is safe.

    Everything up to the start of the hardened service must be done: the rest only starts and judges
    it, and may be carried out twice. An earlier operation may be half done.
    """
    if entry.state is not EntryState.OPEN or entry.action is not EntryAction.APPLY or entry.reason:
        return None  # a reason means that a rollback has begun
    for index, operation in enumerate(entry.operations[: entry.begun]):
        if isinstance(operation, StartContainer | RestartUnit | UpdateContainer):
            return index
    return None
