"""A process waiting in a system call, seen from outside: its memory, its ids, the targets of its
signals."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator
from ipaddress import ip_address

from hardentui.host.process import capability_names
from hardentui.lib.observer.records import Caller, SocketAddress

_PAGE = 4096
_MOST_TEXT = 4096
AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10
_MOST_PROCESSES = 4096
_PIDFD_GETFD = 438
_SYSCALL = ctypes.CDLL(None, use_errno=True).syscall


class _Span(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


_READ = ctypes.CDLL(None, use_errno=True).process_vm_readv
_READ.argtypes = [
    ctypes.c_int,
    ctypes.POINTER(_Span),
    ctypes.c_ulong,
    ctypes.POINTER(_Span),
    ctypes.c_ulong,
    ctypes.c_ulong,
]
_READ.restype = ctypes.c_ssize_t


def _memory(pid: int, pointer: int, count: int) -> bytes:
    """Bytes of a process. Unlike /proc/PID/mem, this is permitted to the owner of its user
    namespace.

    Raises:
        OSError: nothing can be read there.
    """
    buffer = ctypes.create_string_buffer(count)
    here = _Span(ctypes.addressof(buffer), count)
    there = _Span(pointer, count)
    read = _READ(
        pid,
        ctypes.byref(here),
        1,
        ctypes.byref(there),
        1,
        0,
    )
    if read < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return buffer.raw[:read]


def read_text(pid: int, pointer: int) -> bytes:
    """The bytes up to the first zero.

    Raises:
        OSError: nothing can be read there.
    """
    text = b""
    while len(text) < _MOST_TEXT:
        part = _memory(
            pid,
            pointer,
            min(_PAGE - pointer % _PAGE, 256 if not text else _PAGE),
        )
        before, zero, _ = part.partition(b"\0")
        text += before
        if zero or not part:
            break
        pointer += len(part)
    return text


def read_numbers(
    pid: int,
    pointer: int,
    count: int,
) -> tuple[int, ...]:
    """64-bit numbers; none for a null pointer."""
    if not pointer:
        return ()
    data = _memory(pid, pointer, 8 * count)
    return struct.unpack(f"={len(data) // 8}Q", data[: len(data) // 8 * 8])


def read_address(
    pid: int,
    pointer: int,
    length: int,
) -> SocketAddress | None:
    """The address in a sockaddr; None for families without a port or path, and for abstract unix
    sockets."""
    data = _memory(pid, pointer, min(length, 128)) if pointer and length else b""
    if len(data) < 2:
        return None
    family = int.from_bytes(data[:2], "little" if struct.pack("=H", 1)[0] else "big")
    if family == AF_INET and len(data) >= 8:
        return SocketAddress(
            family,
            str(ip_address(data[4:8])),
            int.from_bytes(data[2:4], "big"),
        )
    if family == AF_INET6 and len(data) >= 24:
        return SocketAddress(
            family,
            str(ip_address(data[8:24])),
            int.from_bytes(data[2:4], "big"),
        )
    if family == AF_UNIX and data[2:3] not in (b"", b"\0"):
        return SocketAddress(family, os.fsdecode(data[2:].partition(b"\0")[0]))
    return SocketAddress(family)


@contextlib.contextmanager
def descriptor_of(pid: int, number: int) -> Iterator[int]:
    """Our own copy of a descriptor of a process that is in a system call.

    Raises:
        OSError: there is none, or the kernel denies it.
    """
    process = os.pidfd_open(_leader(pid))
    try:
        copied = int(
            _SYSCALL(
                ctypes.c_long(_PIDFD_GETFD),
                process,
                number,
                0,
            )
        )
        if copied < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
    finally:
        os.close(process)
    try:
        yield copied
    finally:
        os.close(copied)


def _leader(thread: int) -> int:
    """The process of a thread: only processes have descriptors of their own here."""
    return int(_status(f"/proc/{thread}/status")["Tgid"])


class IdMap:
    """From ids as we see them to those that the container sees."""

    def __init__(self, text: str) -> None:
        rows = (tuple(map(int, line.split())) for line in text.splitlines() if line.strip())
        self._rows = tuple((inside, outside, size) for inside, outside, size in rows)

    def inside(self, outside: int) -> int:
        """-1 if the container has no such id."""
        for first, own, size in self._rows:
            if own <= outside < own + size:
                return first + outside - own
        return -1


def id_maps(pid: int) -> tuple[IdMap, IdMap]:
    """The maps for users and for groups."""
    return IdMap(_slurp(f"/proc/{pid}/uid_map")), IdMap(_slurp(f"/proc/{pid}/gid_map"))


def caller(
    pid: int,
    users: IdMap,
    groups: IdMap,
) -> Caller:
    """The credentials of a thread."""
    lines = _status(f"/proc/{pid}/status")
    uids = [users.inside(int(word)) for word in lines["Uid"].split()]
    gids = [groups.inside(int(word)) for word in lines["Gid"].split()]
    others = frozenset(groups.inside(int(word)) for word in lines["Groups"].split())
    in_effect = capability_names(int(lines["CapEff"], 16))
    return Caller(
        uids[3],
        gids[3],
        frozenset(uids),
        frozenset(gids),
        others,
        in_effect,
    )


def target_uids(
    pid: int,
    target: int,
    users: IdMap,
) -> frozenset[int]:
    """Real and saved uids of the processes that `target` denotes for the caller; empty if unknown.

    The container's own /proc numbers processes as the container does.
    """
    proc = f"/proc/{pid}/root/proc"
    if target > 0:
        return _uids(f"{proc}/{target}/status", users)
    try:
        numbers = [int(name) for name in os.listdir(proc) if name.isdecimal()][:_MOST_PROCESSES]
        wanted = -target or _group(f"{proc}/{_own_number(pid)}/stat")
    except (OSError, KeyError, ValueError):
        return frozenset()
    meant = [
        each
        for each in numbers
        if each != 1 and (target == -1 or _group(f"{proc}/{each}/stat") == wanted)
    ]
    return frozenset().union(*(_uids(f"{proc}/{each}/status", users) for each in meant))


def _own_number(pid: int) -> int:
    """The number of a process in its own namespace."""
    return int(_status(f"/proc/{pid}/status")["NSpid"].split()[-1])


def _group(path: str) -> int:
    try:
        return int(_slurp(path).rpartition(")")[2].split()[2])
    except OSError:
        return 0


def _uids(path: str, users: IdMap) -> frozenset[int]:
    try:
        words = _status(path)["Uid"].split()
    except (OSError, KeyError):
        return frozenset()
    return frozenset(
        {
            users.inside(int(words[0])),
            users.inside(int(words[2])),
        }
    )


def _status(path: str) -> dict[str, str]:
    return {
        name: value
        for name, _, value in (line.partition(":") for line in _slurp(path).splitlines())
    }


def _slurp(path: str) -> str:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.read(handle, 1 << 16).decode("utf-8", "replace")
    finally:
        os.close(handle)
