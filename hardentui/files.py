"""The only module that writes the user's files: all files of a bundle or none, and never without a
backup.

Each file is first written completely under another name in the same directory and then renamed in
one step, so that no reader ever sees half a file. The previous file is kept as `NAME.bak`,
`NAME.bak.1` and so on. A file keeps its owner; a new one in the directory of a user is that user's,
also when root writes it, unless it holds what only root may know.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

from hardentui.account import ONLY_BELOW, trusted
from hardentui.directories import give_to, opened_directory, owner_below, write_error
from hardentui.errors import WriteError
from hardentui.model.draft import TextFile, WriteState, WrittenFile
from hardentui.regular_files import Folder, folder_of
from hardentui.visible import visible

_LIBC = ctypes.CDLL(None, use_errno=True)
_RENAME_EXCHANGE = 2
_NAME_BYTES = 255
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


def _check_place(directory: str) -> None:
    confined = os.environ.get(ONLY_BELOW, "")
    if confined and os.path.commonpath(
        (
            os.path.realpath(directory),
            os.path.realpath(confined),
        )
    ) != (os.path.realpath(confined)):
        raise WriteError(
            "This session writes no files.", "It runs in a browser, on the simulated host."
        )


class _File(Struct):
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


class _Directory(Struct, frozen=True):
    path: str
    handle: int
    files: list[_File] = field(default_factory=list)
    keep_mode: bool = False


def write_bundle(
    directory: str,
    files: Sequence[TextFile],
    *,
    overwrite: bool = True,
    create: bool = False,
    follow_symlink: bool = False,
    keep_mode: bool = False,
    keep_backup: bool = True,
    seen: Mapping[str, str] | None = None,
    expected: Folder | None = None,
) -> tuple[WrittenFile, ...]:
    """Write all files, or none of them.

    Args:
        directory: where; must be a directory.
        files: a name is one path component that starts with neither a dot nor a dash and has no
            control character.
        overwrite: replace files with another content (keeping them as backups); else that is an
            error.
        create: create the directory if it is missing.
        follow_symlink: accept a directory that is a symbolic link.
        keep_mode: a replaced file keeps its permission bits, so that its readers still can read it.
        keep_backup: the previous file stays beside it; else it is removed once the new file is in
            place.
        seen: by name, the text that a new one was made from; empty = there was no file. What
            somebody else wrote, removed or made since then is left as it is; the new text goes to
            `NAME.hardentui-new`, unless the directory is another account's.
        expected: the directory that the files were read in; another one, to which its path leads
            meanwhile, is not written to.

    Raises:
        WriteError: nothing new is left behind but that, and previous files are restored.
    """
    _check_place(directory)
    bundle = [_checked(file) for file in files]
    names = [file.name for file in bundle]
    for name in names:
        if names.count(name) > 1:
            raise WriteError(f"Two files of this bundle would have the name {visible(name)}.")
    with _opened(directory, create, follow_symlink) as handle:
        if expected is not None and folder_of(os.fstat(handle)) != expected:
            raise WriteError(
                f"{visible(directory)} is another folder than the one that was read; nothing was "
                "changed.",
                "Somebody exchanges folders there. Try again.",
            )
        place = _Directory(
            os.path.abspath(directory),
            handle,
            bundle,
            keep_mode,
        )
        for file in bundle:
            if seen is not None and file.name in seen:
                file.is_edit, file.seen = True, seen[file.name].encode("utf-8", "surrogateescape")
            file.state = _compare(place, file, overwrite)
        try:
            _refuse_changed(place)
            _commit(place)
        except _ChangedMeanwhile as changed:
            _go_back(place)
            raise _left_as_it_is(place, changed.name) from None
        except OSError as error:
            _go_back(place)
            raise write_error(error, place.path) from error
        except BaseException:
            _go_back(place)
            raise
        if not keep_backup:
            _drop_backups(place)
    return tuple(_written(place.path, file) for file in bundle)


def put_back(
    path: str,
    content: bytes | None,
    mode: int,
    owner: tuple[int, int],
    modified_ns: int,
) -> None:
    """Restore a file byte for byte, atomically; None = it did not exist. Raises WriteError."""
    directory, name = os.path.split(path)
    if content is None and not os.path.lexists(path):
        return
    try:
        with opened_directory(directory, create=True) as handle:
            if content is None:
                os.unlink(name, dir_fd=handle)
            else:
                _replace_exactly(
                    handle,
                    name,
                    content,
                    mode,
                    owner,
                    modified_ns,
                )
            os.fsync(handle)
    except OSError as error:
        raise write_error(error, directory) from error


def _replace_exactly(
    directory: int,
    name: str,
    content: bytes,
    mode: int,
    owner: tuple[int, int],
    modified_ns: int,
) -> None:
    place, temporary = _Directory("", directory), f".hardentui-{os.urandom(8).hex()}.tmp"
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


def look_at_bundle(
    directory: str,
    files: Sequence[TextFile],
    *,
    create: bool = False,
    keep_mode: bool = False,
) -> tuple[WrittenFile, ...]:
    """What `write_bundle` would do with these files, as far as known without writing anything.

    Raises:
        WriteError: it would not write them.
    """
    bundle = [_checked(file) for file in files]
    path = os.path.abspath(directory)
    if create and (missing := _missing(path)):
        with _opened(os.path.dirname(missing[-1]), False, True) as handle:
            _refuse_locked(handle, os.path.dirname(missing[-1]))
        return tuple(_written(path, file) for file in bundle)
    with _opened(path, False, False) as handle:
        place = _Directory(path, handle, bundle, keep_mode)
        for file in bundle:
            file.state = _compare(place, file, overwrite=True)
            if file.state is WriteState.REPLACED:
                file.backup = next(
                    name for name in _backup_names(file.name) if not _exists(place, name)
                )
        if any(file.state is not WriteState.UNCHANGED for file in bundle):
            _refuse_locked(handle, path)
    return tuple(_written(path, file) for file in bundle)


def refuse_unwritable(directory: str) -> None:
    """Check whether files can be written to a directory, or it can be created, before long work
    starts.

    Raises:
        WriteError: they cannot.
    """
    path = os.path.abspath(directory)
    missing = _missing(path)
    place = os.path.dirname(missing[-1]) if missing else path
    with _opened(place, False, bool(missing)) as handle:
        _refuse_locked(handle, place)


def _refuse_locked(handle: int, path: str) -> None:
    """Raises WriteError if no file can be created in this directory."""
    if os.fstatvfs(handle).f_flag & os.ST_RDONLY:
        raise write_error(OSError(errno.EROFS, os.strerror(errno.EROFS)), path)
    if not os.access(
        ".",
        os.W_OK | os.X_OK,
        dir_fd=handle,
        effective_ids=True,
    ):
        raise write_error(OSError(errno.EACCES, os.strerror(errno.EACCES)), path)


def _exists(place: _Directory, name: str) -> bool:
    try:
        os.stat(
            name,
            dir_fd=place.handle,
            follow_symlinks=False,
        )
    except FileNotFoundError:
        return False
    return True


def _checked(file: TextFile) -> _File:
    name, text, mode = file.name, file.text, file.mode
    bad = _fault(name)
    try:
        content = text.encode("utf-8")
        if file.packed:
            import gzip  # only saved facts are

            content = gzip.compress(content, mtime=0)
    except UnicodeEncodeError:
        raise WriteError(
            f"{visible(name, 60)} cannot be written: its text has characters that UTF-8 cannot "
            "encode."
        ) from None
    if bad:
        raise WriteError(
            f"{visible(name, 60)!r} cannot be a file name: {bad}.", "Choose another name."
        )
    if mode & ~0o777:
        raise WriteError(f"{visible(name, 60)} would get the unusual mode {mode:o}.")
    return _File(
        name,
        content,
        mode,
        of_root=file.of_root,
    )


def _fault(name: str) -> str:
    """Why this is not a valid file name; empty if it is."""
    if not name:
        return "it is empty"
    if "/" in name:
        return "it has a slash"
    if name[0] in ".-":
        return "it starts with a dot or a dash"
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in name):
        return "it has a control character"
    try:
        return (
            f"it is longer than {_NAME_BYTES} bytes"
            if len(name.encode("utf-8")) > _NAME_BYTES
            else ""
        )
    except UnicodeEncodeError:
        return "it has characters that UTF-8 cannot encode"


@contextlib.contextmanager
def _opened(
    directory: str,
    create: bool,
    follow_symlink: bool,
) -> Iterator[int]:
    """A handle of the directory, independent of later changes to its path."""
    path = os.path.abspath(directory)  # also removes a trailing slash, which would follow a link
    with contextlib.ExitStack() as kept:
        try:
            if not follow_symlink and os.path.islink(path):
                raise WriteError(
                    f"{visible(path)} is a symbolic link, so the files would end up elsewhere.",
                    f"Give the real directory: {visible(os.path.realpath(path))}",
                )
            handle = kept.enter_context(
                opened_directory(
                    path,
                    create=create,
                    follow_link=follow_symlink,
                )
            )
        except OSError as error:
            raise write_error(error, path) from error
        yield handle


def _missing(path: str) -> list[str]:
    """This directory and its parents that do not exist yet, the deepest first."""
    missing = []
    while not os.path.lexists(path):
        missing.append(path)
        path = os.path.dirname(path)
    return missing


def _compare(
    place: _Directory,
    file: _File,
    overwrite: bool,
) -> WriteState:
    """The steps for this file; rejects anything but a regular file."""
    shown = f"{visible(place.path)}/{visible(file.name)}"
    try:
        there = os.stat(
            file.name,
            dir_fd=place.handle,
            follow_symlinks=False,
        )
    except FileNotFoundError:
        return WriteState.NEW
    except OSError as error:
        raise write_error(error, place.path) from error
    if stat.S_ISLNK(there.st_mode):
        raise WriteError(
            f"{shown} is a symbolic link; it is not written through.",
            "Remove the link or choose another directory.",
        )
    if not stat.S_ISREG(there.st_mode):
        raise WriteError(
            f"{shown} exists and is not a regular file.",
            "Choose another directory.",
        )
    try:
        same = there.st_size == len(file.content) and _read(place, file.name) == file.content
    except OSError as error:
        raise write_error(error, place.path) from error
    file.there = there
    if place.keep_mode:
        file.mode = there.st_mode & 0o777
    if same and not there.st_mode & 0o777 & ~file.mode:  # never more permissive than intended
        return WriteState.UNCHANGED
    if not overwrite:
        raise WriteError(
            f"{shown} exists with different content.",
            "Choose another directory, or allow to replace it.",
        )
    return WriteState.REPLACED


def _read(place: _Directory, name: str) -> bytes:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=place.handle), "rb") as file:
        return file.read()


def _commit(place: _Directory) -> None:
    changed = [file for file in place.files if file.state is not WriteState.UNCHANGED]
    for file in changed:
        _write_temporary(place, file)
    for file in changed:
        if file.state is WriteState.REPLACED:
            _back_up(place, file)
        _put_in_place(place, file)
    if changed:
        os.fsync(place.handle)


class _ChangedMeanwhile(Exception):
    """Somebody else has changed a file since the new text was made from it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _refuse_changed(place: _Directory) -> None:
    """Raises _ChangedMeanwhile if a file is not what its new text was made from."""
    for file in place.files:
        if file.is_edit and file.state is not WriteState.UNCHANGED:
            now = _read(place, file.name) if file.state is WriteState.REPLACED else b""
            if now != file.seen:
                raise _ChangedMeanwhile(file.name)


def _left_as_it_is(place: _Directory, name: str) -> WriteError:
    """The error, once the new text is kept beside the file."""
    file = next(file for file in place.files if file.name == name)
    new = f"{name}.hardentui-new"
    shown = f"{visible(place.path)}/{visible(name)}"
    what = "was changed by somebody else" if _exists(place, name) else "was removed"
    if os.fstat(place.handle).st_uid not in trusted():
        return WriteError(f"{shown} {what} meanwhile; it was left as it is.", "Try again.")
    beside = _Directory(
        place.path,
        place.handle,
        [
            _File(
                new,
                file.content,
                file.mode,
                of_root=file.of_root,
            )
        ],
    )
    try:
        beside.files[0].state = _compare(beside, beside.files[0], overwrite=True)
        _commit(beside)
    except (OSError, WriteError):
        return WriteError(
            f"{shown} {what} meanwhile; it was left as it is.",
            "Try again.",
        )
    _drop_backups(beside)
    return WriteError(
        f"{shown} {what} meanwhile; it was left as it is.",
        f"The new text is in {visible(place.path)}/{visible(new)}. Compare both, or try again.",
    )


def _write_temporary(place: _Directory, file: _File) -> None:
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
    place: _Directory,
    there: os.stat_result | None,
) -> tuple[int, int] | None:
    """The owner of a file: its previous owner, else that of the directory; None = the current user."""
    if there is not None and os.geteuid() == 0:
        return there.st_uid, there.st_gid
    return owner_below(place.handle)


def _create(place: _Directory, name: str) -> int:
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


def _back_up(place: _Directory, file: _File) -> None:
    """A hard link to the present content as backup; an existing name is never reused."""
    for backup in _backup_names(file.name):
        try:
            _link_or_copy(place, file.name, backup)
        except FileExistsError:
            continue
        file.backup = backup
        return
    raise OSError(errno.EEXIST, "too many backups")


def _backup_names(name: str) -> Iterator[str]:
    """Candidate names of a backup, in order."""
    yield f"{name}.bak"
    for number in range(1, 10_000):
        yield f"{name}.bak.{number}"


def _link_or_copy(
    place: _Directory,
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
    content = _read(place, name)
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


def _put_in_place(place: _Directory, file: _File) -> None:
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


def _exchange(place: _Directory, file: _File) -> None:
    """Put an edited file in place; what it replaces is looked at once nobody can replace it any
    more.

    Raises:
        _ChangedMeanwhile: it is not what the new text was made from; it is back in its place.
    """
    failure = _exchanged(place, file)
    if failure == errno.ENOENT:
        raise _ChangedMeanwhile(file.name)
    if failure in (errno.EINVAL, errno.ENOSYS):  # a file system, or a C library, that cannot
        _refuse_changed(place)
        os.replace(
            file.temporary,
            file.name,
            src_dir_fd=place.handle,
            dst_dir_fd=place.handle,
        )
    elif failure:
        raise OSError(failure, os.strerror(failure))
    elif _read(place, file.temporary) != file.seen:
        _exchanged(place, file)
        raise _ChangedMeanwhile(file.name)
    else:
        os.unlink(file.temporary, dir_fd=place.handle)
    file.temporary, file.placed = "", True


def _exchanged(place: _Directory, file: _File) -> int:
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


def _drop_backups(place: _Directory) -> None:
    for file in place.files:
        if file.backup:
            with contextlib.suppress(OSError):
                os.unlink(file.backup, dir_fd=place.handle)
            file.backup = ""


def _go_back(place: _Directory) -> None:
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


def _written(directory: str, file: _File) -> WrittenFile:
    backup = os.path.join(directory, file.backup) if file.backup else ""
    return WrittenFile(
        os.path.join(directory, file.name),
        file.state,
        backup,
    )
