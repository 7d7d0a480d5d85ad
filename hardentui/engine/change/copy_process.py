"""Copies directories between two mounts of a container, with the rights of its engine's user.

Run as `python -m hardentui.engine.change.copy_process` with a `Task` as JSON on standard input;
prints a `Copied`. Before anything of the container is opened, the process enters the user namespace
of the engine and becomes its root there, which on the host is the engine's user: what that user may
not read stays unread, also when root asks. Loads nothing else.

A later pass copies only what changed since an earlier one, judged by the time of change (which no
program can set back), size and time of modification, and removes what is gone. Links are never
followed: while the first pass reads, the container runs and may put one anywhere.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import os
import stat
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from hardentui.engine.change.disk_use import DiskRoom, Weight, room_around, weight_below

if TYPE_CHECKING:
    from collections.abc import Iterator

Ranges = tuple[tuple[int, int, int], ...]
"""(first id inside, first id outside, count) of each range of a user namespace; empty = ids stay.
"""

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_USER = 0x10000000
_GET_OWNER = 0xB704  # NS_GET_OWNER_UID
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_KILL = 9
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE)
_PIECE = 1 << 20
_TICK = 100_000_000  # nanoseconds by which the time of change may lag behind the clock, generously
_NOBODY = 65534
_MOST_OWNERS = 10_000


class Owners(msgspec.Struct, frozen=True):
    """Who owns the files below a directory."""

    usual: tuple[int, int]  # uid and gid of most of them, as the engine sees them
    others: tuple[tuple[int, int, bytes], ...] = ()  # (uid, gid, path) of the rest


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to copy."""

    pid: int  # a process that sees both directories; it never runs a program of an image
    user: int  # uid of the engine's user on this machine
    # (directory, directory to copy its contents to), from the root of that process
    pairs: tuple[tuple[str, str], ...]
    # users, groups: of the container's own user namespace, whose owners are translated; empty =
    # kept
    users: Ranges = ()
    groups: Ranges = ()
    # start of the first pass, in nanoseconds since the epoch; 0 = everything is copied
    since: int = 0
    # remove from these what is gone from the source (indices of pairs)
    mirror: tuple[int, ...] = ()
    look: tuple[str, ...] = ()  # directories whose state is told, after all was copied
    owned: tuple[str, ...] = ()  # directories whose files' owners are told
    given: tuple[tuple[str, Owners], ...] = ()  # (directory, owners that its files get)
    # a source that is not there is like an empty one, and a missing target is made
    optional: bool = False
    weighed: tuple[str, ...] = ()  # directories whose size is told
    filesystems: tuple[str, ...] = ()  # directories of whose file systems the room is told
    strict: bool = True  # what cannot be read is an error; else it is left out and counted


class Copied(msgspec.Struct):
    """What was copied."""

    begun: int = 0  # when, in nanoseconds since the epoch: the `since` of a later pass
    empty: tuple[int, ...] = ()  # the pairs whose target was empty before
    files: int = 0
    size: int = 0
    unreadable: int = 0  # how many files and directories the engine's user may not read
    # of what was looked at: another one as soon as anything in it is written, made or removed
    states: tuple[str, ...] = ()
    owners: tuple[Owners, ...] = ()
    weights: tuple[Weight, ...] = ()
    rooms: tuple[DiskRoom, ...] = ()
    error: str = ""  # why it failed; empty if it did not


class _Refused(Exception):
    """Why nothing was copied."""


def main() -> int:
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    copied = Copied(begun=time.time_ns())
    parent = os.getppid()
    try:
        _become(task.pid, task.user)
        _LIBC.prctl(
            _DIE_WITH_PARENT,
            _KILL,
            0,
            0,
            0,
        )
        if os.getppid() != parent:
            return 1
        for number, (source, target) in enumerate(task.pairs):
            if task.optional and not _is_there(task.pid, source):
                continue
            try:
                with (
                    _opened(task.pid, source) as here,
                    _opened(task.pid, target, make=task.optional) as there,
                ):
                    if not os.listdir(there):
                        copied.empty += (number,)
                    _LIBC.syncfs(
                        here
                    )  # what is written through a mapping from now on is a change again
                    _Tree(task, number in task.mirror, copied).copy(
                        here,
                        there,
                        "",
                    )
            except PermissionError:
                if task.strict:
                    raise
                copied.unreadable += 1
        for place in task.look:
            with _opened(task.pid, place) as there:
                digest = hashlib.sha256()
                _look(there, digest)
                copied.states += (digest.hexdigest(),)
        for place in task.owned:
            with _opened(task.pid, place) as there:
                copied.owners += (_owners(there),)
        for place, owners in task.given:
            with _opened(task.pid, place) as there:
                _give(there, owners)
        for place in task.weighed:
            copied.weights += (_weight(task.pid, place),)
        for place in task.filesystems:
            with _opened(task.pid, place) as there:
                copied.rooms += (room_around(there),)
    except _Refused as refused:
        copied.error = str(refused)
    except OSError as error:
        copied.error = f"{error.filename or 'its directory'}: {error.strerror}"
    except RecursionError:
        copied.error = "its directories are nested too deep, in more than 300 levels"
    sys.stdout.buffer.write(msgspec.json.encode(copied))
    return 1 if copied.error else 0


def _weight(pid: int, place: str) -> Weight:
    with suppress(OSError), _opened(pid, place) as top:
        return weight_below(top)
    return Weight(0, 0)


def _become(pid: int, user: int) -> None:
    """Enter the user namespace of a process of the engine, and become its root.

    The number of the process comes from the engine, which may be a stranger's: the kernel says
    whose namespace it is.
    """
    with open(f"/proc/{pid}/ns/user", "rb") as theirs:
        if os.fstat(theirs.fileno()).st_ino == os.stat("/proc/self/ns/user").st_ino:
            if user != os.geteuid():
                raise _Refused(
                    "the engine of another user does not run in a namespace of that user"
                )
            return
        owner = bytearray(4)
        fcntl.ioctl(theirs, _GET_OWNER, owner)
        if int.from_bytes(owner, sys.byteorder) != user:
            raise _Refused("its user namespace belongs to somebody else")
        if os.geteuid() == 0:
            os.setgroups([])
        if _LIBC.setns(theirs.fileno(), _NEW_USER):
            number = ctypes.get_errno()
            raise OSError(
                number,
                os.strerror(number),
                "its user namespace",
            )
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _is_there(pid: int, path: str) -> bool:
    try:
        with _opened(pid, path):
            return True
    except FileNotFoundError:
        return False


@contextmanager
def _opened(
    pid: int,
    path: str,
    *,
    make: bool = False,
) -> Iterator[int]:
    """A directory below the root of a process, reached without following a link.

    Args:
        make: what of it is missing is made.
    """
    here = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in (name for name in path.split("/") if name):
            if name == "..":
                raise _Refused("a path with ..")
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o755, dir_fd=here)
            there = os.open(
                name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here
            )
            os.close(here)
            here = there
        handle = os.open(
            ".",
            os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC,
            dir_fd=here,
        )
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        os.close(here)
    try:
        yield handle
    finally:
        os.close(handle)


class _Tree:
    """One pair of directories."""

    def __init__(
        self,
        task: Task,
        mirror: bool,
        copied: Copied,
    ) -> None:
        self._task = task
        self._mirror = mirror
        self._copied = copied
        self._names: dict[tuple[int, int], str] = {}  # of files with several names
        self._top = -1

    def copy(
        self,
        here: int,
        there: int,
        inside: str,
    ) -> None:
        """The contents of a directory, then its own owner, mode and times."""
        if not inside:
            self._top = there
        before = set(os.listdir(there))
        names = os.listdir(here)
        for name in names:
            path = f"{inside}{name}"
            try:
                self._entry(
                    here,
                    there,
                    name,
                    path,
                    name in before,
                )
            except PermissionError:
                if self._task.strict:
                    raise
                self._copied.unreadable += 1
            except OSError as error:
                if error.errno not in _GONE:
                    raise
        if self._mirror:
            for name in before.difference(names):
                _remove(there, name)
        self._finish(there, os.fstat(here), here)

    def _entry(
        self,
        here: int,
        there: int,
        name: str,
        path: str,
        exists: bool,
    ) -> None:
        status = os.stat(
            name,
            dir_fd=here,
            follow_symlinks=False,
        )
        old = (
            os.stat(
                name,
                dir_fd=there,
                follow_symlinks=False,
            )
            if exists
            else None
        )
        if stat.S_ISSOCK(status.st_mode):
            return  # its listener makes it again
        if stat.S_ISDIR(status.st_mode):
            self._directory(
                here,
                there,
                name,
                path,
                old,
            )
            return
        identity = (status.st_dev, status.st_ino)
        first = self._names.setdefault(identity, path) if status.st_nlink > 1 else path
        if old is not None and self._unchanged(status, old):
            return
        if old is not None:
            _remove(there, name)
        if first != path:
            os.link(
                first,
                name,
                src_dir_fd=self._top,
                dst_dir_fd=there,
                follow_symlinks=False,
            )
            return
        if stat.S_ISREG(status.st_mode):
            self._file(here, there, name)
        elif stat.S_ISLNK(status.st_mode):
            os.symlink(
                os.readlink(name, dir_fd=here),
                name,
                dir_fd=there,
            )
            os.chown(
                name,
                *self._owner(status),
                dir_fd=there,
                follow_symlinks=False,
            )
            times = (status.st_atime_ns, status.st_mtime_ns)
            os.utime(
                name,
                ns=times,
                dir_fd=there,
                follow_symlinks=False,
            )
        else:
            os.mknod(
                name,
                status.st_mode,
                status.st_rdev,
                dir_fd=there,
            )
            os.chown(
                name,
                *self._owner(status),
                dir_fd=there,
                follow_symlinks=False,
            )
            os.chmod(
                name,
                stat.S_IMODE(status.st_mode),
                dir_fd=there,
            )
        self._copied.files += 1

    def _directory(
        self,
        here: int,
        there: int,
        name: str,
        path: str,
        old: os.stat_result | None,
    ) -> None:
        handle = os.open(name, _DIRECTORY, dir_fd=here)
        try:
            if old is not None and not stat.S_ISDIR(old.st_mode):
                os.unlink(name, dir_fd=there)
                old = None
            if old is None:
                os.mkdir(name, 0o700, dir_fd=there)
            inner = os.open(name, _DIRECTORY, dir_fd=there)
            try:
                self.copy(handle, inner, f"{path}/")
            finally:
                os.close(inner)
        finally:
            os.close(handle)

    def _file(
        self,
        here: int,
        there: int,
        name: str,
    ) -> None:
        source = os.open(name, _FILE, dir_fd=here)
        try:
            status = os.fstat(source)
            if not stat.S_ISREG(status.st_mode):
                return  # replaced meanwhile
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            target = os.open(name, flags, 0o600, dir_fd=there)
            try:
                end = 0
                while (begin := _next_data(source, end)) is not None:
                    piece = os.read(source, _PIECE)
                    if not piece:
                        break  # cut off meanwhile
                    if piece.count(0) != len(piece):
                        os.lseek(target, begin, os.SEEK_SET)
                        _write(target, piece)
                    end = begin + len(piece)
                # what grows meanwhile is for the next pass: no tail of zeros stands for it
                size = max(end, min(status.st_size, os.fstat(source).st_size))
                os.ftruncate(target, size)
                self._copied.size += size
                self._finish(target, status, source)
            finally:
                os.close(target)
        finally:
            os.close(source)

    def _finish(
        self,
        target: int,
        status: os.stat_result,
        source: int,
    ) -> None:
        os.fchown(target, *self._owner(status))
        os.fchmod(target, stat.S_IMODE(status.st_mode))
        for name in os.listxattr(source):
            if name.startswith(("user.", "system.posix_acl_")) or name == "security.capability":
                with suppress(OSError):  # gone meanwhile, or none of them there
                    os.setxattr(target, name, os.getxattr(source, name))
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))

    def _unchanged(
        self,
        status: os.stat_result,
        old: os.stat_result,
    ) -> bool:
        """Whether an earlier pass copied it as it is now."""
        return (
            status.st_ctime_ns < self._task.since - _TICK
            and stat.S_IFMT(status.st_mode) == stat.S_IFMT(old.st_mode)
            and (status.st_size, status.st_mtime_ns) == (old.st_size, old.st_mtime_ns)
        )

    def _owner(self, status: os.stat_result) -> tuple[int, int]:
        return inside(status.st_uid, self._task.users), inside(status.st_gid, self._task.groups)


def _look(directory: int, digest: hashlib._Hash) -> None:
    """Every entry with its times of change: no program can set those back."""
    for name in sorted(os.listdir(directory)):
        status = os.stat(
            name,
            dir_fd=directory,
            follow_symlinks=False,
        )
        digest.update(f"{name!a} {status.st_ino} {status.st_mode} {status.st_ctime_ns}\n".encode())
        if stat.S_ISDIR(status.st_mode):
            inner = os.open(name, _DIRECTORY, dir_fd=directory)
            try:
                _look(inner, digest)
            finally:
                os.close(inner)
    digest.update(b"/\n")


def _entries(
    directory: int,
    below: bytes = b"",
) -> Iterator[tuple[int, str, bytes, os.stat_result]]:
    """Everything below a directory and itself: (parent, name in it, path, status). Follows no link."""
    if not below:
        yield directory, ".", b".", os.fstat(directory)
    for name in os.listdir(directory):
        try:
            status = os.stat(
                name,
                dir_fd=directory,
                follow_symlinks=False,
            )
            path = below + os.fsencode(name)
            yield directory, name, path, status
            if stat.S_ISDIR(status.st_mode):
                inner = os.open(name, _DIRECTORY, dir_fd=directory)
                try:
                    yield from _entries(inner, path + b"/")
                finally:
                    os.close(inner)
        except OSError as error:
            if error.errno not in _GONE:
                raise


def _owners(directory: int) -> Owners:
    everybody = [(status.st_uid, status.st_gid, path) for _, _, path, status in _entries(directory)]
    counts = Counter((user, group) for user, group, _ in everybody)
    usual = max(counts, key=counts.__getitem__)
    others = tuple(entry for entry in everybody if entry[:2] != usual)
    if len(others) > _MOST_OWNERS:
        raise _Refused(f"more than {_MOST_OWNERS} of its files belong to others than the rest")
    return Owners(usual, others)


def _give(directory: int, owners: Owners) -> None:
    others = {path: (user, group) for user, group, path in owners.others}
    for parent, name, path, status in _entries(directory):
        wanted = others.get(path, owners.usual)
        if (status.st_uid, status.st_gid) != wanted:
            os.chown(
                name,
                *wanted,
                dir_fd=parent,
                follow_symlinks=False,
            )


def nothing() -> str:
    """The state of an empty directory."""
    return hashlib.sha256(b"/\n").hexdigest()


def inside(number: int, ranges: Ranges) -> int:
    """An id as a user namespace sees it; nobody if it does not."""
    for first, outside, count in ranges:
        if outside <= number < outside + count:
            return first + number - outside
    return _NOBODY if ranges else number


def _next_data(file: int, position: int) -> int | None:
    """Moves to the next byte that is no hole, lseek(2); None behind the last one."""
    try:
        return os.lseek(file, position, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return None


def _write(target: int, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(target, left) :]


def _remove(directory: int, name: str) -> None:
    """A file, or a directory with all in it."""
    try:
        os.unlink(name, dir_fd=directory)
    except IsADirectoryError:
        inner = os.open(name, _DIRECTORY, dir_fd=directory)
        try:
            for entry in os.listdir(inner):
                _remove(inner, entry)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=directory)


if __name__ == "__main__":
    sys.exit(main())
