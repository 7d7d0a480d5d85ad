"""The only module that writes the user's files: all files of a bundle or none, and never without a
backup.

Each file is first written completely under another name in the same directory and then renamed in
one step, so that no reader ever sees half a file. The previous file is kept as `NAME.bak`,
`NAME.bak.1` and so on. A file keeps its owner; a new one in the directory of a user is that user's,
also when root writes it, unless it holds what only root may know.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence

from hardentui.account import trusted
from hardentui.directories import opened_directory, write_error
from hardentui.errors import WriteError
from hardentui.model.draft import TextFile
from hardentui.model.written_file import WriteState, WrittenFile
from hardentui.placing import (
    ChangedMeanwhile,
    OpenDirectory,
    PlacedFile,
    backup_names,
    commit,
    content_of,
    drop_backups,
    exists,
    go_back,
    refuse_changed,
    replace_exactly,
)
from hardentui.regular_files import Folder, folder_of
from hardentui.visible import visible

_NAME_BYTES = 255


def write_bundle(
    directory: str,
    files: Sequence[TextFile],
    *,
    overwrite: bool = True,
    create: bool = False,
    follow_symlink: bool = False,
    keep_mode: bool = False,
    keep_backup: bool = True,
    kept_elsewhere: Collection[str] = (),
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
        kept_elsewhere: names of files whose previous text is safe; they need no backup.
        seen: by name, the text that a new one was made from; empty = there was no file. What
            somebody else wrote, removed or made since then is left as it is; the new text goes to
            `NAME.hardentui-new`, unless the directory is another account's.
        expected: the directory that the files were read in; another one, to which its path leads
            meanwhile, is not written to.

    Raises:
        WriteError: nothing new is left behind but that, and previous files are restored.
    """
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
        place = OpenDirectory(
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
            refuse_changed(place)
            commit(place)
        except ChangedMeanwhile as changed:
            go_back(place)
            raise _left_as_it_is(place, changed.name) from None
        except OSError as error:
            go_back(place)
            raise write_error(error, place.path) from error
        except BaseException:
            go_back(place)
            raise
        drop_backups(
            place,
            [file for file in bundle if not keep_backup or file.name in kept_elsewhere],
        )
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
                replace_exactly(
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
        place = OpenDirectory(
            path,
            handle,
            bundle,
            keep_mode,
        )
        for file in bundle:
            file.state = _compare(place, file, overwrite=True)
            if file.state is WriteState.REPLACED:
                file.backup = next(
                    name for name in backup_names(file.name) if not exists(place, name)
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


def _checked(file: TextFile) -> PlacedFile:
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
    return PlacedFile(
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
    place: OpenDirectory,
    file: PlacedFile,
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
        same = there.st_size == len(file.content) and content_of(place, file.name) == file.content
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


def _left_as_it_is(place: OpenDirectory, name: str) -> WriteError:
    """The error, once the new text is kept beside the file."""
    file = next(file for file in place.files if file.name == name)
    new = f"{name}.hardentui-new"
    shown = f"{visible(place.path)}/{visible(name)}"
    what = "was changed by somebody else" if exists(place, name) else "was removed"
    if os.fstat(place.handle).st_uid not in trusted():
        return WriteError(
            f"{shown} {what} meanwhile; it was left as it is.",
            "Try again.",
        )
    beside = OpenDirectory(
        place.path,
        place.handle,
        [
            PlacedFile(
                new,
                file.content,
                file.mode,
                of_root=file.of_root,
            )
        ],
    )
    try:
        beside.files[0].state = _compare(beside, beside.files[0], overwrite=True)
        commit(beside)
    except (OSError, WriteError):
        return WriteError(
            f"{shown} {what} meanwhile; it was left as it is.",
            "Try again.",
        )
    drop_backups(beside, beside.files)
    return WriteError(
        f"{shown} {what} meanwhile; it was left as it is.",
        f"The new text is in {visible(place.path)}/{visible(new)}. Compare both, or try again.",
    )


def _written(directory: str, file: PlacedFile) -> WrittenFile:
    backup = os.path.join(directory, file.backup) if file.backup else ""
    return WrittenFile(
        os.path.join(directory, file.name),
        file.state,
        backup,
    )
