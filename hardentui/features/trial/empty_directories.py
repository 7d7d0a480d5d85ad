"""The empty directories of a container: a program may write there later."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator

from hardentui.model.facts import WrittenDirectory

_SYSTEM = frozenset(
    {
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/lib",
        "/lib32",
        "/lib64",
        "/proc",
        "/root",
        "/run",
        "/sbin",
        "/sys",
    }
    | {"/tmp", "/usr", "/var/run", "/var/lock", "/var/tmp"}  # noqa: S108 - compared
    | {
        "/var/lib/apk",
        "/var/lib/apt",
        "/var/lib/dpkg",
        "/var/lib/pam",
        "/var/lib/rpm",
        "/var/lib/systemd",
    }
    | {
        "/var/cache/apk",
        "/var/cache/apt",
        "/var/cache/debconf",
        "/var/cache/ldconfig",
        "/var/backups",
    }
    | {
        "/var/lib/dnf",
        "/var/lib/ucf",
        "/var/cache/dnf",
        "/var/empty",
        "/var/lib/private",
    }
)
_OF_EVERY_IMAGE = frozenset(
    {
        "/home",
        "/media",
        "/mnt",
        "/opt",
        "/srv",
        "/var/cache",
        "/var/lib",
        "/var/lib/misc",
        "/var/local",
    }
    | {"/var/log", "/var/mail", "/var/opt", "/var/spool", "/var/spool/mail", "/var"}
)
_DEEPEST, _MOST_ENTRIES, _MOST = 6, 20_000, 16
_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def empty_directories(place: str) -> dict[str, WrittenDirectory]:
    """Path in the container -> the directory, outside mounts and the system's own trees; 16 at
    most. One that every image has counts if this image gave it to somebody else than the owner of
    its root.

    It is walked from descriptor to descriptor, never through a link. What cannot be read is left
    out.

    Args:
        place: the root of the container, `/proc/PID/root`.
    """
    budget = [_MOST_ENTRIES]
    try:
        root = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return {}
    try:
        seen = os.fstat(root)
        directories = _below(root, "/", seen.st_dev, seen.st_uid, budget)
        return dict(sorted(directories)[:_MOST])
    finally:
        os.close(root)


def _below(
    here: int,
    path: str,
    device: int,
    root: int,
    budget: list[int],
    depth: int = 0,
) -> Iterator[tuple[str, WrittenDirectory]]:
    seen = os.fstat(here)
    if seen.st_dev != device:
        return
    try:
        names = os.listdir(here)
    except OSError:
        return
    budget[0] -= len(names)
    if not names and (path not in _OF_EVERY_IMAGE or seen.st_uid != root):
        yield (
            path,
            WrittenDirectory(
                0,
                seen.st_uid,
                seen.st_gid,
                stat.S_IMODE(seen.st_mode),
            ),
        )
    if depth >= _DEEPEST or budget[0] < 0:
        return
    for name in names:
        inner = posixpath.join(path, name)
        if inner in _SYSTEM:
            continue
        try:
            below = os.open(name, _STEP, dir_fd=here)
        except OSError:
            continue
        try:
            yield from _below(
                below,
                inner,
                device,
                root,
                budget,
                depth + 1,
            )
        finally:
            os.close(below)
