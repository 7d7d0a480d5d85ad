"""One change of a container at a time.

The lock is the kernel's (flock): it goes with its process, whatever ends it. Its descriptor is
closed in every program that we start, so that none of them (conmon lives as long as its container)
keeps it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime

from hardentui.account import who
from hardentui.directories import opened_directory, write_error
from hardentui.errors import Locked
from hardentui.features.change.journal import Journal
from hardentui.model.journal import JournalEntry
from hardentui.visible import visible

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


_SIGNS = re.compile(r"[^A-Za-z0-9_.-]")


@contextmanager
def locked(
    directory: str,
    subject: str,
    engine: str,
    what: str,
) -> Iterator[None]:
    """Hold the lock of what is changed.

    Args:
        directory: for locks; created if missing.
        subject, engine: a container and the address of its Podman, or a file and nothing.
        what: a description, shown to whoever comes second.

    Raises:
        Locked: it is already held; says by whom.
        WriteError: the directory cannot be created.
    """
    digest = hashlib.sha256(f"{engine}\n{subject}".encode()).hexdigest()[:12]
    name = f"{_SIGNS.sub('_', subject)[:60]}-{digest}.lock"
    try:
        with opened_directory(
            directory,
            create=True,
            mode=0o700,
        ) as where:
            handle = os.open(name, _FLAGS, 0o600, dir_fd=where)
    except OSError as error:
        raise write_error(error, directory) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise Locked(
                f"Another change of {visible(subject, 80)} is running: {_holder(handle)}.",
                "Wait until it is finished.",
            ) from error
        try:
            with suppress(OSError):  # the lock holds even on a full disk
                _tell(handle, what)
            yield
        finally:
            with suppress(OSError):
                os.ftruncate(handle, 0)
            fcntl.flock(handle, fcntl.LOCK_UN)  # also for a program that is just being started
    finally:
        os.close(handle)


@contextmanager
def all_locked(
    directory: str,
    subjects: Iterable[str],
    engine: str,
    what: str,
) -> Iterator[None]:
    """`locked`, for several."""
    with ExitStack() as held:
        for subject in subjects:
            held.enter_context(locked(directory, subject, engine, what))
        yield


@contextmanager
def entry_locked(
    journal: Journal,
    entry: JournalEntry,
    what: str,
) -> Iterator[None]:
    """The same for what an entry changed. `what`: is done with it."""
    with all_locked(
        lock_directory(journal),
        entry.containers,
        entry.engine,
        f"{what} by {who()}",
    ):
        yield


def refuse_locked(
    journal: Journal,
    names: Iterable[str],
    engine: str,
) -> None:
    """Raises Locked, with the words of whoever of this account changes one of these now."""
    with all_locked(
        lock_directory(journal),
        names,
        engine,
        "a look",
    ):
        pass


@contextmanager
def held_on_engine(run_root: str, container: str) -> Iterator[None]:
    """Hold the lock of a container that all accounts share that change it: it is in the runtime
    directory of its engine, which belongs to the engine's user. Nothing is written there but empty
    directories. Who may not enter it, or has an engine on another machine (empty), has only the
    locks of their own.

    Raises:
        Locked: another account holds it.
    """
    name = hashlib.sha256(container.encode()).hexdigest()[:12]
    with ExitStack() as held:
        try:
            place = opened_directory(
                f"{run_root}/hardentui-locks/{name}",
                create=True,
                mode=0o700,
            )
            handle = held.enter_context(place) if run_root else -1
        except OSError:
            handle = -1
        if handle >= 0:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Locked(
                    _who_changes(visible(container, 80), _locked_by(handle)),
                    "Wait until it is finished.",
                ) from error
        yield


def _locked_by(handle: int) -> int:
    """The process that holds the lock of an open directory; 0 if the kernel does not show it here."""
    place = os.fstat(handle)
    number = f"{os.major(place.st_dev):02x}:{os.minor(place.st_dev):02x}:{place.st_ino}"
    with suppress(OSError), open("/proc/locks", encoding="ascii") as table:
        for line in table:
            words = line.split()
            if len(words) > 5 and words[1] == "FLOCK" and words[5] == number:
                return max(0, int(words[4]))
    return 0


def _who_changes(container: str, pid: int) -> str:
    """A sentence on who changes a container; our own watcher takes back what was cut off."""
    try:
        ours = pid > 0 and os.stat(f"/proc/{pid}").st_uid == os.geteuid()
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        ours, words = False, []
    if not ours:
        return f"Another account is changing {container} now."
    if b"--cut-off" in words or b"--expired" in words:
        return f"{container} is being put back as it was, by process {pid} of HardenTUI."
    return f"Another HardenTUI of this account is changing {container} now, process {pid}."


def _tell(handle: int, what: str) -> None:
    about = {
        "pid": os.getpid(),
        "what": what,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(about).encode(), 0)


def _holder(handle: int) -> str:
    """Who holds it, as recorded in the lock."""
    with suppress(
        OSError,
        ValueError,
        KeyError,
        TypeError,
    ):
        about = json.loads(os.pread(handle, 4096, 0))
        what, since = visible(str(about["what"]), 80), visible(str(about["since"]), 40)
        return f"{what}, process {int(about['pid'])}, since {since}"
    return "by another process"


def lock_directory(journal: Journal) -> str:
    """The directory with the locks of a journal."""
    return os.path.join(journal.directory, "locks")
