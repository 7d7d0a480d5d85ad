"""Reading files of other accounts: with no more than the rights of whoever put a link on the way.

Root looks into homes. A user may replace a file there by a link to /etc/shadow, a FIFO that never
answers, or a device. So only regular files and directories are opened, each step is taken from the
descriptor of the previous one, and where a link of a user leads, that user must be able to go and
read.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections import deque

from msgspec import Struct

from hardentui.account import trusted

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_MOST_LINKS = 40
_NOBODY = -1
_OF_KERNEL = ("/proc/", "/sys/")
_ROOT_OF_PROCESS = re.compile(r"/proc/[0-9]+/root(?=/)")


class Folder(Struct, frozen=True):
    """Which folder it is, whatever path leads to it."""

    device: int = 0
    inode: int = 0


def folder_of(status: os.stat_result) -> Folder:
    return Folder(status.st_dev, status.st_ino)


def read_regular(
    path: str,
    limit: int,
    account: int | None = None,
) -> bytes:
    """The content of a regular file.

    Args:
        account: the uid of whoever named the path, who must be able to read it too.

    Raises:
        OSError: EINVAL: it is something else; EFBIG: it has more than `limit` bytes; EACCES: an
            account that may not read it has put a link to it on the way.
    """
    handle, _ = _opened(path, account)
    try:
        return _content(handle, limit, path)
    finally:
        os.close(handle)


def read_with_folder(
    path: str,
    limit: int,
    account: int | None = None,
) -> tuple[bytes, Folder]:
    """`read_regular`, and which folder the file was in: what is written there later must not end in
    another one, that a path leads to meanwhile."""
    handle, folder = _opened(path, account)
    try:
        if folder is None:
            folder = folder_of(os.stat(os.path.dirname(os.path.realpath(path))))
        return _content(handle, limit, path), folder
    finally:
        os.close(handle)


def names_in(path: str, account: int | None = None) -> tuple[str, ...]:
    """The names in a directory, sorted. Raises OSError, as `read_regular`."""
    handle, _ = _opened(path, account)
    try:
        return tuple(sorted(os.listdir(handle)))
    finally:
        os.close(handle)


def _opened(path: str, account: int | None) -> tuple[int, Folder | None]:
    """A descriptor, and the folder, where it was gone through step by step."""
    lenders = set() if account is None else {account} - trusted()
    if not _is_trusted(path, lenders):
        return _reach(path, lenders)
    return os.open(path, _READ), None


def _is_trusted(path: str, lenders: set[int]) -> bool:
    """Whether nobody could have more rights through us: we are not root, or only root controls the
    path, and nobody else has named it."""
    if os.geteuid() != 0:
        return True
    if lenders:
        return False
    if not path.startswith("/") or _is_of_kernel(path):
        return True
    ours, place = trusted(), ""
    try:
        for name in path.strip("/").split("/"):
            place += f"/{name}"
            status = os.lstat(place)
            if status.st_uid not in ours or _is_open(status) or not _is_plain(status.st_mode):
                return False
    except OSError:
        return False
    return True


def _is_of_kernel(path: str) -> bool:
    """Whether it is a file that the kernel makes; a process's view of other files is not."""
    leads_away = ("/root/" in path and _ROOT_OF_PROCESS.match(path)) or "/../" in path
    return path.startswith(_OF_KERNEL) and not leads_away


def _is_plain(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _is_open(status: os.stat_result) -> bool:
    """Whether anybody may replace what is in this directory."""
    return bool(stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_IWOTH)


def _reach(path: str, lenders: set[int]) -> tuple[int, Folder]:
    """Open a path step by step; where a link of other accounts led, they must have the rights
    themselves."""
    root = _ROOT_OF_PROCESS.match(path)
    start = root[0] if root else "/"
    if not path.startswith("/"):  # below whatever folder root works in
        raise _error(errno.EACCES, path)
    steps = deque(path[len(root[0]) if root else 0 :].split("/"))
    links = 0
    folder = Folder()
    here = os.open(start, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        while steps:
            name = steps.popleft()
            if name in ("", "."):
                continue
            there = os.open(name, _STEP, dir_fd=here)
            status = os.fstat(there)
            if not stat.S_ISLNK(status.st_mode):
                above = os.fstat(here)
                folder = folder_of(above)
                os.close(here)
                here = there
                if status.st_nlink > 1 and stat.S_ISREG(status.st_mode):  # a hard link
                    lenders |= _creators(above, above) | ({_NOBODY} if _is_open(above) else set())
                _refuse_more_rights(
                    status,
                    lenders,
                    path,
                    last=not any(steps),
                )
                continue
            links += 1
            target = os.readlink("", dir_fd=there)
            os.close(there)
            if links > _MOST_LINKS:
                raise _error(errno.ELOOP, path)
            lenders |= _creators(status, os.fstat(here))
            steps.extendleft(reversed(target.split("/")))
            if target.startswith("/"):
                os.close(here)
                here = os.open(start, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        if not _is_plain(os.fstat(here).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return os.open(f"/proc/self/fd/{here}", _READ), folder
    finally:
        os.close(here)


def _creators(
    link: os.stat_result,
    directory: os.stat_result,
) -> set[int]:
    """The other accounts that may have made this link."""
    replaceable = _is_open(directory) and not directory.st_mode & stat.S_ISVTX
    return {
        link.st_uid,
        directory.st_uid,
        *((_NOBODY,) if replaceable else ()),
    } - trusted()


def _refuse_more_rights(
    status: os.stat_result,
    lenders: set[int],
    path: str,
    *,
    last: bool,
) -> None:
    """Whether each of them may go through this directory, or read the file at the end."""
    needed = stat.S_IROTH if last else stat.S_IXOTH
    if any(status.st_uid != lender and not status.st_mode & needed for lender in lenders):
        raise _error(errno.EACCES, path)


def _content(
    handle: int,
    limit: int,
    path: str,
) -> bytes:
    """All of a regular file; raises OSError for anything else."""
    mode = os.fstat(handle).st_mode
    if stat.S_ISDIR(mode):
        raise _error(errno.EISDIR, path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", path)
    parts: list[bytes] = []
    left = limit + 1
    while left > 0:
        part = os.read(handle, min(left, 1 << 16))
        if not part:
            return b"".join(parts)
        parts.append(part)
        left -= len(part)
    raise _error(errno.EFBIG, path)


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
