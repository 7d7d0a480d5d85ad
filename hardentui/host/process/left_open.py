"""What of the host the main process has open, past all mounts: whoever started it has left it open.

An open directory leads to everything below it (`/proc/self/fd/3/etc/shadow`), as in CVE-2024-21626, and from
there past it (`/proc/self/fd/3/../..`): nothing holds `..` back that is outside the container's root.
`podman run --preserve-fds` passes one on.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterable, Iterator, Mapping

from hardentui.host.files.reader import Files, reason
from hardentui.host.process.cgroups import MOUNTINFO_LIMIT
from hardentui.model.facts import Kernel
from hardentui.model.known import Known, Unread

_MOST = 64
_GONE = " (deleted)"
_USUAL = "/dev/null"
_DATA = (stat.S_ISDIR, stat.S_ISBLK, stat.S_ISREG)


def read_left_open(files: Files, kernel: Kernel) -> Known[Mapping[str, str]]:
    """Path below /proc in the container -> path on the host, a directory's with a slash at its end:
    directories, disks and files of other mounts.

    Of the first 64 descriptors: what is inherited has the lowest numbers. Pipes, sockets and character
    devices are the usual standard streams.
    """
    directory = f"/proc/{kernel.pid}/fd"
    try:
        numbers = sorted(files.list_dir(directory), key=lambda name: name.zfill(10))
        paths = dict(_paths(files, directory, numbers[:_MOST]))
        if not paths:  # as of most containers
            return {}
        lines = _text(files, kernel.pid, "mountinfo").splitlines()
    except OSError as error:
        return Unread(f"{directory}: {reason(error)}")
    own = {line.partition(" ")[0] for line in lines}
    left: dict[str, str] = {}
    for number, path in paths.items():
        with contextlib.suppress(OSError):  # closed meanwhile
            if _mount(files, kernel.pid, number) not in own:
                mode = files.stat(f"{directory}/{number}").mode
                if any(is_kind(mode) for is_kind in _DATA):
                    end = "/" if stat.S_ISDIR(mode) and path != "/" else ""
                    left[f"/proc/1/fd/{number}"] = path + end
    return left


def _paths(files: Files, directory: str, numbers: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The open files with a path that exists."""
    for number in numbers:
        with contextlib.suppress(OSError):  # closed meanwhile
            path = files.read_link(f"{directory}/{number}")
            if path.startswith("/") and path != _USUAL and not path.endswith(_GONE):
                yield number, path


def _mount(files: Files, pid: int, number: str) -> str:
    """The number of the mount that holds an open file."""
    lines = (line.split() for line in _text(files, pid, f"fdinfo/{number}").splitlines())
    return next((words[1] for words in lines if words[:1] == ["mnt_id:"] and len(words) > 1), "")


def _text(files: Files, pid: int, name: str) -> str:
    return files.read_text(f"/proc/{pid}/{name}", MOUNTINFO_LIMIT)
