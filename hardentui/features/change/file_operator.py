"""Files that a change writes, and how they are restored."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from hardentui import account
from hardentui.child_process import ChildStopped, ChildTimedOut, run_child
from hardentui.directories import write_error
from hardentui.do import Do, Verb
from hardentui.errors import ChangeFailed, HardenError, WriteError
from hardentui.files import put_back, write_bundle
from hardentui.model.draft import TextFile
from hardentui.model.journal import ChangeEvent, JournalEntry, JournalProof
from hardentui.model.ledger import NewerData
from hardentui.model.operations import FileBefore, Operation, WriteFile
from hardentui.visible import visible

# The interface for carrying out one kind of operation, and undoing it.

OnEvent = Callable[[ChangeEvent], None]


class Cancelled(HardenError):
    """The change was cancelled."""


class OriginalDown(ChangeFailed):
    """What ran before a change does not run again.

    Attributes:
        passing: it may start later: something else has its port, or Podman is slow.
    """

    def __init__(
        self,
        title: str,
        hint: str = "",
        *,
        passing: bool = False,
    ) -> None:
        super().__init__(title, hint)
        self.passing = passing


class NotAnswering(ChangeFailed):
    """What ran before a change runs again, but does not answer as it did."""


class OperationOutcome(Struct, frozen=True):
    """The result of an operation."""

    # the operation, completed with what is known only now (the ID of what was created)
    operation: Operation | None = None
    proof: tuple[JournalProof, ...] = ()  # results of checks
    remark: str = ""  # a remark to show
    after: float = 0.0  # seconds that it kept observing a service that already worked
    # measured seconds in which a service with a substitute did not answer
    down: float | None = None


NOTHING = OperationOutcome()


Handled = TypeVar("Handled", bound=Operation)


class Operator(Generic[Handled]):
    """Handles some kinds of operations. As it stands here, one changed nothing that has to be taken
    back."""

    kinds: tuple[type[Operation], ...]

    def do(
        self,
        operation: Handled,
        stop: threading.Event,
    ) -> OperationOutcome:
        """Carry it out; stops soon after `stop` is set.

        Raises:
            HardenError: it failed; it may be half done.
        """
        raise NotImplementedError

    def refuse_undo(
        self,
        operation: Handled,
        entry: JournalEntry,
    ) -> None:
        """Check whether it can be undone, before anything is; changes nothing.

        Raises:
            NoWayBack: the original is lost permanently.
            HardenError: an obstacle that a person can remove.
        """

    def undo(
        self,
        operation: Handled,
        entry: JournalEntry,
    ) -> None:
        """Undo it, whether it was done, half done or not done at all; repeating this does nothing.

        What replaced the original is stopped and set aside; `clear` removes it.

        Raises:
            OriginalDown: the original ran before, and does not start.
            HardenError: it could not be undone.
        """

    def clear(
        self,
        operation: Handled,
        entry: JournalEntry,
    ) -> tuple[NewerData, ...]:
        """Remove what it made, after everything was undone; repeating this does nothing more.

        Returns:
            What was written since, which stays; where.

        Raises:
            HardenError: it could not be removed.
        """
        return ()

    def redo(
        self,
        operation: Handled,
        entry: JournalEntry,
    ) -> OperationOutcome:
        """Bring it into force again after its undo, because the original does not start.

        Raises:
            HardenError: it could not be brought into force.
        """
        return NOTHING


AnyOperator: TypeAlias = Operator[Any]


def raise_if_stopped(stop: threading.Event) -> None:
    """Raises Cancelled if `stop` is set."""
    if stop.is_set():
        raise Cancelled("It was interrupted.")


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

    kinds = (WriteFile,)

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


# systemctl: reload, start and stop units, for the system and for a user's manager.

_ASK_LIMIT = 30.0
_TICK = 0.1
_DEPENDS = ("RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf", "UpheldBy")
_MOST_UNITS = 200


class Systemctl:
    """One service manager.

    Args:
        uid: of the user whose manager it is; None = the system's.
    """

    def __init__(self, uid: int | None) -> None:
        self._words = ["systemctl", "--no-ask-password", "--no-pager"]
        self._environment = {
            **account.environment(),
            "LC_ALL": "C",
            "SYSTEMD_COLORS": "0",
        }
        if uid is not None:
            self._words.append("--user")
            if uid == os.geteuid():
                self._environment.setdefault("XDG_RUNTIME_DIR", f"/run/user/{uid}")
            else:
                self._words.append(f"--machine={uid}@.host")

    def reload(self) -> None:
        """Reload the unit files, which also runs the generators.

        Raises:
            ChangeFailed
        """
        self._run(("daemon-reload",), 90.0)

    def enable(self, unit: str) -> None:
        """Enable a unit at boot. Raises ChangeFailed."""
        self._run(("enable", "--", unit), _ASK_LIMIT)

    def disable(self, unit: str) -> None:
        """Disable it. Raises ChangeFailed."""
        self._run(("disable", "--", unit), _ASK_LIMIT)

    def restart(
        self,
        unit: str,
        seconds: float,
        stop: threading.Event,
    ) -> None:
        """Restart a unit and wait for it, even if it recently failed too often.

        Raises:
            ChangeFailed: it did not come up.
            Cancelled: `stop` was set.
        """
        self._forgive((unit,))
        self._run(("restart", "--", unit), seconds, stop)

    def start(
        self,
        units: Sequence[str],
        seconds: float,
    ) -> None:
        """Start units. Raises ChangeFailed."""
        if units:
            self._forgive(units)
            self._run(("start", "--", *units), seconds)

    def stop(self, unit: str, seconds: float) -> None:
        """Stop a unit. Raises ChangeFailed."""
        self._run(("stop", "--", unit), seconds)

    def set_properties(
        self,
        unit: str,
        words: Sequence[str],
    ) -> None:
        """Set properties of a unit until the next boot: `MemoryMax=1000000`. Raises ChangeFailed."""
        self._run(("set-property", "--runtime", "--", unit, *words), _ASK_LIMIT)

    def forget(self, unit: str) -> None:
        """Stop a unit and forget the properties that were set. Raises ChangeFailed."""
        self._run(("stop", "--", unit), _ASK_LIMIT)
        self._run(("revert", "--", unit), _ASK_LIMIT)

    def properties(self, unit: str, *names: str) -> Mapping[str, str]:
        """Properties of a unit; for one that does not exist they are empty or `inactive`."""
        shown = self._run(
            ("show", f"--property={','.join(names)}", "--", unit),
            _ASK_LIMIT,
        )
        pairs = (line.partition("=") for line in shown.splitlines())
        return {name: value for name, equals, value in pairs if equals}

    def is_active(self, unit: str) -> bool:
        return self.properties(unit, "ActiveState").get("ActiveState") == "active"

    def active_dependents(self, unit: str) -> tuple[str, ...]:
        """Active units that stop when this one stops, including indirect dependents."""
        known, waiting = {unit}, [unit]
        dependents = []
        while waiting and len(known) < _MOST_UNITS:
            shown = self.properties(waiting.pop(), *_DEPENDS)
            for name in sorted(
                {word for value in shown.values() for word in value.split()} - known
            ):
                known.add(name)
                waiting.append(name)
                if self.is_active(name):
                    dependents.append(name)
        return tuple(dependents)

    def why_failed(self, unit: str) -> str:
        """Why systemd could not start a unit, in a few words."""
        shown = self.properties(
            unit,
            "Result",
            "ExecMainStatus",
            "SubState",
        )
        result, status = shown.get("Result", ""), shown.get("ExecMainStatus", "0")
        return f"{result}, exit status {status}" if status not in ("", "0") else result or "unknown"

    def _forgive(self, units: Iterable[str]) -> None:
        """Allow a unit to start again although it recently failed often."""
        for unit in units:
            try:
                self._run(("reset-failed", "--", unit), _ASK_LIMIT)
            except ChangeFailed:
                continue  # not loaded: nothing to reset

    def _run(
        self,
        words: Sequence[str],
        seconds: float,
        stop: threading.Event | None = None,
    ) -> str:
        """The output of systemctl. It runs in its own process group: Ctrl-C in the terminal must
        not stop it.
        """
        what = f"systemctl {' '.join(visible(word, 80) for word in words if word != '--')}"
        try:
            done = run_child(
                [*self._words, *words],
                seconds=seconds,
                environment=self._environment,
                stop=stop,
            )
        except OSError as error:
            raise ChangeFailed(f"{what} cannot be run: {error.strerror}.") from error
        except ChildStopped:
            raise Cancelled("It was interrupted.") from None
        except ChildTimedOut:
            raise ChangeFailed(f"{what} did not finish within {seconds:g} s.") from None
        if done.code:
            message = " ".join(done.errors.decode("utf-8", "replace").split())
            raise ChangeFailed(f"{what} failed: {visible(message, 300).rstrip('.')}.")
        return done.output.decode("utf-8", "replace")
