"""Limits that the cgroup tree actually enforces: cgroup v1, v2 and hybrid.

A limit applies to everything below it, so the tightest one between the process and the root wins;
that is how `MemoryMax=` of a Quadlet's service limits a container without a limit of its own.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

from msgspec import Struct, field

from hardentui.host.files import Files, reason
from hardentui.host.process.mountinfo import parse_mountinfo
from hardentui.model.facts import Limits
from hardentui.model.known import Known, Unread
from hardentui.reading.limits import count_of_list

_NO_LIMIT_V1 = 1 << 62
"""cgroup v1 expresses "no limit" as a number near 2^63, rounded to the page size."""


class Hierarchy(Struct, frozen=True):
    """A mounted cgroup file system: `root` is the cgroup visible at `point`."""

    point: str
    root: str


class CgroupTree(Struct, frozen=True):
    """Where the hierarchies are mounted: v1 by controller, and the unified one."""

    v1: dict[str, Hierarchy] = field(default_factory=dict)
    unified: Hierarchy | None = None


class Membership(Struct, frozen=True):
    """The cgroups of a process: by v1 controller, and in the unified hierarchy."""

    v1: dict[str, str] = field(default_factory=dict)
    unified: str | None = None

    def paths(self) -> tuple[str, ...]:
        return (
            *self.v1.values(),
            *(() if self.unified is None else (self.unified,)),
        )


def find_cgroups(files: Files) -> Known[CgroupTree]:
    """The cgroup mounts of our own mount namespace; read once for many processes."""
    try:
        mounts = parse_mountinfo(files.read_text("/proc/self/mountinfo", 16 << 20))
    except OSError as error:
        return Unread(f"/proc/self/mountinfo: {reason(error)}")
    v1: dict[str, Hierarchy] = {}
    unified: Hierarchy | None = None
    for mount in mounts:
        if mount.kind == "cgroup":
            for controller in mount.options.split(","):
                v1.setdefault(controller, Hierarchy(mount.point, mount.root))
        elif mount.kind == "cgroup2" and unified is None:
            unified = Hierarchy(mount.point, mount.root)
    if not v1 and unified is None:
        return Unread("no cgroup filesystem is mounted here")
    return CgroupTree(v1, unified)


def parse_membership(text: str) -> Membership:
    """/proc/PID/cgroup, lines of `number:controllers:path`; `0::` is the unified hierarchy."""
    v1: dict[str, str] = {}
    unified: str | None = None
    for line in text.split("\n"):
        parts = line.split(":", 2)
        if len(parts) != 3:
            continue
        number, controllers, path = parts
        if number == "0" and not controllers:
            unified = path
        else:
            v1.update(dict.fromkeys(controllers.split(","), path))
    return Membership(v1, unified)


def read_limits(
    files: Files,
    tree: CgroupTree,
    membership: Membership,
) -> Limits:
    """The limits in force for a process.

    A controller that this kernel lacks limits nothing, so its value is None. If an existing one
    cannot be inspected, everything is Unread, which is raised: "no limit" would be a guess.
    """
    place = _Place(files, tree, membership)
    try:
        memory, swap = _memory(place)
        pids = place.tightest("pids", "pids.max", _number)
        return Limits(
            memory,
            pids,
            _cpus(place),
            _processors(place),
            swap,
            _memory_peak(place),
        )
    except OSError as error:
        raise Unread(f"{error.filename or 'the cgroup tree'}: {reason(error)}") from None


def levels_of(
    files: Files,
    tree: CgroupTree,
    membership: Membership,
    controller: str,
) -> tuple[str, ...]:
    """The directories of a process's cgroup and its parents, the process's own first; empty if this
    kernel has no such controller.

    Raises:
        Unread: it is not mounted here, or the process's cgroup is outside what is.
    """
    return tuple(_Place(files, tree, membership).levels(controller))


class _Place(Struct, frozen=True):
    files: Files
    tree: CgroupTree
    membership: Membership

    def is_v1(self, controller: str) -> bool:
        return controller in self.membership.v1

    def levels(self, controller: str) -> Iterator[str]:
        """The process's cgroup directory and its parents, up to the mounted root."""
        if self.is_v1(controller):
            hierarchy, path = self.tree.v1.get(controller), self.membership.v1[controller]
        else:
            hierarchy, path = self.tree.unified, self.membership.unified or ""
            if not path:
                return  # neither hierarchy knows the controller
        if hierarchy is None:
            raise Unread(f"the cgroup hierarchy of {controller} is not mounted here")
        yield from _levels(self.files, hierarchy, path)

    def values(
        self,
        controller: str,
        name: str,
    ) -> Iterator[tuple[str, str]]:
        """(directory, content) of each level with this file; the root and inactive levels have
        none."""
        for directory in self.levels(controller):
            try:
                yield directory, self.files.read_text(f"{directory}/{name}").strip()
            except FileNotFoundError:
                continue

    def tightest(
        self,
        controller: str,
        name: str,
        parse: Callable[[str], int | None],
    ) -> int | None:
        limits = (parse(text) for _, text in self.values(controller, name))
        return min((limit for limit in limits if limit is not None), default=None)


def cgroup_directory(hierarchy: Hierarchy, path: str) -> str | None:
    """The directory of the cgroup `path` in a mounted hierarchy; None if it is outside the mount."""
    if ".." in path.split("/") or path.endswith(" (deleted)"):
        return None
    root = hierarchy.root.rstrip("/")
    if path != root and not path.startswith(f"{root}/"):
        return None
    return posixpath.join(hierarchy.point, path[len(root) :].lstrip("/")).rstrip("/")


def _levels(
    files: Files,
    hierarchy: Hierarchy,
    path: str,
) -> Iterator[str]:
    directory = cgroup_directory(hierarchy, path)
    if directory is None:
        raise Unread(f"the cgroup {path} is outside the tree mounted at {hierarchy.point}")
    if not files.exists(directory):
        raise Unread(f"the cgroup {directory} is gone")
    while True:
        yield directory
        if directory == hierarchy.point:
            return
        directory = posixpath.dirname(directory)


def _memory(place: _Place) -> tuple[int | None, int | None]:
    """Bytes of memory, and bytes of swap in addition."""
    if not place.is_v1("memory"):
        return (
            place.tightest("memory", "memory.max", _number),
            place.tightest("memory", "memory.swap.max", _number),
        )
    memory = place.tightest(
        "memory",
        "memory.limit_in_bytes",
        _number_v1,
    )
    both = place.tightest(
        "memory",
        "memory.memsw.limit_in_bytes",
        _number_v1,
    )
    swap = None if both is None else max(0, both - (memory or 0))
    return memory, swap


def _memory_peak(place: _Place) -> int | None:
    """Of the container's own cgroup: its parents include others, and systemd as the main process
    moves itself into a child."""
    levels = list(place.levels("memory"))
    if not levels:
        return None
    own = next(
        (level for level in levels if posixpath.basename(level).startswith("libpod-")), levels[0]
    )
    name = "memory.max_usage_in_bytes" if place.is_v1("memory") else "memory.peak"
    try:
        return _number(place.files.read_text(f"{own}/{name}").strip())
    except OSError:
        return None


def _cpus(place: _Place) -> float | None:
    if not place.is_v1("cpu"):
        shares = [_cpu_share(*text.split()[:2]) for _, text in place.values("cpu", "cpu.max")]
    else:
        shares = [
            _cpu_share(
                quota,
                place.files.read_text(f"{directory}/cpu.cfs_period_us").strip(),
            )
            for directory, quota in place.values("cpu", "cpu.cfs_quota_us")
        ]
    return min((share for share in shares if share is not None), default=None)


def _processors(place: _Place) -> int | None:
    """The nearest level that has the controller decides: its list is part of the one above."""
    names = (
        ("cpuset.effective_cpus", "cpuset.cpus")
        if place.is_v1("cpuset")
        else ("cpuset.cpus.effective",)
    )
    try:
        lists = (text for name in names for _, text in place.values("cpuset", name))
        return count_of_list(next(lists, "")) or None
    except (Unread, OSError):
        return None


def _cpu_share(quota: str, period: str = "100000") -> float | None:
    if quota in ("max", "-1"):
        return None
    return _whole(quota) / _whole(period)


def _number(text: str) -> int | None:
    return None if text == "max" else _whole(text)


def _number_v1(text: str) -> int | None:
    value = _whole(text)
    return None if value >= _NO_LIMIT_V1 else value


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Unread("a limit in the cgroup tree is not a number") from None
