"""What this machine has left of memory, processes and file handles: as a whole, and in each cgroup
above a process."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from hardentui.host.files import Files, reason
from hardentui.host.process.cgroups import CgroupTree, Membership, levels_of
from hardentui.model.known import Unread

HOST = "on this host"
_NO_LIMIT_V1 = 1 << 62
_OF_A_POD = re.compile(r"([0-9a-f]{64}|.*libpod_pod_[0-9a-f]{64}.*)")


class Left(Struct, frozen=True):
    """What is left of something: bytes, or a number."""

    free: int
    total: int
    where: str


def memory_of_host(files: Files) -> Left:
    """Without swap: what is swapped out makes everybody slow. Raises Unread."""
    numbers = _fields(_text(files, "/proc/meminfo"), ":")
    if "MemAvailable" not in numbers:
        raise Unread("/proc/meminfo does not tell what is available")
    return Left(
        numbers["MemAvailable"] << 10,
        numbers["MemTotal"] << 10,
        HOST,
    )


def processes_of_host(files: Files) -> Left:
    """Processes and threads. Raises Unread."""
    kernel = "/proc/sys/kernel"
    most = min(
        _number(files, f"{kernel}/pid_max"),
        _number(files, f"{kernel}/threads-max"),
    )
    running = _text(files, "/proc/loadavg").split()[3].partition("/")[2]
    return Left(most - int(running), most, HOST)


def handles_of_host(files: Files) -> Left:
    """Raises Unread."""
    used, _, most = (int(word) for word in _text(files, "/proc/sys/fs/file-nr").split()[:3])
    return Left(most - used, most, HOST)


def memory_above(
    files: Files,
    tree: CgroupTree,
    membership: Membership,
) -> Iterator[Left]:
    """In each cgroup with a limit that containers share with this one. Raises Unread."""
    v1 = "memory" in membership.v1
    limit = "memory.limit_in_bytes" if v1 else "memory.max"
    for directory in shared_levels(
        levels_of(
            files,
            tree,
            membership,
            "memory",
        )
    ):
        most = _limit(files, f"{directory}/{limit}")
        if most is not None:
            used = working_set(files, directory, v1=v1)
            yield Left(most - used, most, f"in the cgroup {directory}")


def processes_above(
    files: Files,
    tree: CgroupTree,
    membership: Membership,
) -> Iterator[Left]:
    """The same for processes. Raises Unread."""
    for directory in shared_levels(
        levels_of(
            files,
            tree,
            membership,
            "pids",
        )
    ):
        most = _limit(files, f"{directory}/pids.max")
        if most is not None:
            used = _number(files, f"{directory}/pids.current")
            yield Left(most - used, most, f"in the cgroup {directory}")


def shared_levels(levels: tuple[str, ...]) -> tuple[str, ...]:
    """Those that limit other containers too: not a container's own, its pod's or its unit's."""
    own = own_level(levels)
    above = levels[levels.index(own) + 1 :] if own else levels
    return tuple(level for level in above if not _is_of_one(posixpath.basename(level)))


def own_level(levels: tuple[str, ...]) -> str:
    """The cgroup of the container itself; empty if there is none."""
    return next(
        (level for level in levels if posixpath.basename(level).startswith("libpod-")),
        "",
    )


def _is_of_one(name: str) -> bool:
    of_unit = name.endswith(".service") and not name.startswith("user@")
    return of_unit or _OF_A_POD.fullmatch(name) is not None


def working_set(
    files: Files,
    directory: str,
    *,
    v1: bool,
) -> int:
    """Bytes that a cgroup holds, without files that the kernel can drop at once. Raises Unread."""
    held = _number(
        files,
        f"{directory}/{'memory.usage_in_bytes' if v1 else 'memory.current'}",
    )
    parts = _fields(_text(files, f"{directory}/memory.stat"), "")
    return max(
        0,
        held - parts.get("total_inactive_file" if v1 else "inactive_file", 0),
    )


def killed_in(files: Files, directory: str) -> int:
    """How many processes the OOM killer ended in a cgroup since it was made; 0 if that is not told."""
    for name in ("memory.events", "memory.oom_control"):
        try:
            return _fields(_text(files, f"{directory}/{name}"), "").get("oom_kill", 0)
        except Unread:
            continue
    return 0


def _fields(text: str, mark: str) -> Mapping[str, int]:
    """Of lines of `name number`."""
    fields = {}
    for line in text.splitlines():
        words = line.replace(mark, " ").split() if mark else line.split()
        if len(words) > 1 and words[1].isdecimal():
            fields[words[0]] = int(words[1])
    return fields


def _limit(files: Files, path: str) -> int | None:
    """None: there is no limit, or no such file (the root has none)."""
    try:
        text = files.read_text(path).strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unread(f"{path}: {reason(error)}") from None
    return int(text) if text.isdecimal() and int(text) < _NO_LIMIT_V1 else None


def _number(files: Files, path: str) -> int:
    text = _text(files, path).strip()
    if not text.isdecimal():
        raise Unread(f"{path} is not a number")
    return int(text)


def _text(files: Files, path: str) -> str:
    try:
        return files.read_text(path)
    except OSError as error:
        raise Unread(f"{path}: {reason(error)}") from None
