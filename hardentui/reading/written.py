"""From paths that a container wrote to the folders that must stay writable under a read-only root."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from msgspec import Struct

from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.known import Unreadable
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, ROOTFS
from hardentui.reading.mounts import at_or_above

_BY_PODMAN = frozenset(
    {
        "/etc",  # a folder by itself: Podman made files in it that the image lacks
        "/etc/hosts",
        "/etc/hostname",
        "/etc/resolv.conf",
        "/etc/mtab",
        "/etc/passwd",
        "/etc/group",
        "/run/.containerenv",
        "/run/secrets",
    }
)
_KERNEL_TREES = ("/proc", "/sys", "/dev")


def folders_of(
    paths: tuple[str, ...], spec: Spec, known_folders: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """The folders that hold what was written, the outermost only, sorted.

    A path that is the beginning of another one is a folder that changed because of what is in it. What Podman
    itself writes, and the mount points it makes, are left out.

    Args:
        known_folders: those of the paths that are folders: they hold themselves what was written.
    """
    mounted = {mount.destination.rstrip("/") for mount in spec[MOUNTS]}
    clean = {normal_path(path) for path in paths}
    own = {normal_path(path) for path in known_folders}
    parents = {parent for path in clean for parent in _parents(path)}
    leaves = clean - parents
    folders = {
        path if path in own else posixpath.dirname(path)
        for path in leaves
        if path != "/"
        and path not in _BY_PODMAN
        and not any(at_or_above(tree, path) for tree in _KERNEL_TREES)
        and not any(at_or_above(path, mount) for mount in mounted)
    }
    return tuple(sorted(folder for folder in folders if folders.isdisjoint(_parents(folder))))


def by_podman(path: str) -> bool:
    """It changes in every container: Podman makes it, or it lies in a tree of the kernel."""
    return path in _BY_PODMAN or any(at_or_above(tree, path) for tree in _KERNEL_TREES)


def normal_path(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


class LayerWrites(Struct, frozen=True):
    """What a container wrote outside volumes since it was made.

    Attributes:
        paths: what was written; None where nobody could look.
        folders: those of them that are folders and were there before: something in them came and went.
        made: those of them that are folders which the container made.
        unclear: paths that changed and are a file or a folder, nobody knows which.
    """

    paths: tuple[str, ...] | None = None
    folders: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    unclear: tuple[str, ...] = ()


def written_by(facts: ContainerFacts) -> LayerWrites:
    """What the list of changes of a container says. Of one that runs from a folder of the host it is empty,
    whatever it wrote there."""
    if not isinstance(facts.changes, tuple) or facts.spec[ROOTFS]:
        return LayerWrites()
    points = _mount_points(facts)
    changed = [
        change
        for change in facts.changes
        if change.kind != "deleted"
        and not any(at_or_above(normal_path(change.path), point) for point in points)
    ]
    above = {parent for change in changed for parent in _parents(normal_path(change.path))}
    unclear = {
        change.path
        for change in changed
        if change.folder is None and change.kind == "modified" and normal_path(change.path) not in above
    } - _BY_PODMAN
    return LayerWrites(
        tuple(change.path for change in changed if change.path not in unclear),
        frozenset(change.path for change in changed if change.folder and change.kind == "modified"),
        frozenset(change.path for change in changed if change.folder and change.kind == "added"),
        tuple(sorted(unclear)),
    )


def written_folders(facts: ContainerFacts) -> tuple[str, ...]:
    """The folders outside volumes that were written, and of those that the container made the inner ones."""
    seen = written_by(facts)
    paths = seen.paths or ()
    inner = folders_of(paths, facts.spec, seen.folders | seen.made)
    return tuple(dict.fromkeys((*folders_of(paths, facts.spec, seen.folders), *inner)))


def working_folders(facts: ContainerFacts) -> tuple[str, ...]:
    """The working directories of its processes that lie in its own file system."""
    kernel = facts.kernel
    if not isinstance(kernel, Kernel) or isinstance(kernel.processes, Unreadable):
        return ()
    points = _mount_points(facts)
    folders = dict.fromkeys(process.folder for process in kernel.processes if process.folder.startswith("/"))
    return tuple(
        folder
        for folder in folders
        if folder != "/" and not any(at_or_above(point, folder) for point in points)
    )


def _mount_points(facts: ContainerFacts) -> tuple[str, ...]:
    """Where something is mounted, also what no option of it names (`--volumes-from`, the volumes of its
    pod and of its image): Podman makes the folders, and those above them."""
    listed = [entry for entry in facts.inspect.get("Mounts") or () if isinstance(entry, Mapping)]
    places = (str(entry.get("Destination") or "/") for entry in listed)
    return (*map(normal_path, places), *(mounted.destination for mounted in facts.mounted))


def _parents(path: str) -> list[str]:
    """Every folder above a path, up to the root."""
    parents = []
    while path != "/":
        path = posixpath.dirname(path)
        parents.append(path)
    return parents
