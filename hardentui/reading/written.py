"""From paths that a container wrote to the folders that must stay writable under a read-only root."""

from __future__ import annotations

import posixpath

from hardentui.model.spec import Spec
from hardentui.options import MOUNTS
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


def folders_of(paths: tuple[str, ...], spec: Spec) -> tuple[str, ...]:
    """The folders that hold what was written, the outermost only, sorted.

    A path that is the beginning of another one is a folder that changed because of what is in it. What Podman
    itself writes, and the mount points it makes, are left out.
    """
    mounted = {mount.destination.rstrip("/") for mount in spec[MOUNTS]}
    clean = {posixpath.normpath("/" + path.lstrip("/")) for path in paths}
    parents = {parent for path in clean for parent in _parents(path)}
    leaves = clean - parents
    folders = {
        posixpath.dirname(path)
        for path in leaves
        if path != "/"
        and path not in _BY_PODMAN
        and not any(at_or_above(tree, path) for tree in _KERNEL_TREES)
        and not any(at_or_above(path, one) for one in mounted)
    }
    return tuple(sorted(one for one in folders if folders.isdisjoint(_parents(one))))


def _parents(path: str) -> list[str]:
    """Every folder above a path, up to the root."""
    found = []
    while path != "/":
        path = posixpath.dirname(path)
        found.append(path)
    return found
