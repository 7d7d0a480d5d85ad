"""The journal as other programs read it: without contents of files and arguments of commands."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from hardentui.model.journal import (
    JOURNAL_SCHEMA,
    EntryAction,
    EntryState,
    JournalChange,
    JournalEntry,
    JournalProof,
)
from hardentui.model.ledger import LedgerRow, NewerData


class PublicEntry(Struct, frozen=True, kw_only=True):
    """One change to the host."""

    id: Annotated[str, Meta(pattern="^[0-9]{8}-[0-9]{6}-[0-9a-f]{4}$")]
    time: str  # when it began, UTC, ISO 8601
    action: EntryAction  # `harden` holds several together; more may come
    container: str  # the container, or the file that was changed
    together_with: tuple[str, ...]  # containers that were replaced with it
    state: EntryState
    by: str
    changes: tuple[JournalChange, ...]
    diff: str  # unified difference of the files, secrets masked
    proof: tuple[JournalProof, ...]
    original: str | None  # the name under which the original is kept
    downtime_seconds: float | None
    expected_downtime_seconds: float | None
    reason: str  # why it was rolled back, or what has to be known of it
    confirm_by: float | None  # seconds since the epoch
    undoes: str | None
    parts: tuple[str, ...]  # IDs of the changes that this one holds together
    part_of: str | None  # ID of the entry that holds this one
    # until then its seccomp profile only logs what it would refuse; seconds since the epoch
    soak_until: float | None
    soak_slower: str | None  # that its service takes longer to answer while it soaks
    # container -> checks that the kernel did not enforce on it, where that rolled the change back;
    # empty: a container did not work with it; null: neither
    refused: dict[str, tuple[str, ...]] | None
    ledger: tuple[LedgerRow, ...]  # the paths that got another home
    newer_data: tuple[NewerData, ...]  # what was written since, and where its undo left it
    way_back: str | None  # the command that takes it back
    # system call that was logged during the soak -> the programs that made it
    soak_logged: dict[str, list[str]] | UnsetType = UNSET
    # why records of the soak may be missing; then it goes on
    soak_lost: tuple[str, ...] | UnsetType = UNSET


class JournalDocument(Struct, frozen=True, kw_only=True, tag_field="schema", tag=JOURNAL_SCHEMA):
    """Changes to the host, as `journal` and `apply` print them."""

    entries: tuple[PublicEntry, ...]


def public_entry(entry: JournalEntry) -> PublicEntry:
    """An entry in JSON output."""
    return PublicEntry(
        id=entry.id,
        time=entry.time,
        action=entry.action,
        container=entry.container,
        together_with=entry.containers[1:],
        state=entry.state,
        by=entry.by,
        changes=tuple(
            replace(change, container=change.container or entry.container)
            for change in entry.changes
        ),
        diff=entry.diff,
        proof=tuple(
            replace(proof, container=proof.container or entry.container) for proof in entry.proof
        ),
        original=entry.original,
        downtime_seconds=entry.downtime_seconds,
        expected_downtime_seconds=entry.expected_downtime_seconds,
        reason=entry.reason,
        confirm_by=entry.confirm_by or None,
        undoes=entry.undoes or None,
        parts=entry.parts,
        part_of=entry.part_of or None,
        soak_until=entry.soak.until if entry.soak else None,
        soak_slower=(entry.soak.slower or None) if entry.soak else None,
        refused=None if entry.refused is None else dict(entry.refused),
        ledger=entry.ledger,
        newer_data=entry.newer,
        way_back=f"hardentui undo {entry.id}" if entry.can_be_undone else None,
    )


def journal_document(entries: tuple[JournalEntry, ...]) -> JournalDocument:
    """The output of `journal --format json` and `apply --format json`."""
    return JournalDocument(entries=tuple(map(public_entry, entries)))
