"""Listening sockets of the host, and which of them can be reached through a path.

A socket is identified by its inode, not by its name: a hard link, a bind mount or another parent
directory does not change who answers.
"""

from __future__ import annotations

import contextlib
import posixpath
import stat
import threading
from bisect import bisect_left
from collections.abc import Iterator

from msgspec import Struct

from hardentui.host.files import Files, FileStat, reason
from hardentui.host.network.listening import settled
from hardentui.host.network.sockets import socket_units
from hardentui.host.process import open_files, pids
from hardentui.model.known import Known, Unread
from hardentui.model.mount import Listener
from hardentui.reading.mounts import parents

_ACCEPTS = 0x10000  # a flag in /proc/net/unix: listen() was called
_TABLE_LIMIT = 16 << 20
_FOR_OTHERS = ("systemd", "init")
"""Programs that listen for a service until it is needed."""
_MOST_FILES = 2048
"""Most files of a directory that are searched for hard links of sockets."""


class _Bound(Struct, frozen=True):
    """A listening socket: its original name, and its inode number among open files of processes."""

    path: str
    number: str


def _processes(files: Files) -> Iterator[int]:
    """Read only until the listener is found."""
    with contextlib.suppress(OSError):
        yield from pids(files)


class UnixSockets:
    """The listening sockets of a network namespace that have a file, as seen by the engine's
    process.

    Thread-safe.

    Args:
        process: pid of the engine's process, or `self`.
        own_root: the engine's process shares our mount namespace.
    """

    def __init__(
        self,
        files: Files,
        process: str,
        *,
        own_root: bool,
    ) -> None:
        self._files = files
        self._prefix = "" if own_root else f"/proc/{process}/root"
        self._by_inode: dict[tuple[int, int], _Bound] = {}
        self._by_path: dict[str, _Bound] = {}
        self._linked: set[tuple[int, int]] = set()
        self._lock = threading.Lock()
        self._holders: dict[str, str] = {}
        self._processes = _processes(files)
        self._units: dict[str, str] | None = None
        self.trouble: Unread | None = None
        self._read(f"/proc/{process}/net/unix")
        self._paths = sorted(self._by_path)
        self._directories = self._directories_of_sockets()
        self._numbers = {
            f"socket:[{bound.number}]": bound.number for bound in self._by_path.values()
        }

    def _read(self, table: str) -> None:
        try:
            text = self._files.read_text(table, _TABLE_LIMIT)
        except OSError as error:
            self.trouble = Unread(f"{table}: {reason(error)}")
            return
        for line in text.split("\n")[1:]:
            words = line.split(maxsplit=7)
            if len(words) < 8 or not words[7].startswith("/") or not int(words[3], 16) & _ACCEPTS:
                continue
            if words[7].startswith("/proc/"):
                continue  # created relative to an open directory: the name is valid only there
            self._remember(_Bound(settled(posixpath.normpath(words[7])), words[6]))

    def _remember(self, bound: _Bound) -> None:
        """A listener by its inode; by its path alone if the file is inaccessible."""
        try:
            status = self._stat(bound.path)
        except FileNotFoundError:
            return  # it was removed or renamed since
        except OSError:
            self._by_path[bound.path] = bound
            return
        if stat.S_ISSOCK(status.mode):
            self._by_path[bound.path] = bound
            self._by_inode[status.device, status.inode] = bound
            if status.links > 1:
                self._linked.add((status.device, status.inode))

    def _stat(self, path: str) -> FileStat:
        return self._files.stat(self._prefix + path)

    def at(self, path: str) -> Iterator[tuple[str, str, Known[str | None]]]:
        """Sockets at or below a path of the host: (path, name given by the listener, its number).

        The third is None if nothing listens, Unread if that is unknown.
        """
        try:
            status = self._stat(path)
        except FileNotFoundError:
            return
        except OSError as error:
            yield path, "", Unread(f"{path}: {reason(error)}")
            return
        if stat.S_ISSOCK(status.mode):
            bound = self._by_inode.get((status.device, status.inode))
            nobody: Known[str | None] = self.trouble
            yield (path, bound.path, bound.number) if bound else (path, "", nobody)
        elif stat.S_ISDIR(status.mode):
            yield from self._below(path)
            yield from self._under_other_name(path, (status.device, status.inode))

    def _directories_of_sockets(self) -> dict[tuple[int, int], list[str]]:
        """The directories above the listening sockets, as the listeners name them, by inode."""
        names = {name for path in self._by_path for name in parents(path)[:-1]}
        directories: dict[tuple[int, int], list[str]] = {}
        for name in sorted(names):
            with contextlib.suppress(OSError):
                status = self._stat(name)
                directories.setdefault((status.device, status.inode), []).append(name)
        return directories

    def _under_other_name(
        self,
        path: str,
        inode: tuple[int, int],
    ) -> Iterator[tuple[str, str, Known[str | None]]]:
        """Sockets of a directory whose listeners know it by another name: through a bind mount or a
        link."""
        for name in self._directories.get(inode, ()):
            if name != path:
                for bound in self._named_below(name + "/"):
                    yield (
                        path.rstrip("/") + bound.removeprefix(name),
                        bound,
                        self._by_path[bound].number,
                    )

    def _below(
        self,
        directory: str,
    ) -> Iterator[tuple[str, str, Known[str | None]]]:
        prefix = directory if directory.endswith("/") else directory + "/"
        for path in self._named_below(prefix):
            yield path, path, self._by_path[path].number
        if self._linked:
            yield from self._hard_links(prefix)

    def _named_below(self, prefix: str) -> Iterator[str]:
        """The listeners' paths that start with a directory and its slash."""
        for at in range(bisect_left(self._paths, prefix), len(self._paths)):
            if not self._paths[at].startswith(prefix):
                break
            yield self._paths[at]

    def _hard_links(
        self,
        prefix: str,
    ) -> Iterator[tuple[str, str, Known[str | None]]]:
        """Other names of sockets in a directory; only searched if a socket has more than one."""
        with contextlib.suppress(OSError):
            for name in self._files.list_dir(self._prefix + prefix)[:_MOST_FILES]:
                with contextlib.suppress(OSError):
                    status = self._files.stat(self._prefix + prefix + name, follow=False)
                    inode = (status.device, status.inode)
                    if inode in self._linked and self._by_inode[inode].path != prefix + name:
                        bound = self._by_inode[inode]
                        yield prefix + name, bound.path, bound.number

    def listener(
        self,
        name: str,
        number: str,
    ) -> Known[Listener]:
        """The listener on a socket: the program of the process, or the unit for which systemd
        listens."""
        with self._lock:
            return self._listener(name, number)

    def _listener(
        self,
        name: str,
        number: str,
    ) -> Known[Listener]:
        program = self._holders.get(number, "")
        while not program or program in _FOR_OTHERS:
            if program and (unit := self._unit_of(name)):
                return Listener(name, unit)
            process = next(self._processes, None)
            if process is None:
                break
            self._note(process)
            program = self._holders.get(number, "")
        if not program:
            return Unread(f"the process that listens on {name} is not visible")
        return Listener(name, program)

    def _note(self, process: int) -> None:
        """Remember which listening sockets a process has open. A socket that systemd keeps open for
        a service belongs to the service, once it runs."""
        numbers: list[str] = []
        with contextlib.suppress(OSError):
            links = open_files(self._files, process)
            numbers += (self._numbers[link] for link in links if link in self._numbers)
        program = self._program(process) if numbers else ""
        for number in numbers:
            if (program and program not in _FOR_OTHERS) or number not in self._holders:
                self._holders[number] = program

    def _program(self, process: int) -> str:
        try:
            return posixpath.basename(self._files.read_link(f"/proc/{process}/exe")).removesuffix(
                " (deleted)"
            )
        except OSError:
            pass
        try:
            return self._files.read_text(f"/proc/{process}/comm").strip()
        except OSError:
            return ""

    def _unit_of(self, path: str) -> str:
        """The socket unit that makes systemd listen there; empty if there is none."""
        if self._units is None:
            self._units = self._read_units()
        return self._units.get(path, "")

    def _read_units(self) -> dict[str, str]:
        """Path that a socket unit listens on -> the program that its service starts, else the unit."""
        programs: dict[str, str] = {}
        for unit, addresses, commands in socket_units(self._files, self._prefix):
            program = commands[0][0] if commands and commands[0] else unit
            for address in addresses:
                programs.setdefault(address, posixpath.basename(program))
        return programs
