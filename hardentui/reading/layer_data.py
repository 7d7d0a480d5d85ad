"""What a container has written to its own layer, which is lost when it is recreated."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Collection, Iterable, Set

from msgspec import Struct

from hardentui.model.facts import FileChange
from hardentui.reading.mounts import parents

_VOLATILE = (
    *("/dev", "/proc", "/run", "/sys", "/var/cache", "/var/lock", "/var/run"),
    *("/tmp", "/var/tmp"),  # noqa: S108 - names of directories in a container
)
_LOGS = ("/var/log",)
_OF_PODMAN = frozenset(
    {"/etc/group", "/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/passwd", "/etc/resolv.conf"}
)
_NO_VOLUME = ("/", "/bin", "/boot", "/etc", "/lib", "/lib64", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/var")
"""A volume there would hide files of the image."""
_MOST_SIBLINGS = 8


class LayerData(Struct, frozen=True):
    """Files of the layer.

    Attributes:
        directories: directories that hold all of `data`, one volume each; empty if no volume can hold it.
    """

    data: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()

    def has(self, directory: str) -> bool:
        """Whether any of the data is in this directory."""
        return any(is_below(path, (directory,)) for path in self.data)

    def without(self, directories: Collection[str]) -> LayerData:
        """The data outside these directories."""
        gone = frozenset(directories)
        data = tuple(path for path in self.data if not is_below(path, gone))
        return LayerData(data, self.logs, _mountable(data))


def layer_data(changes: Iterable[FileChange], mounted: Collection[str]) -> LayerData:
    """The data that would be lost, except what is recreated at each start.

    Args:
        mounted: mount points, which show as changes too.
    """
    mounted = frozenset(place.rstrip("/") or "/" for place in mounted)
    written = [change for change in changes if change.kind != "deleted"]
    above = {directory for change in written for directory in parents(change.path)}
    above |= {directory for place in mounted for directory in (*parents(place), place)}
    files = sorted(
        change.path
        for change in written
        if change.path not in above
        and change.path not in _OF_PODMAN
        and not change.directory  # nothing else in it changed: it is empty, or was there before
        and not (change.directory is None and change.kind == "modified" and change.path.count("/") == 1)
        and not is_below(change.path, _VOLATILE)
        and not is_below(change.path, mounted)
    )
    logs = tuple(path for path in files if is_below(path, _LOGS))
    data = tuple(path for path in files if not is_below(path, _LOGS))
    return LayerData(data, logs, _mountable(data))


def _mountable(files: Iterable[str]) -> tuple[str, ...]:
    """The fewest directories that hold all of these, none inside another, and one for many in one directory;
    none if a volume cannot be there."""
    directories = _outermost({posixpath.dirname(path) for path in files})
    while crowded := {
        parent
        for parent, count in Counter(map(posixpath.dirname, directories)).items()
        if count > _MOST_SIBLINGS and parent not in _NO_VOLUME
    }:
        directories = _outermost({*directories, *crowded})
    return () if any(directory in _NO_VOLUME for directory in directories) else tuple(directories)


def _outermost(directories: Set[str]) -> list[str]:
    """Without those inside another one, sorted."""
    return sorted(path for path in directories if directories.isdisjoint(parents(path)))


def is_below(path: str, directories: Collection[str]) -> bool:
    """Whether a path is one of these directories, or inside one. Many directories have to be a set."""
    return path in directories or any(parent in directories for parent in parents(path))
