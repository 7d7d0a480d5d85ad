"""From written paths to the directories that must stay writable."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from msgspec import Struct

from hardentui.model.known import Known, Unreadable
from hardentui.model.observation import CallDetail, TouchedFile
from hardentui.reading.mounts import at_or_above
from hardentui.trial.learned.effects import O_CREAT, O_TRUNC

_ACCESS = 0o3
_MAKES = frozenset(
    {
        *("creat", "mkdir", "mkdirat", "mknod", "mknodat", "link", "linkat", "symlink", "symlinkat", "bind"),
        *("rename", "renameat", "renameat2"),
    }
)
_CHANGES = frozenset(
    {
        *("truncate", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchown", "fchownat"),
        *("utime", "utimes", "utimensat", "setxattr", "lsetxattr", "fsetxattr", "removexattr"),
    }
)
_REMOVES = frozenset({"unlink", "unlinkat", "rmdir"})


class WrittenPath(Struct, frozen=True, rename={"directory": "folder"}):
    """A path of the root file system that a program wrote to, or tried to. Kept as `folder`, see kept_needs.

    Attributes:
        directory: the path is a directory that was changed itself: its owner, mode or times.
        kept: it still existed at the end.
    """

    path: str
    directory: bool = False
    kept: bool = False


def written_files(
    details: Iterable[CallDetail], changed: Known[tuple[str, ...]], root: str = "/"
) -> tuple[WrittenPath, ...]:
    """What was written to the root file system, from the calls and from what differs at the end.

    Paths on other mounts are left out: they already have a volume or a tmpfs.

    Args:
        changed: paths that differ from the image at the end, according to Podman.
    """
    left = frozenset() if isinstance(changed, Unreadable) else frozenset(changed)
    by_path: dict[str, WrittenPath] = {}
    for detail in details:
        for file in detail.files:
            if file.mount == root and _writes(detail, file):
                directory = file.kind == "directory" and file.exists and detail.call in _CHANGES
                known = by_path.get(file.path)
                by_path[file.path] = WrittenPath(
                    file.path, directory and (known is None or known.directory), kept=file.path in left
                )
    return tuple(by_path[path] for path in sorted(by_path))


def _writes(detail: CallDetail, file: TouchedFile) -> bool:
    """Whether the call fails on a read-only file system."""
    call = detail.call
    if call in ("open", "openat", "openat2"):
        flags = detail.numbers[0] if detail.numbers else 0
        if not file.exists:
            return bool(flags & O_CREAT)
        return file.kind in ("file", "socket") and bool(flags & (_ACCESS | O_TRUNC))
    if call in _MAKES:
        return not file.exists or call.startswith(("rename", "creat"))
    return file.exists and (call in _CHANGES or call in _REMOVES)


def places(written: Iterable[WrittenPath]) -> tuple[str, ...]:
    """The outermost directories that hold what was written."""
    directories = {file.path if file.directory else posixpath.dirname(file.path) for file in written}
    return tuple(
        directory
        for directory in sorted(directories)
        if not any(other != directory and at_or_above(other, directory) for other in directories)
    )
