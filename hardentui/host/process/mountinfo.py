"""Parser of /proc/PID/mountinfo: see proc_pid_mountinfo(5)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardentui.host.files import Files, reason
from hardentui.model.known import Known, Unread
from hardentui.model.mount import KernelMount

MOUNTINFO_LIMIT = 16 << 20


_ESCAPE = r"\\([0-7]{3})"
_MOST_NAMES = 8
_OF_LAYERS = ("lowerdir=", "upperdir=", "workdir=")


class MountTable:
    """The mounts of one mount namespace, to find where a part of a file system is visible."""

    def __init__(self, mounts: Iterable[KernelMount]) -> None:
        self._by_device: dict[str, list[KernelMount]] = {}
        self._by_source: dict[str, KernelMount] = {}
        self._at: dict[str, KernelMount] = {}
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
        mounts: list[KernelMount],
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

    def _holding(self, path: str) -> KernelMount | None:
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


def covered_mounts(mounts: Iterable[KernelMount]) -> frozenset[str]:
    """Numbers of the mounts that another one covers at the same point, with whatever is mounted on
    them."""
    rows = tuple(mounts)
    points = {row.number: row.point for row in rows}
    covered = {row.parent for row in rows if points.get(row.parent) == row.point}
    for row in rows:  # a mount stands behind the one that it is mounted on
        if row.parent in covered and points.get(row.parent) != row.point:
            covered.add(row.number)
    return frozenset(covered)


def parse_mountinfo(text: str) -> tuple[KernelMount, ...]:
    """The mounts in the kernel's order; a later one at the same point covers an earlier one."""
    return tuple(mount for line in text.split("\n") if (mount := _parse_line(line)) is not None)


def _parse_line(line: str) -> KernelMount | None:
    left, separator, right = line.partition(" - ")
    before, after = left.split(" "), right.split(" ")
    if not separator or len(before) < 6 or len(after) < 3:
        return None
    of_files = tuple(after[2].split(","))
    lower, upper = _layers(of_files) if after[0] == "overlay" else ((), "")
    return KernelMount(
        point=_decoded(before[4]),
        kind=after[0],
        options=_options(before[5].split(","), of_files),
        root=_decoded(before[3]),
        source=_decoded(after[1]),
        device=before[2],
        lower=lower,
        upper=upper,
        number=before[0],
        parent=before[1],
    )


def _layers(of_files: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """The lower directories of an overlay. The kernel escapes a blank or colon in them with a
    backslash."""
    options = {name: value for name, _, value in (option.partition("=") for option in of_files)}
    lower = [options["lowerdir"]] if "lowerdir" in options else []
    lower = [path for text in lower for path in text.split(":")]
    lower += [o.partition("=")[2] for o in of_files if o.startswith("lowerdir+=")]
    return tuple(path for path in lower if path.startswith("/")), options.get("upperdir", "")


def _options(of_mount: list[str], of_files: tuple[str, ...]) -> str:
    """Options of the mount and of its file system, without the layers' paths; ro wins over rw."""
    own = ["ro" if option == "rw" and "ro" in of_files else option for option in of_mount]
    extra = [
        option
        for option in of_files
        if option not in ("rw", "ro", *own) and not option.startswith(_OF_LAYERS)
    ]
    return ",".join((*own, *extra))


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
