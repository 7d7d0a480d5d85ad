"""The journal on disk: one file per entry, readable only by us, each write synced to disk.

Unlike its display, the file holds everything that undo needs: previous files byte for
byte, the arguments of the commands. Secrets can be among them, hence its mode.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec

from hardentui.do import Do, Verb
from hardentui.errors import JournalError, UsageError
from hardentui.model.journal import (
    JOURNAL_SCHEMA,
    EntryState,
    JournalEntry,
)
from hardentui.state import read_own, state_directory, sync_above, write_own
from hardentui.visible import visible

PRIVATE = "private"
"""Stands for the address of a service that HardenTUI starts itself: the next one has another
address."""


def engine_address(url: str, *, private: bool) -> str:
    """How the journal identifies an engine, so that a later process finds it."""
    return PRIVATE if private else url


_ID = r"[0-9]{8}-[0-9]{6}-[0-9a-f]{4}"
_SUFFIX = ".json"
_TIME = "%Y%m%d-%H%M%S"
_PARTS = 65536
_LONGEST = 64 << 20


class BrokenEntry(msgspec.Struct, frozen=True):
    """An existing entry that cannot be read, and why."""

    id: str
    why: str


class Journal:
    """The entries of this account. `directory`: their location; by default our state directory."""

    def __init__(self, directory: str = "") -> None:
        self.directory = directory or os.path.join(state_directory(), "journal")

    def new_id(self, now: datetime) -> str:
        """An id that sorts after all others: day, time, and the fraction of the second in 1/65536.

        If the clock was set back it continues from the newest one, because newer changes depend on
        older ones and must be undone first.
        """
        identity = _identity(now, now.microsecond * _PARTS // 1_000_000)
        newest = next((known for known in self._ids() if _time_of(known)), "")
        time = _time_of(newest)
        if time is None or identity > newest:
            return identity
        part = int(newest[16:], 16) + 1
        return _identity(time, part) if part < _PARTS else _identity(time + timedelta(seconds=1), 0)

    def write(self, entry: JournalEntry) -> None:
        """Save an entry; it is on disk when this returns.

        Raises:
            JournalError: it cannot be written; the entry is unchanged.
        """
        first = not os.path.isdir(self.directory)
        try:
            write_own(
                self._path(entry.id),
                msgspec.json.encode(entry),
                durable=True,
            )
            if first:
                sync_above(os.path.abspath(self.directory))
        except OSError as error:
            raise JournalError(
                f"The journal cannot be written: {visible(self.directory)}: {error.strerror}.",
                "Nothing is changed without a journal. Free some space, or check who owns the "
                "directory.",
            ) from error

    def read(self, identity: str) -> JournalEntry:
        """One entry.

        Raises:
            JournalError: it cannot be read, or was written by an unknown version.
        """
        entry = self._read(identity)
        if isinstance(entry, BrokenEntry):
            raise JournalError(
                f"The journal entry {visible(identity, 40)} cannot be read: {entry.why}."
            )
        return entry

    def entries(self) -> tuple[JournalEntry, ...]:
        """All readable entries, newest first."""
        return tuple(entry for entry in self._all() if isinstance(entry, JournalEntry))

    def broken(self) -> tuple[BrokenEntry, ...]:
        """Entries that cannot be read."""
        return tuple(entry for entry in self._all() if isinstance(entry, BrokenEntry))

    def about_broken(self, entry: BrokenEntry) -> str:
        """What can be done about an entry that cannot be read."""
        return (
            f"It is {visible(self._path(entry.id))}. If a container was changed, its original is kept as"
            f" NAME-before-{entry.id.rpartition('-')[2]}: podman rename and podman start bring it back."
        )

    def find(self, text: str) -> JournalEntry:
        """The entry with this ID, or whose ID begins or ends with it.

        Raises:
            UsageError: there is none, or several.
        """
        known = self._ids()
        matching = (
            [text]
            if text in known
            else [
                identity
                for identity in known
                if identity.startswith(text) or identity.endswith(text)
            ]
        )
        if len(matching) != 1:
            hint = "\n".join(f"  {identity}" for identity in (matching or known)[:10])
            many = (
                "matches more than one journal entry"
                if matching
                else "is not an entry of the journal"
            )
            raise UsageError(
                f"{visible(text, 40)!r} {many}.", f"There are:\n{hint}" if hint else "It is empty."
            )
        return self.read(matching[0])

    def newest_to_undo(self) -> JournalEntry:
        """The latest entry that is in force or unfinished.

        Raises:
            UsageError: there is none, or a newer one cannot be read.
        """
        everything = self._all()
        entry = next(
            (
                entry
                for entry in everything
                if isinstance(entry, BrokenEntry) or entry.can_be_undone
            ),
            None,
        )
        if isinstance(entry, BrokenEntry):
            raise UsageError(
                f"The newest entry of the journal, {entry.id}, cannot be read: {entry.why}.",
                (
                    f"{self.about_broken(entry)}\nAn older change: ",
                    Do(Verb.UNDO),
                ),
            )
        if entry is None:
            raise UsageError("There is nothing to undo: no entry of the journal is in force.")
        holder = self.read(entry.part_of) if entry.part_of else entry
        return holder if holder.can_be_undone else entry

    def unfinished(self) -> tuple[JournalEntry, ...]:
        """Entries that are running, interrupted or waiting for confirmation, newest first."""
        entries = (
            self._read(identity) for identity in self._ids() if self._may_be_unfinished(identity)
        )
        return tuple(
            entry for entry in entries if isinstance(entry, JournalEntry) and entry.unfinished
        )

    def _may_be_unfinished(self, identity: str) -> bool:
        """From its bytes alone: most entries are finished and need not be decoded."""
        with suppress(OSError):
            content = read_own(self._path(identity))
            return any(
                f'"{state}"'.encode() in content for state in (EntryState.OPEN, EntryState.WAITING)
            )
        return False

    def _all(self) -> list[JournalEntry | BrokenEntry]:
        return [self._read(identity) for identity in self._ids()]

    def _ids(self) -> list[str]:
        with suppress(OSError):
            names = [
                name.removesuffix(_SUFFIX)
                for name in os.listdir(self.directory)
                if name.endswith(_SUFFIX)
            ]
            return sorted(
                (name for name in names if re.fullmatch(_ID, name)),
                reverse=True,
            )
        return []

    def _read(self, identity: str) -> JournalEntry | BrokenEntry:
        try:
            content = read_own(self._path(identity))
        except OSError as error:
            return BrokenEntry(identity, error.strerror or "it cannot be read")
        if len(content) > _LONGEST:
            return BrokenEntry(identity, "it is too long")
        try:
            schema = msgspec.json.decode(content, type=_Schema).schema
            if schema != JOURNAL_SCHEMA:
                return BrokenEntry(
                    identity, f"it has the format {visible(schema, 40)}, not {JOURNAL_SCHEMA}"
                )
            entry = msgspec.json.decode(content, type=JournalEntry)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return BrokenEntry(identity, visible(str(error), 200))
        return entry if entry.id == identity else BrokenEntry(identity, "it holds another entry")

    def _path(self, identity: str) -> str:
        if not re.fullmatch(_ID, identity):
            raise UsageError(f"{visible(identity, 40)!r} is not the ID of a journal entry.")
        return os.path.join(self.directory, identity + _SUFFIX)


def _identity(time: datetime, part: int) -> str:
    return f"{time:{_TIME}}-{part:04x}"


def _time_of(identity: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.strptime(identity[:15], _TIME)
    return None


class _Schema(msgspec.Struct):
    schema: str
