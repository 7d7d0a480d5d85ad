"""A path from the point of view of a container's process: its target, its owner, its mount.

Links are followed inside the container's root only (openat2 with RESOLVE_IN_ROOT): an image may contain
any link. Nothing is opened for reading or writing.
"""

from __future__ import annotations

import ctypes
import errno
import os
import posixpath
import stat
import struct

from hardentui.host.process.mountinfo import MountRow, parse_mountinfo
from hardentui.model.observation import Caller, TouchedFile
from hardentui.trial.learned.permission import SEARCH, allowed
from hardentui.trial.observe.argument_shapes import CURRENT_DIRECTORY
from hardentui.trial.observe.processes import IdMap, descriptor_of

_OPENAT2 = 437
_RESOLVE_IN_ROOT = 0x10
_LIBC = ctypes.CDLL(None, use_errno=True)
_KERNEL_TREES = ("/proc", "/sys", "/dev")
_KINDS = {
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


class FileLookup:
    """For the processes of one container; remembers its mounts."""

    def __init__(self, users: IdMap, groups: IdMap) -> None:
        self._users, self._groups = users, groups
        self._mounts: tuple[MountRow, ...] = ()

    def at_path(
        self, pid: int, directory: int, path: bytes, caller: Caller, *, follow: bool
    ) -> TouchedFile | None:
        """The file of a path; None below /proc, /sys and /dev, and if it is unreachable.

        Args:
            directory: descriptor that a relative path starts at, or CURRENT_DIRECTORY.
        """
        text = os.fsdecode(path)
        if not text.startswith("/"):
            start = os.readlink(
                f"/proc/{pid}/cwd" if directory == CURRENT_DIRECTORY else f"/proc/{pid}/fd/{directory}"
            )
            if not start.startswith("/"):
                return None
            text = posixpath.join(start, text) if text else start
        if _of_kernel(text):
            return None
        root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return self._in_root(pid, root, text, caller, follow)
        finally:
            os.close(root)

    def at_handle(self, pid: int, descriptor: int, caller: Caller) -> TouchedFile | None:
        """The file behind an open descriptor; None if it is not a file with a path."""
        with descriptor_of(pid, descriptor) as own:
            path, status = os.readlink(f"/proc/self/fd/{own}"), os.fstat(own)
        if not path.startswith("/") or _of_kernel(path) or path.endswith(" (deleted)"):
            return None
        return self._file(pid, path, status, True, caller)

    def _in_root(self, pid: int, root: int, text: str, caller: Caller, follow: bool) -> TouchedFile | None:
        name = posixpath.basename(text.rstrip("/"))
        handle = _open_in_root(root, text, follow)
        if handle >= 0:
            return self._opened(pid, handle, "", caller)
        if handle == -errno.ENOENT and name not in ("", ".", ".."):
            above = _open_in_root(root, posixpath.dirname(text.rstrip("/")) or "/", True)
            if above >= 0:
                return self._opened(pid, above, name, caller)
        if handle == -errno.EACCES:  # another user's directory, and we are not root: only the path is known
            return self._unseen(pid, posixpath.normpath(text))
        return None

    def _opened(self, pid: int, handle: int, name: str, caller: Caller) -> TouchedFile | None:
        """The file behind our own descriptor, which is closed; or `name` in that directory, not there yet."""
        try:
            path, status = os.readlink(f"/proc/self/fd/{handle}"), os.fstat(handle)
        finally:
            os.close(handle)
        if not path.startswith("/") or _of_kernel(path):
            return None
        return self._file(pid, posixpath.join(path, name) if name else path, status, not name, caller)

    def _file(self, pid: int, path: str, status: os.stat_result, exists: bool, caller: Caller) -> TouchedFile:
        directory = _stat_in(pid, posixpath.dirname(path)) if exists else status
        mount = self._mount(pid, path)
        return TouchedFile(
            path=path,
            exists=exists,
            kind=_KINDS.get(stat.S_IFMT(status.st_mode), "file"),
            uid=self._users.inside(status.st_uid),
            gid=self._groups.inside(status.st_gid),
            mode=stat.S_IMODE(status.st_mode),
            directory_uid=-1 if directory is None else self._users.inside(directory.st_uid),
            directory_gid=-1 if directory is None else self._groups.inside(directory.st_gid),
            directory_mode=0o777 if directory is None else stat.S_IMODE(directory.st_mode),
            searchable=self._searchable(pid, posixpath.dirname(path), caller),
            mount=mount.point if mount else "/",
            file_system=mount.kind if mount else "",
            read_only=mount.read_only if mount else False,
        )

    def _unseen(self, pid: int, path: str) -> TouchedFile:
        """Only its path and its mount are known."""
        mount = self._mount(pid, path)
        return TouchedFile(
            path=path,
            uid=-1,
            gid=-1,
            mode=0o777,
            directory_uid=-1,
            directory_gid=-1,
            directory_mode=0o777,
            mount=mount.point if mount else "/",
            file_system=mount.kind if mount else "",
            read_only=mount.read_only if mount else False,
        )

    def _searchable(self, pid: int, directory: str, caller: Caller) -> bool:
        """Whether the modes of all parent directories give this caller access."""
        while True:
            status = _stat_in(pid, directory)
            if status is not None:
                owner = self._users.inside(status.st_uid), self._groups.inside(status.st_gid)
                if not allowed(stat.S_IMODE(status.st_mode), owner, caller, SEARCH):
                    return False
            if directory in ("/", ""):
                return True
            directory = posixpath.dirname(directory)

    def _mount(self, pid: int, path: str) -> MountRow | None:
        """The innermost mount that holds a path. The table is read once: a new mount is rare, and would take
        a right that is seen anyhow."""
        if not self._mounts:
            with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
                self._mounts = tuple(parse_mountinfo(file.read()))
        best: MountRow | None = None
        for mount in self._mounts:
            point = mount.point.rstrip("/")
            if (path == point or path.startswith(f"{point}/")) and (
                best is None or len(point) >= len(best.point.rstrip("/"))
            ):
                best = mount
        return best


def _of_kernel(path: str) -> bool:
    return any(path == tree or path.startswith(f"{tree}/") for tree in _KERNEL_TREES) and not path.startswith(
        "/dev/shm/"  # noqa: S108 - compared, never opened
    )


def _stat_in(pid: int, path: str) -> os.stat_result | None:
    try:
        return os.stat(f"/proc/{pid}/root{path}", follow_symlinks=False)
    except OSError:
        return None


def _open_in_root(root: int, path: str, follow: bool) -> int:
    """A descriptor for queries only (O_PATH), or the negated error number."""
    flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    how = struct.pack("=QQQ", flags, 0, _RESOLVE_IN_ROOT)
    opened = _LIBC.syscall(
        ctypes.c_long(_OPENAT2),
        ctypes.c_int(root),
        ctypes.c_char_p(os.fsencode(path)),
        ctypes.c_char_p(how),
        ctypes.c_size_t(len(how)),
    )
    return int(opened) if opened >= 0 else -ctypes.get_errno()
