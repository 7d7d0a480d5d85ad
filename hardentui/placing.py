"""Putting files in place, in a directory that is open: whole, with a backup, or not at all.

A file is first written completely under another name beside its place and then renamed in one step.
What was done can be taken back until the last step.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from hardentui.directories import give_to, owner_below
from hardentui.model.written_file import WriteState

_LIBC = ctypes.CDLL(None, use_errno=True)
_RENAME_EXCHANGE = 2
_NO_LINKS = frozenset(
    {
        errno.EPERM,
        errno.EACCES,
        errno.EOPNOTSUPP,
        errno.ENOSYS,
        errno.EMLINK,
        errno.EXDEV,
    }
)


class PlacedFile(Struct):
    name: str
    content: bytes
    mode: int
    state: WriteState = WriteState.NEW
    temporary: str = ""
    backup: str = ""
    placed: bool = False
    there: os.stat_result | None = None
    seen: bytes | None = None
    is_edit: bool = False
    of_root: bool = False


class OpenDirectory(Struct, frozen=True):
    path: str
    handle: int
    files: list[PlacedFile] = field(default_factory=list)
    keep_mode: bool = False


def replace_exactly(
    directory: int,
    name: str,
    content: bytes,
    mode: int,
    owner: tuple[int, int],
    modified_ns: int,
) -> None:
    place, temporary = OpenDirectory("", directory), f".hardentui-{os.urandom(8).hex()}.tmp"
    with os.fdopen(_create(place, temporary), "wb") as file, contextlib.ExitStack() as failed:
        failed.callback(os.unlink, temporary, dir_fd=directory)
        _fill(file.fileno(), content, mode, owner)
        os.utime(file.fileno(), ns=(modified_ns, modified_ns))
        os.replace(
            temporary,
            name,
            src_dir_fd=directory,
            dst_dir_fd=directory,
        )
        failed.pop_all()


def exists(place: OpenDirectory, name: str) -> bool:
    try:
        os.stat(
            name,
            dir_fd=place.handle,
            follow_symlinks=False,
        )
    except FileNotFoundError:
        return False
    return True


def content_of(place: OpenDirectory, name: str) -> bytes:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=place.handle), "rb") as file:
        return file.read()


def commit(place: OpenDirectory) -> None:
    changed = [file for file in place.files if file.state is not WriteState.UNCHANGED]
    for file in changed:
        _write_temporary(place, file)
    for file in changed:
        if file.state is WriteState.REPLACED:
            _back_up(place, file)
        _put_in_place(place, file)
    if changed:
        os.fsync(place.handle)


class ChangedMeanwhile(Exception):
    """Somebody else has changed a file since the new text was made from it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def refuse_changed(place: OpenDirectory) -> None:
    """Raises ChangedMeanwhile if a file is not what its new text was made from."""
    for file in place.files:
        if file.is_edit and file.state is not WriteState.UNCHANGED:
            now = content_of(place, file.name) if file.state is WriteState.REPLACED else b""
            if now != file.seen:
                raise ChangedMeanwhile(file.name)


def _write_temporary(place: OpenDirectory, file: PlacedFile) -> None:
    name = f".hardentui-{os.urandom(8).hex()}.tmp"
    handle = _create(place, name)
    file.temporary = name
    try:
        _fill(
            handle,
            file.content,
            file.mode,
            None if file.of_root else _owner(place, file.there),
        )
    finally:
        os.close(handle)


def _owner(
    place: OpenDirectory,
    there: os.stat_result | None,
) -> tuple[int, int] | None:
    """The owner of a file: its previous owner, else that of the directory; None = the current user."""
    if there is not None and os.geteuid() == 0:
        return there.st_uid, there.st_gid
    return owner_below(place.handle)


def _create(place: OpenDirectory, name: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(
        name,
        flags,
        0o600,
        dir_fd=place.handle,
    )


def _fill(
    handle: int,
    content: bytes,
    mode: int,
    owner: tuple[int, int] | None,
) -> None:
    give_to(handle, owner)  # while it is still empty
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]
    os.fchmod(handle, mode)
    os.fsync(handle)


def _back_up(place: OpenDirectory, file: PlacedFile) -> None:
    """A hard link to the present content as backup; an existing name is never reused."""
    for backup in backup_names(file.name):
        try:
            _link_or_copy(place, file.name, backup)
        except FileExistsError:
            continue
        file.backup = backup
        return
    raise OSError(errno.EEXIST, "too many backups")


def backup_names(name: str) -> Iterator[str]:
    """Candidate names of a backup, in order."""
    yield f"{name}.bak"
    for number in range(1, 10_000):
        yield f"{name}.bak.{number}"


def _link_or_copy(
    place: OpenDirectory,
    name: str,
    backup: str,
) -> None:
    try:
        os.link(
            name, backup, src_dir_fd=place.handle, dst_dir_fd=place.handle, follow_symlinks=False
        )
        return
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    there = os.stat(
        name,
        dir_fd=place.handle,
        follow_symlinks=False,
    )
    content = content_of(place, name)
    handle = _create(place, backup)
    try:
        _fill(
            handle,
            content,
            there.st_mode & 0o777,
            _owner(place, there),
        )
    except OSError:
        os.unlink(backup, dir_fd=place.handle)
        raise
    finally:
        os.close(handle)


def _put_in_place(place: OpenDirectory, file: PlacedFile) -> None:
    """A new file must not replace one that has just appeared: link() fails then, rename() would
    not."""
    if file.state is WriteState.NEW:
        try:
            os.link(
                file.temporary,
                file.name,
                src_dir_fd=place.handle,
                dst_dir_fd=place.handle,
            )
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            file.placed = True
            os.unlink(file.temporary, dir_fd=place.handle)
            file.temporary = ""
            return
    if file.is_edit and file.state is WriteState.REPLACED:
        _exchange(place, file)
        return
    os.replace(
        file.temporary,
        file.name,
        src_dir_fd=place.handle,
        dst_dir_fd=place.handle,
    )
    file.temporary, file.placed = "", True


def _exchange(place: OpenDirectory, file: PlacedFile) -> None:
    """Put an edited file in place; what it replaces is looked at once nobody can replace it any
    more.

    Raises:
        ChangedMeanwhile: it is not what the new text was made from; it is back in its place.
    """
    failure = _exchanged(place, file)
    if failure == errno.ENOENT:
        raise ChangedMeanwhile(file.name)
    if failure in (errno.EINVAL, errno.ENOSYS):  # a file system, or a C library, that cannot
        refuse_changed(place)
        os.replace(
            file.temporary,
            file.name,
            src_dir_fd=place.handle,
            dst_dir_fd=place.handle,
        )
    elif failure:
        raise OSError(failure, os.strerror(failure))
    elif content_of(place, file.temporary) != file.seen:
        _exchanged(place, file)
        raise ChangedMeanwhile(file.name)
    else:
        os.unlink(file.temporary, dir_fd=place.handle)
    file.temporary, file.placed = "", True


def _exchanged(place: OpenDirectory, file: PlacedFile) -> int:
    """Exchange a file and its successor in one step; returns the number of the error, 0 if there
    was none."""
    exchange = getattr(_LIBC, "renameat2", None)
    if exchange is None:
        return errno.ENOSYS
    names = os.fsencode(file.temporary), os.fsencode(file.name)
    failed = exchange(
        place.handle,
        names[0],
        place.handle,
        names[1],
        _RENAME_EXCHANGE,
    )
    return ctypes.get_errno() if failed else 0


def drop_backups(
    place: OpenDirectory,
    files: Iterable[PlacedFile],
) -> None:
    for file in files:
        if file.backup:
            with contextlib.suppress(OSError):
                os.unlink(file.backup, dir_fd=place.handle)
            file.backup = ""


def go_back(place: OpenDirectory) -> None:
    """Undo in reverse; continues if one step fails, to restore as much as possible."""
    for file in reversed(place.files):
        with contextlib.suppress(OSError):
            if file.placed and file.state is WriteState.REPLACED:
                os.replace(
                    file.backup,
                    file.name,
                    src_dir_fd=place.handle,
                    dst_dir_fd=place.handle,
                )
            elif file.placed:
                os.unlink(file.name, dir_fd=place.handle)
            elif file.backup:
                os.unlink(file.backup, dir_fd=place.handle)
        if file.temporary:
            with contextlib.suppress(OSError):
                os.unlink(file.temporary, dir_fd=place.handle)
