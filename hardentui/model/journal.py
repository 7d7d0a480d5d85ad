"""The journal: who changed what on this host, when, with what proof, and how to undo it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from hardentui.model.ledger import LedgerRow, NewerData
from hardentui.model.operations import CreateStandIn, NoteContainer, Operation, RenameContainer

JOURNAL_SCHEMA = "hardentui/journal/1"


class EntryAction(StrEnum):
    """What was done. UNDO records that another entry was undone; it cannot be undone itself. HARDEN
    holds several changes together, which are undone and kept as one."""

    APPLY = "apply"
    HARDEN = "harden"
    UNDO = "undo"
    TRUST = "trust"
    HOST = "host"


class EntryState(StrEnum):
    """The state of an entry. OPEN: started but not finished, or interrupted."""

    OPEN = "open"
    WAITING = "waiting-for-confirm"
    DONE = "done"
    ROLLED_BACK = "rolled-back"


class JournalChange(Struct, frozen=True):
    """One changed option as on a command line, secrets masked; `container` where there are several."""

    check: str
    option: str
    before: str | None
    after: str | None
    container: str = ""


class JournalProof(Struct, frozen=True):
    """The result of a check on the real container afterwards; `container` where there are several."""

    check: str
    status: str
    effective: str = ""
    container: str = ""


class ConfirmClock(Struct, frozen=True, kw_only=True):
    """When an unconfirmed change is rolled back, by the host's boot clock."""

    boot: str  # the kernel's boot ID
    uptime: float  # seconds since boot
    seconds: float


class Soak(Struct, frozen=True, kw_only=True):
    """A learned seccomp profile that only logs what it would refuse, for a while."""

    # since, until: seconds since the epoch
    since: float
    until: float
    # logs, learned: path of the profile in log mode, and of the one that will be enforced
    logs: str
    learned: str
    audit_lost: int | None = None  # records that the kernel had lost before it; None: not known
    slower: str = ""  # that the service takes longer to answer, as it was last measured; empty: no


class JournalEntry(Struct, frozen=True, kw_only=True):
    """One change to the host, with everything needed to undo it."""

    id: str
    time: str  # start time, UTC, ISO 8601
    action: EntryAction
    container: str  # the container, or whatever else was changed (the path of a policy)
    engine: str = ""  # address of its Podman; empty if Podman is not needed
    by: str = ""
    state: EntryState = EntryState.OPEN
    changes: tuple[JournalChange, ...] = ()
    diff: str = ""  # the changes to the files, with secrets masked
    proof: tuple[JournalProof, ...] = ()
    # the name under which the original container is kept; None if there is none
    original: str | None = None
    # measured, from the stop until it was ready, or until the original ran again;
    # `expected_downtime_seconds` is what was told before
    downtime_seconds: float | None = None
    expected_downtime_seconds: float | None = None
    reason: str = ""  # why it was rolled back, or other remarks
    operations: tuple[Operation, ...] = ()
    # how many of them were started; the last of these may be done, partly done or not done
    begun: int = 0
    # seconds since the epoch; it is rolled back unless confirmed by then. 0 = not needed.
    confirm_by: float = 0.0
    # the same, by the boot clock, which cannot be changed
    confirm_clock: ConfirmClock | None = None
    undoes: str = ""
    forgotten: bool = False  # its kept original was removed, so it can no longer be undone
    soak: Soak | None = None  # None: its seccomp profile is enforced at once, or it has none
    ledger: tuple[LedgerRow, ...] = ()  # the paths that got another home by it
    # what its undo copies back, noted before the way back begins; `former` is filled then
    brings_back: tuple[NewerData, ...] = ()
    newer: tuple[NewerData, ...] = ()  # what was written since, and where its undo left it
    # the others that are as before, of an entry without operations of its own (UNDO)
    others: tuple[str, ...] = ()
    # container -> digest of its image and configuration before the change
    configurations: Mapping[str, str] = {}
    # container -> the checks that the kernel did not enforce on it, where that rolled the change
    # back; empty: a container did not work with the change. None: neither.
    refused: Mapping[str, tuple[str, ...]] | None = None
    # parts: IDs of the changes that this one holds together; part_of: ID of the one that holds it
    parts: tuple[str, ...] = ()
    part_of: str = ""
    schema: str = JOURNAL_SCHEMA

    @property
    def containers(self) -> tuple[str, ...]:
        """It, and those that were replaced together with it."""
        noted = [
            operation.name for operation in self.operations if isinstance(operation, NoteContainer)
        ]
        return tuple(dict.fromkeys((self.container, *reversed(noted), *self.others)))

    @property
    def changed(self) -> tuple[str, ...]:
        """Those of them that are not as they were."""
        return tuple(dict.fromkeys(change.container or self.container for change in self.changes))

    @property
    def originals(self) -> dict[str, str]:
        """The name under which an original is kept -> its container."""
        if self.original is None:
            return {}
        renamed = (
            operation for operation in self.operations if isinstance(operation, RenameContainer)
        )
        return {self.original: self.container} | {each.after: each.before for each in renamed}

    @property
    def has_stand_in(self) -> bool:
        """Whether its original was removed by Podman when it stopped (`--rm`)."""
        return any(isinstance(operation, CreateStandIn) for operation in self.operations)

    @property
    def unfinished(self) -> bool:
        return self.state in (EntryState.OPEN, EntryState.WAITING)

    def has_begun_after(self, operation: Operation) -> bool:
        """Whether an operation after this one was started."""
        return operation not in self.operations[self.begun - 1 : self.begun]

    @property
    def in_force(self) -> bool:
        """Whether its changes are, or may be, still in place."""
        return self.action is not EntryAction.UNDO and self.state is not EntryState.ROLLED_BACK

    @property
    def can_be_undone(self) -> bool:
        return self.in_force and not self.forgotten


class OperationBegun(Struct, frozen=True):
    """An operation is in the journal and about to run; `number` counts from 1."""

    operation: Operation
    number: int
    total: int


class OperationDone(Struct, frozen=True):
    """An operation is done; `remark` is its result (ready after 2 s, by its ports)."""

    operation: Operation
    number: int
    total: int
    seconds: float
    remark: str = ""


class GoingBack(Struct, frozen=True):
    why: str


class StillGoingBack(Struct, frozen=True):
    """A step of the rollback does not work yet and is tried again; `left` seconds remain for that."""

    why: str
    left: float


class OperationUndone(Struct, frozen=True):
    """An operation was undone, or `failed` says why not."""

    operation: Operation
    failed: str = ""


class OperationCleared(Struct, frozen=True):
    """What an operation had made was removed, after the way back; `failed` says why it could not
    be."""

    operation: Operation
    failed: str = ""


class ServiceKept(Struct, frozen=True):
    """The original does not start, so the change comes into force again."""

    name: str


class TriedWithout(Struct, frozen=True):
    """The kernel did not enforce some fixes on the real container: the rest is applied."""

    checks: tuple[str, ...]


class ChangeEnded(Struct, frozen=True):
    entry: JournalEntry


ChangeEvent: TypeAlias = (
    OperationBegun
    | OperationDone
    | GoingBack
    | StillGoingBack
    | OperationUndone
    | OperationCleared
    | ServiceKept
    | TriedWithout
    | ChangeEnded
)
