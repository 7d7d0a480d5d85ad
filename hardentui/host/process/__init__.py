"""Processes of this machine as /proc shows them: what they run, their children, and their
capabilities."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_

from msgspec import Struct

from hardentui.host.files import Files, reason, unreadable
from hardentui.model.facts import CAPABILITIES_BY_NUMBER, CapabilitySets
from hardentui.model.known import Known, Unread


class HostProcess(Struct, frozen=True):
    """A process that runs a program; kernel threads do not."""

    pid: int
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """The name of the program, without the directory."""
        return posixpath.basename(self.words[0].removesuffix(":").split(" ")[0])


def read_process_table(files: Files) -> tuple[HostProcess, ...]:
    """Every visible process; `sees_everybody`: `/proc` does not hide those of other users."""
    processes = []
    try:
        numbers = pids(files)
    except OSError as error:
        raise unreadable("/proc", error) from None
    for pid in numbers:
        try:
            line = files.read_text(f"/proc/{pid}/cmdline")
        except OSError:
            continue  # it has ended, or is hidden
        words = tuple(line.rstrip("\0").split("\0"))
        if words[0]:
            processes.append(HostProcess(pid, words))
    return tuple(processes)


ENDED = Unread("the process has ended")


def text_of_process(files: Files, path: str) -> str:
    """A file below /proc/PID that every process has; raises Unread."""
    try:
        return files.read_text(path)
    except (FileNotFoundError, ProcessLookupError):
        raise ENDED.anew() from None
    except OSError as error:
        raise Unread(f"{path}: {reason(error)}") from None


def pids(files: Files) -> list[int]:
    """The visible processes of this machine, in ascending order; raises OSError."""
    return sorted(int(name) for name in files.list_dir("/proc") if name.isdecimal())


def open_files(files: Files, pid: int) -> Iterator[str]:
    """The targets of a process's file descriptors; none if it has ended; raises OSError."""
    directory = f"/proc/{pid}/fd"
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for name in files.list_dir(directory):
            with contextlib.suppress(FileNotFoundError):
                yield files.read_link(f"{directory}/{name}")


def sees_everybody(processes: Known[tuple[HostProcess, ...]]) -> bool:
    """Whether process 1 is among them: then `/proc` does not hide the processes of other accounts."""
    return not isinstance(processes, Unread) and any(process.pid == 1 for process in processes)


def parse_status(text: str) -> Mapping[str, str]:
    return {
        name: value.strip() for name, _, value in (line.partition(":") for line in text.split("\n"))
    }


def capability_names(mask: int) -> frozenset[str]:
    """The names of the bits set in `mask`; a bit newer than this list is `CAP_` and its number."""
    return frozenset(
        CAPABILITIES_BY_NUMBER[bit] if bit < len(CAPABILITIES_BY_NUMBER) else f"CAP_{bit}"
        for bit in range(mask.bit_length())
        if mask >> bit & 1
    )


def capability_sets(*processes: Mapping[str, str]) -> CapabilitySets:
    """The capabilities that any of these processes has, from the lines of its /proc/PID/status.

    Raises:
        LookupError, ValueError: a line is missing, or is not a number.
    """

    def names(key: str) -> frozenset[str]:
        return capability_names(reduce(or_, (int(lines[key], 16) for lines in processes)))

    return CapabilitySets(
        effective=names("CapEff"),
        permitted=names("CapPrm"),
        inheritable=names("CapInh"),
        bounding=names("CapBnd"),
        ambient=names("CapAmb"),
    )
