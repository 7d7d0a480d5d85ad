"""An entry of the journal, of which a test says what matters to it."""

from typing import Any

from hardentui.model.journal import EntryAction, JournalEntry
from hardentui.model.operations import Operation

ENTRY = "20261126-101112-00ff"


def entry(
    *operations: Operation,
    identity: str = ENTRY,
    **more: Any,
) -> JournalEntry:
    told = {
        "action": EntryAction.APPLY,
        "container": "web",
        "operations": operations,
        **more,
    }
    return JournalEntry(
        id=identity,
        time="2026-11-26T10:11:12+00:00",
        **told,
    )
