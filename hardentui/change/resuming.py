"""Where a change that was cut off can go on."""

from __future__ import annotations

from hardentui.model.journal import EntryAction, EntryState, JournalEntry
from hardentui.model.operations import RestartUnit, StartContainer, UpdateContainer


def resumable_from(entry: JournalEntry) -> int | None:
    """The index of the operation to go on with; None where only the way back is safe.

    Everything up to the start of the hardened service has to be done: what follows only starts and judges it,
    and may be carried out twice. Of what comes before nobody knows whether it was half done.
    """
    if entry.state is not EntryState.OPEN or entry.action is not EntryAction.APPLY or entry.reason:
        return None  # a reason says that it is on its way back
    for index, operation in enumerate(entry.operations[: entry.begun]):
        if isinstance(operation, StartContainer | RestartUnit | UpdateContainer):
            return index
    return None
