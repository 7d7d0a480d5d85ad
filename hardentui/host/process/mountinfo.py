"""Parser of /proc/PID/mountinfo: see proc_pid_mountinfo(5)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from hardentui.host.files import Files, reason
from hardentui.model.known import Known, Unread

MOUNTINFO_LIMIT = 16 << 20


_ESCAPE = r"\\([0-7]{3})"


_MOST_NAMES = 8


class MountRow(Struct, frozen=True):
    """One mount."""

    root: str  # the directory of the file system that is mounted
    point: str
    options: tuple[str, ...]  # of this mount; super_options: of the file system as a whole
    kind: str
    source: str
    super_options: tuple[str, ...]
    device: str = ""  # `major:minor` of the file system
    # number, parent: of this mount and the mount that it is mounted on
    number: str = ""
    parent: str = ""

    @property
    def read_only(self) -> bool:
        return "ro" in self.options or "ro" in self.super_options


class MountTable:
    """The mounts of one mount namespace, to find where a part of a file system is visible."""

    def __init__(self, mounts: Iterable[MountRow]) -> None:
        self._by_device: dict[str, list[MountRow]] = {}
        self._by_source: dict[str, MountRow] = {}
        self._at: dict[str, MountRow] = {}
        self._found: dict[tuple[str, str], tuple[str, ...]] = {}
        for mount in mounts:
            self._by_device.setdefault(mount.device, []).append(mount)
            self._by_source.setdefault(mount.source, mount)
            self._at[mount.point] = mount

    def paths_of(
        self,
        device: str,
        root: str,
    ) -> tuple[str, ...]:
        """Paths where this directory or file of a file system is visible, the likeliest first.

        Paths that another mount covers are left out.
        """
        mounts = self._by_device.get(device)
        if mounts is None:
            return ()
        paths = self._found.get((device, root))
        if paths is None:
            paths = self._found[device, root] = self._find(mounts, root)
        return paths

    def _find(
        self,
        mounts: list[MountRow],
        root: str,
    ) -> tuple[str, ...]:
        names = []
        for mount in mounts:
            rest = _below(root, mount.root)
            if rest is None:
                continue
            path = f"{mount.point.rstrip('/')}/{rest}" if rest else mount.point
            if self._holding(path) is mount:
                names.append((len(mount.root), len(path), path))
        return tuple(path for _, _, path in sorted(names)[:_MOST_NAMES])

    def in_one_mount(self, path: str, other: str) -> bool:
        """Both belong to the same mount: nothing is mounted between them."""
        return self._holding(path) is self._holding(other)

    def mounted_below(self, path: str) -> tuple[str, ...]:
        """Where else what is mounted below a directory is visible."""
        rows = [row for point, row in self._at.items() if _below(point, path)]
        names = (name for row in rows for name in self.paths_of(row.device, row.root))
        return tuple(dict.fromkeys(name for name in names if _below(name, path) is None))

    def device_at(self, source: str) -> str:
        """The first mount point of a block device's file system; empty if there is none."""
        mount = self._by_source.get(source)
        return mount.point if mount is not None and mount.root == "/" else ""

    def _holding(self, path: str) -> MountRow | None:
        """The mount that contains a path."""
        while True:
            mount = self._at.get(path)
            if mount is not None or path == "/":
                return mount
            path = path[: path.rfind("/")] or "/"


def _below(path: str, directory: str) -> str | None:
    """The path relative to a directory; empty if it is the directory, None if it is elsewhere."""
    if path == directory:
        return ""
    prefix = directory if directory.endswith("/") else directory + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def read_mount_table(files: Files, process: str) -> Known[MountTable]:
    """The mounts visible to a process; `self` is this process."""
    path = f"/proc/{process}/mountinfo"
    try:
        return MountTable(parse_mountinfo(files.read_text(path, MOUNTINFO_LIMIT)))
    except OSError as error:
        return Unread(f"{path}: {reason(error)}")


def covered_mounts(mounts: Iterable[MountRow]) -> frozenset[str]:
    """Numbers of the mounts that another one covers at the same point, with whatever is mounted on
    them."""
    rows = tuple(mounts)
    points = {row.number: row.point for row in rows}
    covered = {row.parent for row in rows if points.get(row.parent) == row.point}
    for row in rows:  # a mount stands behind the one that it is mounted on
        if row.parent in covered and points.get(row.parent) != row.point:
            covered.add(row.number)
    return frozenset(covered)


def parse_mountinfo(text: str) -> tuple[MountRow, ...]:
    """The mounts in the kernel's order; a later one at the same point covers an earlier one."""
    return tuple(mount for line in text.split("\n") if (mount := _parse_line(line)) is not None)


def _parse_line(line: str) -> MountRow | None:
    left, separator, right = line.partition(" - ")
    before, after = left.split(" "), right.split(" ")
    if not separator or len(before) < 6 or len(after) < 3:
        return None
    return MountRow(
        root=_decoded(before[3]),
        point=_decoded(before[4]),
        options=tuple(before[5].split(",")),
        kind=after[0],
        source=_decoded(after[1]),
        super_options=tuple(after[2].split(",")),
        device=before[2],
        number=before[0],
        parent=before[1],
    )


def _decoded(field: str) -> str:
    """Blanks, tabs, line breaks and backslashes are in octal."""
    return (
        re.sub(
            _ESCAPE,
            lambda match: chr(int(match[1], 8)),
            field,
        )
        if "\\" in field
        else field
    )
