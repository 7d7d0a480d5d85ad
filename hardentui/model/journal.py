"""The journal: who changed what on this host, when, with what proof, and how it is taken back."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

from hardentui.model.operations import Operation

JOURNAL_SCHEMA = "hardentui/journal/1"


class EntryAction(StrEnum):
    """What was done. UNDO tells of another entry that was taken back; it cannot be taken back itself."""

    APPLY = "apply"
    UNDO = "undo"
    TRUST = "trust"
    HOST = "host"


class EntryState(StrEnum):
    """How it stands. OPEN: it was begun and came to no end yet, or was cut off."""

    OPEN = "open"
    WAITING = "waiting-for-confirm"
    DONE = "done"
    ROLLED_BACK = "rolled-back"


class JournalChange(Struct, frozen=True):
    """One option that becomes another, in the words of the command line, with secrets masked."""

    check: str
    option: str
    before: str | None
    after: str | None


class JournalProof(Struct, frozen=True):
    """What a check said of the real container afterwards."""

    check: str
    status: str
    effective: str = ""


class ConfirmClock(Struct, frozen=True, kw_only=True):
    """When a change goes back, by the clock that counts from the start of the host.

    Attributes:
        boot: the kernel's id of that run of the host.
        uptime: seconds since its start.
        seconds: how long the change was to wait.
    """

    boot: str
    uptime: float
    seconds: float


class JournalEntry(Struct, frozen=True, kw_only=True):
    """One change of the host, with everything that taking it back needs.

    Attributes:
        time: when it began, UTC, ISO 8601.
        container: the container, or what else was changed (the path of a policy).
        engine: address of its Podman; empty where no Podman is needed.
        by: who did it.
        diff: what changes in the files, with secrets masked.
        original: the name under which the former container is kept; None when there is none.
        reason: why it was rolled back, or what has to be known of it.
        operations: all of them, in order.
        begun: how many of them were begun; the last of these may be done, half done or not done.
        confirm_by: seconds since the epoch; it goes back unless it is confirmed by then. 0 = no need.
        confirm_clock: the same by a clock that nobody sets.
        undoes: the entry that this one took back.
        forgotten: its kept original was removed, so nothing is left to go back to.
    """

    id: str
    time: str
    action: EntryAction
    container: str
    engine: str = ""
    by: str = ""
    state: EntryState = EntryState.OPEN
    changes: tuple[JournalChange, ...] = ()
    diff: str = ""
    proof: tuple[JournalProof, ...] = ()
    original: str | None = None
    downtime_seconds: float | None = None
    reason: str = ""
    operations: tuple[Operation, ...] = ()
    begun: int = 0
    confirm_by: float = 0.0
    confirm_clock: ConfirmClock | None = None
    undoes: str = ""
    forgotten: bool = False
    schema: str = JOURNAL_SCHEMA

    @property
    def unfinished(self) -> bool:
        return self.state in (EntryState.OPEN, EntryState.WAITING)

    def has_begun_after(self, operation: Operation) -> bool:
        """Whether more was begun than this one."""
        return operation not in self.operations[self.begun - 1 : self.begun]

    @property
    def in_force(self) -> bool:
        """What it changed still stands, or may."""
        return self.action is not EntryAction.UNDO and self.state is not EntryState.ROLLED_BACK

    @property
    def can_be_undone(self) -> bool:
        return self.in_force and not self.forgotten


def public_entry(entry: JournalEntry) -> dict[str, Any]:
    """An entry as scripts get it: without the contents of files and the arguments of commands."""
    return {
        "id": entry.id,
        "time": entry.time,
        "action": entry.action.value,
        "container": entry.container,
        "state": entry.state.value,
        "by": entry.by,
        "changes": [
            {"check": change.check, "option": change.option, "before": change.before, "after": change.after}
            for change in entry.changes
        ],
        "diff": entry.diff,
        "proof": [
            {"check": proof.check, "status": proof.status, "effective": proof.effective}
            for proof in entry.proof
        ],
        "original": entry.original,
        "downtime_seconds": entry.downtime_seconds,
        "reason": entry.reason,
        "confirm_by": entry.confirm_by or None,
        "undoes": entry.undoes or None,
        "way_back": f"hardentui undo {entry.id}" if entry.can_be_undone else None,
    }


def journal_document(entries: tuple[JournalEntry, ...]) -> dict[str, Any]:
    """What `journal --format json` and `apply --format json` write."""
    return {"schema": JOURNAL_SCHEMA, "entries": [public_entry(entry) for entry in entries]}
