"""From paths that a container wrote to the directories that must stay writable under a read-only root."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from msgspec import Struct

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, ROOTFS
from hardentui.reading.containers import ask_or
from hardentui.reading.mounts import at_or_above, parents

_BY_PODMAN = frozenset(
    {
        "/etc",  # Podman creates files in it that the image lacks
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


def directories_of(
    paths: tuple[str, ...], spec: Spec, known_directories: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """The outermost directories that contain the written paths, sorted.

    A path that is the prefix of another is a directory that changed because of its entries. Podman's own
    writes and its mount points are left out.

    Args:
        known_directories: those of the paths that are directories, which count themselves.
    """
    mounted = {mount.destination.rstrip("/") for mount in spec[MOUNTS]}
    clean = {normal_path(path) for path in paths}
    own = {normal_path(path) for path in known_directories}
    leaves = clean - {parent for path in clean for parent in parents(path)}
    directories = {
        path if path in own else posixpath.dirname(path)
        for path in leaves
        if path != "/"
        and path not in _BY_PODMAN
        and not any(at_or_above(tree, path) for tree in _KERNEL_TREES)
        and not any(at_or_above(path, mount) for mount in mounted)
    }
    return tuple(sorted(directory for directory in directories if directories.isdisjoint(parents(directory))))


def by_podman(path: str) -> bool:
    """Whether it changes in every container: Podman creates it, or it is in a kernel filesystem."""
    return path in _BY_PODMAN or any(at_or_above(tree, path) for tree in _KERNEL_TREES)


def normal_path(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


class LayerWrites(Struct, frozen=True):
    """What a container has written outside volumes since its creation.

    Attributes:
        paths: the written paths; None if unknown.
        directories: existing directories among them: entries were created and removed in them.
        made: directories among them that the container created.
        unclear: changed paths that may be files or directories.
    """

    paths: tuple[str, ...] | None = None
    directories: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    unclear: tuple[str, ...] = ()


def written_by(facts: ContainerFacts) -> LayerWrites:
    """The writes in a container's list of changes. With --rootfs that list is empty, whatever was written."""
    changes = known(lambda: facts.changes)
    if isinstance(changes, Unread) or facts.spec[ROOTFS]:
        return LayerWrites()
    points = _mount_points(facts)
    changed = [
        change
        for change in changes
        if change.kind != "deleted"
        and not any(at_or_above(normal_path(change.path), point) for point in points)
    ]
    above = {parent for change in changed for parent in parents(normal_path(change.path))}
    unclear = {
        change.path
        for change in changed
        if change.directory is None and change.kind == "modified" and normal_path(change.path) not in above
    } - _BY_PODMAN
    return LayerWrites(
        tuple(change.path for change in changed if change.path not in unclear),
        frozenset(change.path for change in changed if change.directory and change.kind == "modified"),
        frozenset(change.path for change in changed if change.directory and change.kind == "added"),
        tuple(sorted(unclear)),
    )


def written_directories(facts: ContainerFacts) -> tuple[str, ...]:
    """Written directories outside volumes, including those inside directories that the container created."""
    seen = written_by(facts)
    paths = seen.paths or ()
    inner = directories_of(paths, facts.spec, seen.directories | seen.made)
    return tuple(dict.fromkeys((*directories_of(paths, facts.spec, seen.directories), *inner)))


def working_directories(facts: ContainerFacts) -> tuple[str, ...]:
    """The working directories of its processes in its own filesystem."""
    points = _mount_points(facts)
    processes = ask_or(facts, lambda kernel: kernel.processes, ())
    directories = dict.fromkeys(
        process.directory for process in processes if process.directory.startswith("/")
    )
    return tuple(
        directory
        for directory in directories
        if directory != "/" and not any(at_or_above(point, directory) for point in points)
    )


def _mount_points(facts: ContainerFacts) -> tuple[str, ...]:
    """All mount points, including those from `--volumes-from`, its pod and its image: Podman creates these
    directories and their parents."""
    listed = [entry for entry in facts.inspect.get("Mounts") or () if isinstance(entry, Mapping)]
    places = (str(entry.get("Destination") or "/") for entry in listed)
    return (*map(normal_path, places), *(mounted.destination for mounted in facts.mounted))
