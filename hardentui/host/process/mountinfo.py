"""/proc/PID/mountinfo, read: see proc_pid_mountinfo(5)."""

from __future__ import annotations

import re

from msgspec import Struct

_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(Struct, frozen=True):
    """One mount.

    Attributes:
        root: the directory of the file system that is mounted.
        point: where it is mounted.
        options: of this mount; super_options: of the file system as a whole.
    """

    root: str
    point: str
    options: tuple[str, ...]
    kind: str
    source: str
    super_options: tuple[str, ...]

    @property
    def read_only(self) -> bool:
        return "ro" in self.options or "ro" in self.super_options


def parse_mountinfo(text: str) -> tuple[Mount, ...]:
    """The mounts in the kernel's order; a later one at the same point covers an earlier one."""
    return tuple(mount for line in text.split("\n") if (mount := _parse_line(line)) is not None)


def _parse_line(line: str) -> Mount | None:
    left, separator, right = line.partition(" - ")
    before, after = left.split(" "), right.split(" ")
    if not separator or len(before) < 6 or len(after) < 3:
        return None
    return Mount(
        root=_decoded(before[3]),
        point=_decoded(before[4]),
        options=tuple(before[5].split(",")),
        kind=after[0],
        source=_decoded(after[1]),
        super_options=tuple(after[2].split(",")),
    )


def _decoded(field: str) -> str:
    """Blanks, tabs, line breaks and backslashes stand in octal."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), field) if "\\" in field else field
