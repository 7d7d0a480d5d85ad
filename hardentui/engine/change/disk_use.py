"""What is below a directory, and what its file system has left."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

import msgspec

_BLOCK = 512  # bytes: the unit of st_blocks


class Weight(msgspec.Struct, frozen=True):
    """What is below a directory, as far as it can be read."""

    size: int  # bytes on disk
    files: int  # and directories


class DiskRoom(msgspec.Struct, frozen=True):
    """What a file system has left for ordinary users."""

    device: int
    free: int  # bytes
    size: int
    free_files: int
    files: int  # 0: it makes as many as it needs


def weight_below(top: int) -> Weight:
    """What is below an open directory; no link is followed, and what has several names counts once."""
    size = files = 0
    seen: set[tuple[int, int]] = set()
    for _, directories, names, here in os.fwalk(".", dir_fd=top):
        for name in (*directories, *names):
            with suppress(OSError):
                status = os.stat(name, dir_fd=here, follow_symlinks=False)
                if (status.st_dev, status.st_ino) in seen:
                    continue
                files += 1
                size += status.st_blocks * _BLOCK
                if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                    seen.add((status.st_dev, status.st_ino))
    return Weight(size, files)


def room_around(directory: int) -> DiskRoom:
    """Of the file system of an open directory."""
    status = os.fstatvfs(directory)
    return DiskRoom(
        os.fstat(directory).st_dev,
        status.f_bavail * status.f_frsize,
        status.f_blocks * status.f_frsize,
        status.f_favail,
        status.f_files,
    )
