"""Reads what the arguments of a call refer to, while its caller waits: evidence, never a decision."""

from __future__ import annotations

import ctypes
import errno
import os
import posixpath
import stat
import struct

from hardentui.features.trial.learned.effects import SEARCH
from hardentui.features.trial.learned.permission_bits import allowed
from hardentui.features.trial.observe.arguments import (
    CHANGES_IDENTITY,
    CURRENT_DIRECTORY,
    OPENS,
    SHAPES,
    ArgumentShape,
    plain_name,
)
from hardentui.features.trial.observe.processes import (
    AF_UNIX,
    IdMap,
    caller,
    descriptor_of,
    id_maps,
    read_address,
    read_numbers,
    read_text,
    target_uids,
)
from hardentui.host.process.mountinfo import parse_mountinfo
from hardentui.lib.observer.calls import Notification
from hardentui.lib.observer.records import CallDetail, Caller, SocketAddress, TouchedFile
from hardentui.model.mount import KernelMount

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
        self._mounts: tuple[KernelMount, ...] = ()

    def at_path(
        self,
        pid: int,
        directory: int,
        path: bytes,
        caller: Caller,
        *,
        follow: bool,
    ) -> TouchedFile | None:
        """The file of a path; None below /proc, /sys and /dev, and if it is unreachable.
        `directory`: descriptor that a relative path starts at, or CURRENT_DIRECTORY.
        """
        text = os.fsdecode(path)
        if not text.startswith("/"):
            start = os.readlink(
                f"/proc/{pid}/cwd"
                if directory == CURRENT_DIRECTORY
                else f"/proc/{pid}/fd/{directory}"
            )
            if not start.startswith("/"):
                return None
            text = posixpath.join(start, text) if text else start
        if _of_kernel(text):
            return None
        root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return self._in_root(
                pid,
                root,
                text,
                caller,
                follow,
            )
        finally:
            os.close(root)

    def at_handle(
        self,
        pid: int,
        descriptor: int,
        caller: Caller,
    ) -> TouchedFile | None:
        """The file behind an open descriptor; None if it is not a file with a path."""
        with descriptor_of(pid, descriptor) as own:
            path, status = os.readlink(f"/proc/self/fd/{own}"), os.fstat(own)
        if not path.startswith("/") or _of_kernel(path) or path.endswith(" (deleted)"):
            return None
        return self._file(pid, path, status, True, caller)

    def _in_root(
        self,
        pid: int,
        root: int,
        text: str,
        caller: Caller,
        follow: bool,
    ) -> TouchedFile | None:
        name = posixpath.basename(text.rstrip("/"))
        handle = _open_in_root(root, text, follow)
        if handle >= 0:
            return self._opened(pid, handle, "", caller)
        if handle == -errno.ENOENT and name not in ("", ".", ".."):
            above = _open_in_root(
                root,
                posixpath.dirname(text.rstrip("/")) or "/",
                True,
            )
            if above >= 0:
                return self._opened(pid, above, name, caller)
        if (
            handle == -errno.EACCES
        ):  # another user's directory, and we are not root: only the path is known
            return self._file(
                pid,
                posixpath.normpath(text),
                None,
                True,
                caller,
            )
        return None

    def _opened(
        self,
        pid: int,
        handle: int,
        name: str,
        caller: Caller,
    ) -> TouchedFile | None:
        """The file behind our own descriptor, which is closed; or `name` in that directory, not
        there yet."""
        try:
            path, status = os.readlink(f"/proc/self/fd/{handle}"), os.fstat(handle)
        finally:
            os.close(handle)
        if not path.startswith("/") or _of_kernel(path):
            return None
        return self._file(
            pid, posixpath.join(path, name) if name else path, status, not name, caller
        )

    def _file(
        self,
        pid: int,
        path: str,
        status: os.stat_result | None,
        exists: bool,
        caller: Caller,
    ) -> TouchedFile:
        """`status`: its own, or that of the directory it would be in; None = only its path is
        known."""
        directory = (
            _stat_in(pid, posixpath.dirname(path)) if exists and status is not None else status
        )
        mount = self._mount(pid, path)
        return TouchedFile(
            path=path,
            exists=exists,
            kind="file" if status is None else _KINDS.get(stat.S_IFMT(status.st_mode), "file"),
            uid=-1 if status is None else self._users.inside(status.st_uid),
            gid=-1 if status is None else self._groups.inside(status.st_gid),
            mode=0o777 if status is None else stat.S_IMODE(status.st_mode),
            directory_uid=-1 if directory is None else self._users.inside(directory.st_uid),
            directory_gid=-1 if directory is None else self._groups.inside(directory.st_gid),
            directory_mode=0o777 if directory is None else stat.S_IMODE(directory.st_mode),
            searchable=status is None or self._searchable(pid, posixpath.dirname(path), caller),
            mount=mount.point if mount else "/",
            read_only=mount.read_only if mount else False,
        )

    def _searchable(
        self,
        pid: int,
        directory: str,
        caller: Caller,
    ) -> bool:
        """Whether the modes of all parent directories give this caller access."""
        while True:
            status = _stat_in(pid, directory)
            if status is not None:
                owner = self._users.inside(status.st_uid), self._groups.inside(status.st_gid)
                if not allowed(
                    stat.S_IMODE(status.st_mode),
                    owner,
                    caller,
                    SEARCH,
                ):
                    return False
            if directory in ("/", ""):
                return True
            directory = posixpath.dirname(directory)

    def _mount(self, pid: int, path: str) -> KernelMount | None:
        """The innermost mount that holds a path. The table is read once: a new mount is rare, and
        would take a right that is seen anyhow."""
        if not self._mounts:
            with open(
                f"/proc/{pid}/mountinfo",
                encoding="utf-8",
                errors="surrogateescape",
            ) as file:
                self._mounts = tuple(parse_mountinfo(file.read()))
        best: KernelMount | None = None
        for mount in self._mounts:
            point = mount.point.rstrip("/")
            if (path == point or path.startswith(f"{point}/")) and (
                best is None or len(point) >= len(best.point.rstrip("/"))
            ):
                best = mount
        return best


def _of_kernel(path: str) -> bool:
    return any(
        path == tree or path.startswith(f"{tree}/") for tree in _KERNEL_TREES
    ) and not path.startswith(
        "/dev/shm/"  # noqa: S108 - compared, never opened
    )


def _stat_in(pid: int, path: str) -> os.stat_result | None:
    try:
        return os.stat(f"/proc/{pid}/root{path}", follow_symlinks=False)
    except OSError:
        return None


def _open_in_root(
    root: int,
    path: str,
    follow: bool,
) -> int:
    """A descriptor for queries only (O_PATH), or the negated error number."""
    flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    how = struct.pack(
        "=QQQ",
        flags,
        0,
        _RESOLVE_IN_ROOT,
    )
    opened = _LIBC.syscall(
        ctypes.c_long(_OPENAT2),
        ctypes.c_int(root),
        ctypes.c_char_p(os.fsencode(path)),
        ctypes.c_char_p(how),
        ctypes.c_size_t(len(how)),
    )
    return int(opened) if opened >= 0 else -ctypes.get_errno()


_WRITES = 0o3 | 0o100 | 0o1000  # write only or both, create, truncate: the same on x86 and ARM
_AT_FDCWD = -100
_SOCK_TYPE = 0xF
_MOST_TIMES = 3
"""How often a repeated call is inspected; its file may have another owner by then."""
_MOST_REMEMBERED = 200_000


class Inspector:
    """For the processes of one container; call it for the calls in INSPECTED."""

    def __init__(self) -> None:
        self._maps: tuple[IdMap, IdMap] | None = None
        self._files: FileLookup | None = None
        self._callers: dict[int, Caller] = {}
        self._times: dict[tuple[object, ...], int] = {}
        self._kinds: dict[int, int] = {}

    def __call__(
        self,
        name: str,
        notification: Notification,
    ) -> CallDetail | None:
        """The details of the call.

        Raises:
            OSError, ValueError, LookupError: the process shows something that cannot be read.
        """
        call = plain_name(name)
        pid = notification.pid
        try:
            return self._detail(call, notification) if pid and call in SHAPES else None
        finally:
            if call in CHANGES_IDENTITY:
                self._callers.pop(pid, None)

    def _detail(
        self,
        call: str,
        notification: Notification,
    ) -> CallDetail | None:
        shape, pid, arguments = SHAPES[call], notification.pid, notification.arguments
        if any(arguments[place] & 0xFFFFFFFF not in wanted for place, wanted in shape.only.items()):
            return None
        numbers = tuple(arguments[place] & 0xFFFFFFFF for place in shape.numbers)
        numbers += tuple(int(arguments[place] != 0) for place in shape.unless_zero)
        if shape.behind is not None:
            numbers += read_numbers(
                pid,
                arguments[shape.behind[0]],
                shape.behind[1],
            )
        who = self._caller(pid)
        if call in OPENS and who.uid != 0 and not (numbers and numbers[0] & _WRITES):
            return None  # an ordinary user who reads needs no privilege that could be removed
        paths = tuple(
            (
                _directory(arguments, place),
                read_text(pid, arguments[at]),
            )
            for place, at in shape.paths
        )
        handle = _handle(shape, arguments)
        text = (
            ""
            if shape.text is None
            else read_text(pid, arguments[shape.text]).decode("utf-8", "replace")
        )
        kept_track_of = call == "socket" or shape.address is not None
        if not kept_track_of and self._often((call, pid, numbers, paths, handle, text)):
            return None
        address = _address(shape, pid, arguments)
        if call == "socket":
            self._kinds[pid] = numbers[1] & _SOCK_TYPE
        elif call == "connect":  # of the socket that the thread created last: nothing else shows it
            numbers = (self._kinds.get(pid, 0),)
        return CallDetail(
            call=call,
            caller=who,
            numbers=numbers,
            files=self._touched(
                shape,
                notification,
                paths,
                address,
                who,
            ),
            address=address,
            target_uids=self._targets(shape, pid, arguments),
            text=text,
        )

    def _caller(self, pid: int) -> Caller:
        known = self._callers.get(pid)
        if known is None:
            if self._maps is None:
                self._maps = id_maps(pid)
            known = self._callers[pid] = caller(pid, *self._maps)
        return known

    def _lookup(self, pid: int) -> FileLookup:
        if self._files is None:
            self._files = FileLookup(*(self._maps or id_maps(pid)))
        return self._files

    def _often(self, key: tuple[object, ...]) -> bool:
        """Whether the same call was inspected often enough."""
        times = self._times.get(key, 0)
        if times or len(self._times) < _MOST_REMEMBERED:
            self._times[key] = times + 1
        return times >= _MOST_TIMES

    def _touched(
        self,
        shape: ArgumentShape,
        notification: Notification,
        paths: tuple[tuple[int, bytes], ...],
        address: SocketAddress | None,
        who: Caller,
    ) -> tuple[TouchedFile, ...]:
        pid, arguments, follow = notification.pid, notification.arguments, shape.follow
        if shape.flags is not None and arguments[shape.flags[0]] & shape.flags[1]:
            follow = not follow
        lookup = self._lookup(pid)
        if address is not None and address.family == AF_UNIX and address.host:
            paths = (
                (
                    CURRENT_DIRECTORY,
                    address.host.encode("utf-8", "surrogateescape"),
                ),
            )
        touched = [
            lookup.at_path(
                pid,
                directory,
                path,
                who,
                follow=follow,
            )
            for directory, path in paths
        ]
        handle = _handle(shape, arguments)
        if handle is not None and handle >= 0:
            touched.append(lookup.at_handle(pid, handle, who))
        return tuple(file for file in touched if file is not None)

    def _targets(
        self,
        shape: ArgumentShape,
        pid: int,
        arguments: tuple[int, ...],
    ) -> frozenset[int]:
        if shape.target is None:
            return frozenset()
        place, _ = shape.target
        target = _signed(arguments[place])
        if target == 0 and arguments and place == 0 and shape.numbers == ():
            return frozenset()  # 0 is the caller itself, except for kill
        users, _ = self._maps or id_maps(pid)
        return target_uids(pid, target, users)


def _signed(argument: int) -> int:
    low = argument & 0xFFFFFFFF
    return low - (1 << 32) if low & 0x80000000 else low


def _handle(
    shape: ArgumentShape,
    arguments: tuple[int, ...],
) -> int | None:
    """The file descriptor that the call takes; None if it takes none."""
    return None if shape.handle is None else _signed(arguments[shape.handle])


def _directory(arguments: tuple[int, ...], place: int) -> int:
    if place == CURRENT_DIRECTORY:
        return CURRENT_DIRECTORY
    number = _signed(arguments[place])
    return CURRENT_DIRECTORY if number == _AT_FDCWD else number


def _address(
    shape: ArgumentShape,
    pid: int,
    arguments: tuple[int, ...],
) -> SocketAddress | None:
    if shape.address is None:
        return None
    return read_address(
        pid,
        arguments[shape.address],
        arguments[shape.address + 1] & 0xFFFFFFFF,
    )
