"""Directories as descriptors, opened step by step, so that no other account can redirect a write.

A path is only a name: another account may replace a directory by a link between two uses. So each
step is opened relative to the previous one, without following a link, and later work is relative to
the last descriptor. A link is followed only if no other account can have created it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hardentui.account import trusted
from hardentui.errors import WriteError
from hardentui.visible import visible

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40


@contextmanager
def opened_directory(
    path: str,
    *,
    create: bool = False,
    follow_link: bool = True,
    mode: int = 0o755,
) -> Iterator[int]:
    """A descriptor of a directory. Directories created for it are removed again if the block
    raises.

    As root, a directory created below one of another user belongs to that user.

    Args:
        create: create missing directories.
        follow_link: the directory itself may be a link; its parents may be in any case.
        mode: permission bits of created directories.

    Raises:
        OSError: ELOOP for a link that must not be followed, or that another account may have
            created.
    """
    made: list[tuple[int, str]] = []
    handles: list[int] = []
    try:
        try:
            handles.append(
                _reach(
                    path,
                    made if create else None,
                    follow_link,
                    mode,
                )
            )
            handles.append(
                os.open(
                    ".",
                    os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC,
                    dir_fd=handles[0],
                )
            )
            yield handles[1]
        except BaseException:
            for parent, name in reversed(made):
                with suppress(OSError):
                    os.rmdir(name, dir_fd=parent)
            raise
    finally:
        for handle in (*handles, *(parent for parent, _ in made)):
            os.close(handle)


def _reach(
    path: str,
    made: list[tuple[int, str]] | None,
    follow_link: bool,
    mode: int,
) -> int:
    """Open each directory of an absolute path in turn; `made` collects those it creates, None:
    none."""
    steps = deque(path.split("/"))
    links = 0
    here = os.open("/", _STEP)
    try:
        while steps:
            name = steps.popleft()
            if name in ("", "."):
                continue
            try:
                there = os.open(name, _STEP, dir_fd=here)
            except FileNotFoundError:
                if made is None:
                    raise
                there = _make(here, name, mode)
                made.append((os.dup(here), name))
            except OSError as error:
                target = _link(here, name) if error.errno in (errno.ENOTDIR, errno.ELOOP) else None
                if target is None:
                    raise
                links += 1
                if links > _MOST_LINKS or not (steps or follow_link):
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path) from error
                steps.extendleft(reversed(target.split("/")))
                if not target.startswith("/"):
                    continue
                there = os.open("/", _STEP)
            os.close(here)
            here = there
    except BaseException:
        os.close(here)
        raise
    return here


def _make(parent: int, name: str, mode: int) -> int:
    os.mkdir(name, mode, dir_fd=parent)
    handle = os.open(
        name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent
    )
    try:
        give_to(handle, owner_below(parent))
        return os.open(".", _STEP, dir_fd=handle)
    finally:
        os.close(handle)


def _link(directory: int, name: str) -> str | None:
    """The target of a link; None for anything else.

    Raises:
        OSError: ELOOP for a link that another account may have created.
    """
    status = os.stat(
        name,
        dir_fd=directory,
        follow_symlinks=False,
    )
    if not stat.S_ISLNK(status.st_mode):
        return None
    around = os.fstat(directory)
    open_to_all = around.st_mode & stat.S_IWOTH and not around.st_mode & stat.S_ISVTX
    if open_to_all or not {status.st_uid, around.st_uid} <= trusted():
        raise OSError(
            errno.ELOOP,
            "a link of another account is in its path",
            name,
        )
    return os.readlink(name, dir_fd=directory)


def owner_below(directory: int) -> tuple[int, int] | None:
    """The owner of a new file in this directory; None = the current user.

    Root leaves no file of its own in a user's directory, where the user could not read or remove
    it.
    """
    status = os.fstat(directory)
    return (status.st_uid, status.st_gid) if os.geteuid() == 0 and status.st_uid != 0 else None


def give_to(handle: int, owner: tuple[int, int] | None) -> None:
    """Change the owner of an open file or directory."""
    status = os.fstat(handle)
    if owner is not None and (status.st_uid, status.st_gid) != owner:
        os.fchown(handle, *owner)


_CAUSES = {
    errno.ENOENT: ("does not exist", "Create it first: mkdir -p"),
    errno.ENOTDIR: ("is not a directory", "Give the path of a directory."),
    errno.EACCES: (
        "may not be written by this user",
        "Choose a directory that you own, or run as its owner.",
    ),
    errno.EPERM: (
        "may not be written by this user",
        "Choose a directory that you own, or run as its owner.",
    ),
    errno.EROFS: ("is on a read-only file system", "Choose a directory on another file system."),
    errno.ENOSPC: ("is on a file system that is full", "Free some space and try again."),
    errno.EDQUOT: ("is beyond the disk quota", "Free some space and try again."),
    errno.EEXIST: ("now has a file of the same name", "Check the directory and try again."),
    errno.ENAMETOOLONG: ("has no room for such a long name", "Choose a shorter name."),
    errno.ELOOP: ("is reached through a symbolic link", "Give the real directory."),
}


def write_error(error: OSError, directory: str) -> WriteError:
    """Why a file could not be written, as one sentence with a hint."""
    shown = visible(directory)
    cause, way_out = _CAUSES.get(
        error.errno or 0,
        (
            f"cannot be written: {error.strerror}",
            "Check the directory.",
        ),
    )
    if error.errno == errno.ENOENT and os.path.isdir(directory):
        cause, way_out = "takes no new files", "Choose another directory."
    elif error.errno == errno.ENOENT:
        way_out = f"{way_out} {shown}"
    denied = error.errno in (errno.EACCES, errno.EPERM)
    return WriteError(
        f"{shown} {cause}; nothing was changed.",
        way_out,
        denied=denied,
    )
