"""Files that a change writes, and how they are restored."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from msgspec.structs import replace

from hardentui.directories import write_error
from hardentui.do import Do, Verb
from hardentui.errors import WriteError
from hardentui.features.change.operator import NOTHING, OperationOutcome, Operator
from hardentui.files import put_back, write_bundle
from hardentui.model.draft import TextFile
from hardentui.model.journal import JournalEntry
from hardentui.model.operations import FileBefore, WriteFile
from hardentui.visible import visible

_LONGEST = 16 << 20


def planned_write(
    path: str,
    text: str,
    mode: int = 0o644,
    seen: str | None = None,
) -> WriteFile | None:
    """The operation that gives a file this text, with its current content; None if it already has
    the text.

    Args:
        seen: the text that the new one was made from, if it was; empty = there was no file.

    Raises:
        WriteError: it is not a regular file, cannot be read, or was changed since it was seen.
    """
    path = os.path.abspath(path)
    before = _read(path)
    content = text.encode("utf-8", "surrogateescape")
    now = before.content if before is not None else b""
    if seen is not None and now not in (content, seen.encode("utf-8", "surrogateescape")):
        raise changed_meanwhile(path)
    if before is not None:
        if before.content == content:
            return None
        mode = before.mode
    return WriteFile(
        path=path, content=content, mode=mode, before=before, made=_missing_directories(path)
    )


def planned_writes(
    files: Sequence[tuple[str, str, int]],
    seen: Mapping[str, str | None] | None = None,
) -> tuple[WriteFile, ...]:
    """The same for several (path, text, mode); files that are already up to date are left out.

    Args:
        seen: by path, the texts that new ones were made from.
    """
    known = seen or {}
    writes = (
        planned_write(
            path,
            text,
            mode,
            known.get(path),
        )
        for path, text, mode in files
    )
    return tuple(write for write in writes if write is not None)


def changed_meanwhile(path: str) -> WriteError:
    """Somebody else has changed a file between reading and writing it."""
    return WriteError(
        f"{visible(path)} has changed in the meantime; it was not written.",
        "Check it, and try again.",
    )


class FileOperator(Operator[WriteFile]):
    """Writes files."""

    kind = WriteFile

    def do(
        self,
        operation: WriteFile,
        stop: threading.Event,
    ) -> OperationOutcome:
        if _read(operation.path) != operation.before:
            raise changed_meanwhile(operation.path)
        directory, name = os.path.split(operation.path)
        text = operation.content.decode("utf-8")
        write_bundle(
            directory,
            [TextFile(name, text, operation.mode)],
            create=True,
            follow_symlink=True,
            keep_mode=True,
            keep_backup=False,
            seen={
                name: operation.before.content.decode("utf-8", "surrogateescape")
                if operation.before
                else ""
            },
        )
        return NOTHING

    def refuse_undo(
        self,
        operation: WriteFile,
        entry: JournalEntry,
    ) -> None:
        now, before = _read(operation.path), operation.before
        if now is not None and now.content not in (
            operation.content,
            operation.with_data,
            before.content if before else None,
        ):
            raise WriteError(
                f"{visible(operation.path)} has since been changed by somebody else; it was left "
                "as it is.",
                (
                    "Remove that change first; ",
                    Do(Verb.JOURNAL_SHOW, entry.id),
                    " shows ours.\nTo keep it as it is and close the entry: ",
                    Do(Verb.FORGET, entry.id),
                ),
            )

    def undo(
        self,
        operation: WriteFile,
        entry: JournalEntry,
    ) -> None:
        self.refuse_undo(operation, entry)
        now, before = _read(operation.path), operation.before
        if operation.with_data is not None and any(data.mounted for data in entry.brings_back):
            self._write_with_data(
                operation,
                operation.with_data,
                now,
            )
            return
        if now != before:
            if before is None:
                put_back(operation.path, None, 0, (0, 0), 0)
            else:
                owner = (before.uid, before.gid)
                put_back(
                    operation.path,
                    before.content,
                    before.mode,
                    owner,
                    before.modified_ns,
                )
        for directory in operation.made:
            with suppress(OSError):  # other files may have been added
                os.rmdir(directory)

    def redo(
        self,
        operation: WriteFile,
        entry: JournalEntry,
    ) -> OperationOutcome:
        now = _read(operation.path)
        if now is not None and now.content == operation.content:
            return NOTHING
        self.undo(operation, replace(entry, brings_back=()))  # which may have been with its data
        return self.do(operation, threading.Event())

    def _write_with_data(
        self,
        operation: WriteFile,
        content: bytes,
        now: FileBefore | None,
    ) -> None:
        """As before, and the volumes that hold what was written since; with the former owner and
        mode, but the time of now."""
        if now is not None and now.content == content:
            return
        like = operation.before or now
        mode = like.mode if like else operation.mode
        owner = (like.uid, like.gid) if like else (os.geteuid(), os.getegid())
        put_back(
            operation.path,
            content,
            mode,
            owner,
            time.time_ns(),
        )


def _read(path: str) -> FileBefore | None:
    """The current file; None if there is none.

    Raises:
        WriteError: it is not a regular file, or cannot be read.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise write_error(error, path) from error
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise WriteError(f"{visible(path)} is not a regular file.")
        if status.st_size > _LONGEST:
            raise WriteError(
                f"{visible(path)} is larger than {_LONGEST >> 20} MiB; it is not changed."
            )
        return FileBefore(
            content=file.read(),
            mode=stat.S_IMODE(status.st_mode) & 0o777,
            uid=status.st_uid,
            gid=status.st_gid,
            modified_ns=status.st_mtime_ns,
        )


def _missing_directories(path: str) -> tuple[str, ...]:
    """The directories above a file that do not exist yet, the deepest first."""
    missing = []
    directory = os.path.dirname(path)
    while not os.path.lexists(directory):
        missing.append(directory)
        directory = os.path.dirname(directory)
    return tuple(missing)


_TICK = 0.1
