"""Files with several hard links."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping

from hardentui.host.files import Files

_MOST = 20_000


_DEEPEST = 4


def linked_files(
    files: Files,
    directories: Iterable[str],
    root: str = "",
    deepest: int = _DEEPEST,
) -> Mapping[tuple[int, int], tuple[str, ...]]:
    """The files below these directories that have more than one name: (device, inode) -> their
    names there.

    Args:
        root: prefix of all paths; not part of the names.
        deepest: number of levels below each directory; 0 = only the directory itself.
    """
    named: dict[tuple[int, int], tuple[str, ...]] = {}
    waiting = [(directory, 0) for directory in directories]
    inspected = 0
    while waiting and inspected < _MOST:
        directory, depth = waiting.pop()
        try:
            names = files.list_dir(root + directory)
        except OSError:
            continue
        for name in names:
            inspected += 1
            path = f"{directory}/{name}"
            try:
                status = files.stat(root + path, follow=False)
            except OSError:
                continue
            if stat.S_ISDIR(status.mode) and depth < deepest:
                waiting.append((path, depth + 1))
            elif stat.S_ISREG(status.mode) and status.links > 1:
                key = (status.device, status.inode)
                named[key] = (*named.get(key, ()), path)
    return named
