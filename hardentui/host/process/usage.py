"""Current resource use of a container: CPU time, memory, tasks. From its cgroup, else from its processes."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable

from msgspec import Struct

from hardentui.host.files.reader import Files, reason
from hardentui.host.process.cgroups import (
    CgroupTree,
    Hierarchy,
    Membership,
    cgroup_directory,
    find_cgroups,
    parse_membership,
)
from hardentui.model.facts import Process
from hardentui.model.known import Known, Unread


class Counters(Struct, frozen=True):
    """Counters at one time.

    Attributes:
        cpu: seconds of CPU time since the start.
        memory: bytes; for a cgroup with the page cache, for processes without it.
        oom_kills: number of processes killed for lack of memory; None if that is not counted.
        periods, throttled: scheduler periods, and those in which it was throttled; None without
            a limit.
    """

    cpu: float
    memory: int
    tasks: int
    oom_kills: int | None = None
    periods: int | None = None
    throttled: int | None = None
    source: str = "cgroup"


def read_counters(
    files: Files, pid: int, processes: Known[tuple[Process, ...]], cgroups: Known[CgroupTree] | None = None
) -> Known[Counters]:
    """The counters of a running container.

    Args:
        processes: of the container; counted if it has no cgroup of its own (rootless on cgroup v1).
    """
    tree = find_cgroups(files) if cgroups is None else cgroups
    try:
        membership = parse_membership(files.read_text(f"/proc/{pid}/cgroup"))
    except (FileNotFoundError, ProcessLookupError):
        return Unread("the process has ended")
    except OSError as error:
        return Unread(f"/proc/{pid}/cgroup: {reason(error)}")
    if not isinstance(tree, Unread):
        try:
            counters = _of_cgroup(files, tree, membership)
        except (OSError, ValueError, KeyError):
            counters = None
        if counters is not None:
            return counters
    if isinstance(processes, Unread):
        return processes
    return _of_processes(files, [process.pid for process in processes])


def _own(tree: CgroupTree, membership: Membership, controller: str) -> str | None:
    """The directory of the container's own cgroup; None if it has none, or the controller is missing."""
    if controller in membership.v1 and controller in tree.v1:
        return _libpod(tree.v1[controller], membership.v1[controller])
    if tree.unified is not None and membership.unified is not None:
        return _libpod(tree.unified, membership.unified)
    return None


def _libpod(hierarchy: Hierarchy, path: str) -> str | None:
    directory = cgroup_directory(hierarchy, path)
    while directory is not None and directory.startswith(hierarchy.point):
        if posixpath.basename(directory).startswith("libpod-"):
            return directory
        if directory == hierarchy.point:
            return None
        directory = posixpath.dirname(directory)
    return None


def _of_cgroup(files: Files, tree: CgroupTree, membership: Membership) -> Counters | None:
    memory, tasks = _own(tree, membership, "memory"), _own(tree, membership, "pids")
    account = _own(tree, membership, "cpuacct" if "cpuacct" in membership.v1 else "cpu")
    share = _own(tree, membership, "cpu")
    if memory is None or tasks is None or account is None or share is None:
        return None
    first_version = "memory" in membership.v1
    stat = _pairs(files.read_text(f"{share}/cpu.stat"))
    events = _pairs(
        files.read_text(f"{memory}/memory.oom_control" if first_version else f"{memory}/memory.events")
    )
    if first_version:
        cpu = int(files.read_text(f"{account}/cpuacct.usage")) / 1e9
    else:
        cpu = stat["usage_usec"] / 1e6
    used = "memory.usage_in_bytes" if first_version else "memory.current"
    return Counters(
        cpu=cpu,
        memory=int(files.read_text(f"{memory}/{used}")),
        tasks=int(files.read_text(f"{tasks}/pids.current")),
        oom_kills=events.get("oom_kill"),
        periods=stat.get("nr_periods"),
        throttled=stat.get("nr_throttled"),
    )


def _pairs(text: str) -> dict[str, int]:
    rows = (line.split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}


def _of_processes(files: Files, pids: Iterable[int]) -> Known[Counters]:
    """The sum over processes, without those that end meanwhile."""
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    cpu, memory, tasks, seen = 0.0, 0, 0, 0
    for pid in pids:
        try:
            words = files.read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()
            cpu += (int(words[11]) + int(words[12])) / ticks
            tasks += int(words[17])
            memory += int(files.read_text(f"/proc/{pid}/statm").split()[1]) * page
            seen += 1
        except (OSError, ValueError, IndexError):
            continue
    if not seen:
        return Unread("none of its processes can be inspected")
    return Counters(cpu, memory, tasks, source="processes")
