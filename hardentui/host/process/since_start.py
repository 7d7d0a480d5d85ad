"""What the kernel enforces that can be changed after a container's start: its device filter and its masks."""

from __future__ import annotations

from hardentui.host.files.reader import Files, reason
from hardentui.host.process.cgroups import CgroupTree, Membership, cgroup_directory
from hardentui.model.facts import Kernel
from hardentui.model.known import Known, Unread
from hardentui.model.runtime import RuntimeConfig


def read_device_rules(
    files: Files, tree: Known[CgroupTree], membership: Known[Membership]
) -> Known[tuple[str, ...]]:
    """The device filter of a process; cgroup v2 keeps it in a program that cannot be read."""
    if isinstance(tree, Unread):
        return tree
    if isinstance(membership, Unread):
        return membership
    hierarchy, path = tree.v1.get("devices"), membership.v1.get("devices")
    directory = cgroup_directory(hierarchy, path) if hierarchy is not None and path is not None else None
    if directory is None:
        return Unread("this kernel does not show the device filter")
    try:
        text = files.read_text(f"{directory}/devices.list")
    except OSError as error:
        return Unread(f"{directory}/devices.list: {reason(error)}")
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def lost_masks(files: Files, kernel: Kernel, runtime: RuntimeConfig) -> frozenset[str]:
    """Paths that the runtime has hidden or protected, that exist inside, and that nothing covers now.

    Raises:
        Unread: what covers paths is not known.
    """
    gone = runtime.masks - kernel.masked_paths
    return frozenset(path for path in gone if _exists_inside(files, kernel.pid, path))


def _exists_inside(files: Files, pid: int, path: str) -> bool:
    try:
        return files.exists(f"/proc/{pid}/root{path}")
    except OSError:
        return False
