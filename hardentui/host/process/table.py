"""The processes of this machine with their command lines, read once."""

from __future__ import annotations

import posixpath

from msgspec import Struct

from hardentui.host.files.config import names
from hardentui.host.files.reader import Files
from hardentui.model.known import Known, Unread


class HostProcess(Struct, frozen=True):
    """A process that runs a program; kernel threads do not."""

    pid: int
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """The name of the program, without the directory."""
        return posixpath.basename(self.words[0].removesuffix(":").split(" ")[0])


def read_process_table(files: Files) -> Known[tuple[HostProcess, ...]]:
    """Every visible process; `sees_everybody`: `/proc` does not hide those of other users."""
    entries = names(files, "/proc")
    if isinstance(entries, Unread):
        return entries
    processes = []
    for name in entries:
        if not name.isdigit():
            continue
        try:
            line = files.read_text(f"/proc/{name}/cmdline")
        except OSError:
            continue  # it has ended, or is hidden
        words = tuple(line.rstrip("\0").split("\0"))
        if words[0]:
            processes.append(HostProcess(int(name), words))
    return tuple(processes)


def sees_everybody(processes: Known[tuple[HostProcess, ...]]) -> bool:
    """Whether process 1 is among them: then `/proc` does not hide the processes of other accounts."""
    return not isinstance(processes, Unread) and any(process.pid == 1 for process in processes)
