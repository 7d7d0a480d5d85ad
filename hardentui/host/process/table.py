"""The processes of this machine with their command lines, read once for all who look for one."""

from __future__ import annotations

import posixpath

from msgspec import Struct

from hardentui.host.files.config import names
from hardentui.host.files.reader import Files
from hardentui.model.known import Known, Unreadable


class HostProcess(Struct, frozen=True):
    """A process that runs a program; threads of the kernel are none."""

    pid: int
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """The name of the program, without its folder."""
        return posixpath.basename(self.words[0].removesuffix(":").split(" ")[0])


def read_process_table(files: Files) -> Known[tuple[HostProcess, ...]]:
    """Every process that may be seen; a `/proc` that hides those of others says so."""
    entries = names(files, "/proc")
    if isinstance(entries, Unreadable):
        return entries
    processes = []
    for name in entries:
        if not name.isdigit():
            continue
        try:
            line = files.read_text(f"/proc/{name}/cmdline")
        except OSError:
            continue  # it has ended, or is hidden from us
        words = tuple(line.rstrip("\0").split("\0"))
        if words[0]:
            processes.append(HostProcess(int(name), words))
    return tuple(processes)


def sees_everybody(processes: Known[tuple[HostProcess, ...]]) -> bool:
    """The first process is among them, so `/proc` was not mounted to hide those of other accounts."""
    return not isinstance(processes, Unreadable) and any(process.pid == 1 for process in processes)
