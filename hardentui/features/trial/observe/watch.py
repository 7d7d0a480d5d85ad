"""All observers of one container together, from before its first instruction until after its last."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import posixpath
import re
import secrets
import shutil
import stat
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from time import monotonic
from typing import Any

from msgspec import Struct, field

from hardentui.features.trial.learned.effects import SEARCH, allowed
from hardentui.features.trial.learned.merging import merged_checks, merged_samples
from hardentui.features.trial.observe.argument_shapes import (
    CHANGES_IDENTITY,
    CURRENT_DIRECTORY,
    INSPECTED,
    OPENS,
    SHAPES,
    ArgumentShape,
    plain_name,
)
from hardentui.features.trial.observe.call_names import NATIVE, SECCOMP_NAMES
from hardentui.features.trial.observe.calls import CallWatcher, Notification, give_to
from hardentui.features.trial.observe.connections import established
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
from hardentui.host.files.reader import Files, LocalFiles, reason
from hardentui.host.process.activity import read_activity
from hardentui.host.process.capabilities import capability_names
from hardentui.host.process.cgroups import (
    CgroupTree,
    Membership,
    MountRow,
    cgroup_directory,
    find_cgroups,
    parse_membership,
    parse_mountinfo,
)
from hardentui.model.capabilities import CAPABILITIES_BY_NUMBER
from hardentui.model.facts import Process
from hardentui.model.mounts import NOT_READ, Known, Unread
from hardentui.model.observation import (
    CallDetail,
    Caller,
    CallLog,
    CapabilityCheck,
    Observation,
    Sampled,
    SocketAddress,
    SocketEndpoint,
    TouchedFile,
)
from hardentui.reading.seccomp import parse_profile

# The kernel's capability checks, from the tracepoint cap_capable. Needs root.
#
# A separate instance is created below tracefs, with its own buffer and switches; nothing else on the host
# changes. It is removed at the end.

TRACEFS = "/sys/kernel/tracing"
_EVENT = "events/capability/cap_capable"
_EXEC = "events/sched/sched_process_exec"
_PROGRAM_BEGINS = " sched_process_exec: "
"""Until then the runtime uses its own rights, which the container does not get."""
_LINE = re.compile(r"cap_capable: cred (\w+).*\bcap (\d+),? ret (-?\d+)")
_BUFFER = 4096
_MARK = "hardentui-"


class CapabilityWatcher:
    """Use: `start` with the pid of a container that waits to be started; `finish` when it has ended."""

    def __init__(self, directory: str = TRACEFS) -> None:
        self._directory = os.path.join(directory, "instances", f"{_MARK}{os.getpid()}-{secrets.token_hex(4)}")
        self._tracefs = directory
        self._counts: Counter[tuple[str, int, bool]] = Counter()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._why = ""
        self._pipe = -1
        self._began = False

    def start(self, pids: Iterable[int]) -> bool:
        """Start to watch these processes and everything they start; False if that is impossible, see
        `finish`.
        """
        self._why = self._unavailable()
        if self._why:
            return False
        try:
            os.mkdir(self._directory, 0o700)
            self._write("buffer_size_kb", str(_BUFFER))
            self._write("options/event-fork", "1")
            self._write("set_event_pid", " ".join(map(str, pids)))
            self._write(f"{_EXEC}/enable", "1")
            self._write(f"{_EVENT}/enable", "1")
            self._pipe = os.open(f"{self._directory}/trace_pipe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            self._why = f"{error.filename or self._directory}: {reason(error)}"
            self._remove()
            return False
        self._thread = threading.Thread(target=self._run, name="hardentui-capabilities", daemon=True)
        self._thread.start()
        return True

    def finish(self, held: frozenset[str], patience: float = 5.0) -> Known[tuple[CapabilityCheck, ...]]:
        """Stop watching.

        Args:
            held: the capabilities of the container. An overlay checks with the credentials of its mounter,
                even for actions of the container; credentials with more capabilities than the container
                has are such a case, and do not count.
        """
        if self._thread is None:
            return Unread(self._why or "the kernel was not traced")
        self._stop.set()
        self._thread.join(timeout=patience)
        lost = self._lost()
        os.close(self._pipe)
        self._thread = None
        self._remove()
        if lost:
            self._why = f"the kernel dropped {lost} trace events"
            return Unread(self._why)
        return self._of_container(held)

    def _of_container(self, held: frozenset[str]) -> tuple[CapabilityCheck, ...]:
        foreign = {
            credentials
            for credentials, number, granted in self._counts
            if granted and _name(number) not in held
        }
        totals: Counter[tuple[int, bool]] = Counter()
        for (credentials, number, granted), count in self._counts.items():
            if credentials not in foreign:
                totals[number, granted] += count
        numbers = sorted({number for number, _ in totals})
        return tuple(
            CapabilityCheck(_name(number), totals[number, True], totals[number, False]) for number in numbers
        )

    def _unavailable(self) -> str:
        if os.geteuid() != 0:
            return "only root may use kernel tracing"
        try:
            os.stat(os.path.join(self._tracefs, "instances"))
        except OSError as error:
            return f"{self._tracefs} cannot be used ({reason(error)})"
        try:
            os.stat(os.path.join(self._tracefs, _EVENT))
        except OSError:
            return "this kernel does not trace capability checks (kernel 6.14 or later does)"
        return ""

    def _run(self) -> None:
        left = ""
        while True:
            last = self._stop.is_set()
            try:
                data = os.read(self._pipe, 1 << 16)
            except (BlockingIOError, InterruptedError):
                if last:
                    return
                time.sleep(0.02)
                continue
            except OSError:
                return
            lines = (left + data.decode("ascii", "replace")).split("\n")
            left = lines.pop()
            for line in lines:
                self._began = self._began or _PROGRAM_BEGINS in line
                match = _LINE.search(line)
                if match and self._began:
                    self._counts[match[1], int(match[2]), match[3] == "0"] += 1

    def _lost(self) -> int:
        total = 0
        with contextlib.suppress(OSError):
            for name in os.listdir(f"{self._directory}/per_cpu"):
                with open(f"{self._directory}/per_cpu/{name}/stats", encoding="ascii") as file:
                    words = dict(line.split(": ", 1) for line in file.read().splitlines() if ": " in line)
                total += int(words.get("overrun", "0")) + int(words.get("dropped events", "0"))
        return total

    def _write(self, name: str, text: str) -> None:
        handle = os.open(f"{self._directory}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self._write("events/enable", "0")
        with contextlib.suppress(OSError):
            os.rmdir(self._directory)


def _name(number: int) -> str:
    return CAPABILITIES_BY_NUMBER[number] if number < len(CAPABILITIES_BY_NUMBER) else f"CAP_{number}"


def remove_leftovers(directory: str = TRACEFS) -> int:
    """Remove instances of our sessions that ended without doing so; returns how many."""
    count = 0
    with contextlib.suppress(OSError):
        for name in os.listdir(os.path.join(directory, "instances")):
            owner = name.removeprefix(_MARK).partition("-")[0]
            if name.startswith(_MARK) and owner.isdecimal() and not os.path.exists(f"/proc/{owner}"):
                path = os.path.join(directory, "instances", name)
                with contextlib.suppress(OSError):
                    with open(f"{path}/events/enable", "w", encoding="ascii") as file:
                        file.write("0")
                    os.rmdir(path)
                    count += 1
    return count


# Reads what the arguments of a call refer to, while its caller waits: a `CallDetail`, or nothing relevant.
#
# The result is evidence, never a decision: another thread of the program may change the memory meanwhile.

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


_WRITES = 0o3 | 0o100 | 0o1000  # write only or both, create, truncate: the same on x86 and ARM
_AT_FDCWD = -100
_SOCK_TYPE = 0xF
_MOST_TIMES = 3
"""How often a repeated call is inspected; its file may have another owner by then."""
_MOST_REMEMBERED = 200_000


class Inspector:
    """For the processes of one container; call it for the calls in `argument_shapes.INSPECTED`."""

    def __init__(self) -> None:
        self._maps: tuple[IdMap, IdMap] | None = None
        self._files: FileLookup | None = None
        self._callers: dict[int, Caller] = {}
        self._times: dict[tuple[object, ...], int] = {}
        self._kinds: dict[int, int] = {}

    def __call__(self, name: str, notification: Notification) -> CallDetail | None:
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

    def _detail(self, call: str, notification: Notification) -> CallDetail | None:
        shape, pid, arguments = SHAPES[call], notification.pid, notification.arguments
        if any(arguments[place] & 0xFFFFFFFF not in wanted for place, wanted in shape.only.items()):
            return None
        numbers = tuple(arguments[place] & 0xFFFFFFFF for place in shape.numbers)
        numbers += tuple(int(arguments[place] != 0) for place in shape.unless_zero)
        if shape.behind is not None:
            numbers += read_numbers(pid, arguments[shape.behind[0]], shape.behind[1])
        who = self._caller(pid)
        if call in OPENS and who.uid != 0 and not (numbers and numbers[0] & _WRITES):
            return None  # an ordinary user who reads needs no privilege that could be removed
        paths = tuple(
            (_directory(arguments, place), read_text(pid, arguments[at])) for place, at in shape.paths
        )
        handle = _handle(shape, arguments)
        text = "" if shape.text is None else read_text(pid, arguments[shape.text]).decode("utf-8", "replace")
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
            files=self._touched(shape, notification, paths, address, who),
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
            paths = ((CURRENT_DIRECTORY, address.host.encode("utf-8", "surrogateescape")),)
        touched = [lookup.at_path(pid, directory, path, who, follow=follow) for directory, path in paths]
        handle = _handle(shape, arguments)
        if handle is not None and handle >= 0:
            touched.append(lookup.at_handle(pid, handle, who))
        return tuple(file for file in touched if file is not None)

    def _targets(self, shape: ArgumentShape, pid: int, arguments: tuple[int, ...]) -> frozenset[int]:
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


def _handle(shape: ArgumentShape, arguments: tuple[int, ...]) -> int | None:
    """The file descriptor that the call takes; None if it takes none."""
    return None if shape.handle is None else _signed(arguments[shape.handle])


def _directory(arguments: tuple[int, ...], place: int) -> int:
    if place == CURRENT_DIRECTORY:
        return CURRENT_DIRECTORY
    number = _signed(arguments[place])
    return CURRENT_DIRECTORY if number == _AT_FDCWD else number


def _address(shape: ArgumentShape, pid: int, arguments: tuple[int, ...]) -> SocketAddress | None:
    if shape.address is None:
        return None
    return read_address(pid, arguments[shape.address], arguments[shape.address + 1] & 0xFFFFFFFF)


_ENDED = Unread("the container had ended before it could be sampled")
_OF_RUNTIME = ("crun", "runc:", "3")
"""Names of the runtime's own process before it becomes the program."""


class _Seen(Struct):
    listening: set[SocketEndpoint] = field(default_factory=set)
    outgoing: set[SocketEndpoint] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    uids: set[int] = field(default_factory=set)
    capabilities: set[str] = field(default_factory=set)
    memory: int = 0
    pids: int = 0
    samples: int = 0
    faults: dict[str, str] = field(default_factory=dict)


class Sampler:
    """Use: `start` when the container has a pid, `finish` when it has ended or is enough.

    Args:
        pid: its main process, even one still waiting to be started: Podman does not name its cgroup then,
            so the cgroup is read from the process.
    """

    def __init__(self, pid: int, *, files: Files | None = None, every: float = 0.2) -> None:
        self._pid, self._every = pid, every
        self._cgroup_path = ""
        self._files = files or LocalFiles()
        self._seen = _Seen()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hardentui-samples", daemon=True)
        self._groups: dict[str, str] = {}
        self._users: IdMap | None = None

    def start(self) -> None:
        tree, membership = find_cgroups(self._files), self._membership()
        if isinstance(tree, CgroupTree) and isinstance(membership, Membership):
            self._cgroup_path = next(filter(None, map(_own_path, membership.paths())), "")
            for controller in ("memory", "pids"):
                self._groups[controller] = _own_group(tree, membership, controller)
        self._tree = tree
        self._thread.start()

    def finish(self, patience: float = 5.0) -> Known[Sampled]:
        self._stop.set()
        self._thread.join(timeout=patience)
        return self.so_far() if self._seen.samples else _ENDED

    def so_far(self) -> Sampled:
        """The observations so far; the container may continue."""
        seen = self._seen
        sockets = seen.faults.get("sockets")
        return Sampled(
            listening=_sorted(seen.listening) if sockets is None else Unread(sockets),
            outgoing=_sorted(seen.outgoing) if sockets is None else Unread(sockets),
            memory_peak=seen.memory or Unread(seen.faults.get("memory", _NO_GROUP)),
            pids_peak=seen.pids or Unread(seen.faults.get("pids", _NO_GROUP)),
            programs=tuple(sorted(seen.programs)),
            uids=frozenset(tuple(seen.uids)),
            capabilities=frozenset(tuple(seen.capabilities)),
            samples=seen.samples,
        )

    def _run(self) -> None:
        while True:
            last = self._stop.is_set()
            try:
                if not self._sample():
                    return
            except OSError:
                return  # it has ended
            if last:
                return
            self._stop.wait(self._every)

    def _sample(self) -> bool:
        """Take one sample; False if the container has ended."""
        self._peaks()
        activity = read_activity(self._files, self._pid, self._cgroup_path, self._tree)
        if isinstance(activity.processes, Unread):
            self._seen.faults["processes"] = activity.processes.reason
            return False
        if isinstance(activity.listening, Unread):
            if not self._seen.samples:
                self._seen.faults["sockets"] = activity.listening.reason
        else:
            listening = {
                SocketEndpoint(socket.protocol, socket.address, socket.port) for socket in activity.listening
            }
            self._seen.listening |= listening
            ports = {socket.port for socket in self._seen.listening}
            self._seen.outgoing |= set(established(self._files, self._pid, ports))
        for process in activity.processes:
            self._process(process)
        self._seen.pids = max(self._seen.pids, len(activity.processes))
        self._seen.samples += 1
        return True

    def _process(self, process: Process) -> None:
        if process.name.startswith(_OF_RUNTIME[:2]) or process.name == _OF_RUNTIME[2]:
            return
        self._seen.programs.add(process.name)
        try:
            if self._users is None:
                self._users = id_maps(self._pid)[0]
            status = self._files.read_text(f"/proc/{process.pid}/status")
        except OSError:
            return
        lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        self._seen.uids |= {self._users.inside(int(word)) for word in lines.get("Uid", "").split()[1:2]}
        self._seen.capabilities |= capability_names(int(lines.get("CapEff", "0"), 16))

    def _peaks(self) -> None:
        for controller, names in _PEAKS.items():
            group = self._groups.get(controller, "")
            for name in names if group else ():
                try:
                    value = int(self._files.read_text(f"{group}/{name}").strip())
                except (OSError, ValueError) as error:
                    if isinstance(error, OSError):
                        self._seen.faults[controller] = f"{group}/{name}: {reason(error)}"
                    continue
                setattr(self._seen, controller, max(getattr(self._seen, controller), value))
                break

    def _membership(self) -> Known[Membership]:
        path = f"/proc/{self._pid}/cgroup"
        try:
            return parse_membership(self._files.read_text(path))
        except OSError as error:
            return Unread(f"{path}: {reason(error)}")


_PEAKS = {
    "memory": ("memory.peak", "memory.max_usage_in_bytes", "memory.current"),
    "pids": ("pids.peak", "pids.current"),
}
"""The kernel's own peak value if it keeps one, else the current value."""
_NO_GROUP = "the container has no readable cgroup of its own"


def _sorted(connections: set[SocketEndpoint]) -> tuple[SocketEndpoint, ...]:
    return tuple(
        sorted(connections, key=lambda connection: (connection.protocol, connection.port, connection.address))
    )


def _own_group(tree: CgroupTree, membership: Membership, controller: str) -> str:
    """The directory of the container's own cgroup; empty if unknown.

    Its parents include others, and systemd as the main process moves itself into a child.
    """
    path = membership.v1.get(controller, membership.unified or "")
    hierarchy = tree.v1.get(controller) if controller in membership.v1 else tree.unified
    if hierarchy is None or not path:
        return ""
    own = _own_path(path)
    return (cgroup_directory(hierarchy, own) or "") if own else ""


def _own_path(path: str) -> str:
    """The part of a cgroup's path that Podman created for the container; empty if there is none."""
    return next((part for part in _upwards(path) if posixpath.basename(part).startswith("libpod-")), "")


def _upwards(path: str) -> Iterator[str]:
    while path not in ("/", ""):
        yield path
        path = posixpath.dirname(path)


def native_way() -> str:
    """The seccomp profile's name of this machine; empty without a table of its system calls."""
    number = NATIVE.get(platform.machine())
    return "" if number is None else SECCOMP_NAMES[number]


class Watch:
    """Use: `open`; create the container with the seccomp profile at `profile_path` (if it is not empty);
    for each start `attach` between Podman's init and start; stop the container; `finish`; `close`.

    Args:
        base: the seccomp profile in force on it, as JSON; None = its system calls are not watched.
        held: its capabilities.
        account: the engine's uid; by default ours.
        parent: where the directory for the supervisor's socket is created; the engine must reach it.
    """

    def __init__(
        self,
        base: Mapping[str, Any] | None,
        held: frozenset[str],
        *,
        account: int | None = None,
        parent: str | None = None,
        files: Files | None = None,
        tracefs: str = TRACEFS,
    ) -> None:
        self._base, self._held, self._parent = base, held, parent
        self._account = os.geteuid() if account is None else account
        self._files = files or LocalFiles()
        self._tracefs = tracefs
        self._directory = ""
        self._calls: CallWatcher | None = None
        self._no_calls = Unread("there is no seccomp profile to watch it with")
        self._samplers: list[Sampler] = []
        self._tracers: list[CapabilityWatcher] = []
        self._sampled: Known[Sampled] = NOT_READ
        self._checks: Known[tuple[CapabilityCheck, ...]] = NOT_READ
        self._begun = 0.0

    @property
    def profile_path(self) -> str:
        """The profile that makes its calls visible; empty if that is impossible."""
        return "" if self._calls is None else self._calls.profile_path

    def open(self) -> None:
        """Start to wait for the container; leftovers of a killed session in the kernel are removed."""
        self._begun = monotonic()
        remove_leftovers(self._tracefs)
        if self._base is None:
            return
        if not native_way():
            self._no_calls = Unread(f"system calls of {platform.machine()} machines are not in our tables")
            return
        try:
            self._directory = tempfile.mkdtemp(prefix="hardentui-", dir=self._parent)
            give_to(self._directory, self._account)
            rules = parse_profile(self._base, capabilities=self._held, architecture=_go_name())
            calls = CallWatcher(
                self._directory,
                self._base,
                rules,
                account=self._account,
                inspect=Inspector(),
                inspected=INSPECTED,
            )
            calls.start()
        except OSError as error:
            self._no_calls = Unread(f"{error.filename or self._directory}: {reason(error)}")
            return
        except ValueError as error:
            self._no_calls = Unread(f"its seccomp profile cannot be parsed: {error}")
            return
        self._calls = calls

    def attach(self, pid: int) -> None:
        """Watch a start of the container: `pid` is its main process, which waits to become the program."""
        self._settle()
        sampler = Sampler(pid, files=self._files)
        sampler.start()
        tracer = CapabilityWatcher(self._tracefs)
        tracer.start([pid])
        self._samplers.append(sampler)
        self._tracers.append(tracer)

    def finish(self, written: Known[tuple[str, ...]] = NOT_READ) -> Observation:
        """What was seen; the container must have ended.

        Args:
            written: paths of its root file system that differ from the image, according to Podman.
        """
        self._settle()
        calls: Known[CallLog] = self._no_calls if self._calls is None else self._calls.finish()
        return Observation(
            calls=calls,
            sampled=self._sampled,
            capability_checks=self._checks,
            written=written,
            seconds=round(monotonic() - self._begun, 2),
        )

    def close(self) -> None:
        """Stop everything and remove what was created, also after a failure."""
        self._settle()
        if self._calls is not None:
            self._calls.finish(patience=1.0)
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = ""

    def _settle(self) -> None:
        """Take over the observations of a start that has ended."""
        while self._samplers:
            self._sampled = merged_samples(self._sampled, self._samplers.pop().finish())
        while self._tracers:
            self._checks = merged_checks(self._checks, self._tracers.pop().finish(self._held))


def _go_name() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "amd64")
