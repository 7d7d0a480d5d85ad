"""Commands that keep the data in a container's writable layer when apply cannot copy it. Pure.

`podman cp` would lose the owners of files.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from hardentui.visible import visible
from hardentui.writers.context import volume_for

_SPECIAL = "[].*^$\\,"  # in an expression that is enclosed in commas


def keeping_commands(name: str, directories: Sequence[str], *, rootless: bool) -> tuple[str, ...]:
    """Commands that copy directories of a container's writable layer to volumes, with owners and modes,
    including those of the directories themselves: each becomes the directory `_data` of its volume."""
    commands = []
    for directory in directories:
        volume, path = volume_for(name, directory), directory.strip("/")
        place = f'"$(podman volume inspect -f {{{{.Mountpoint}}}} {shlex.quote(volume)})"'
        copy = (
            f"podman export {shlex.quote(name)} | tar -xp --numeric-owner -C {place}/.."
            f" --transform {shlex.quote(_renaming(path))} {shlex.quote(path)}"
        )
        commands.append(f"podman volume create {shlex.quote(volume)}")
        commands.append(f"podman unshare sh -c {shlex.quote(copy)}" if rootless else copy)
    return tuple(commands)


def _renaming(path: str) -> str:
    """The expression with which tar renames a directory while unpacking; targets of links are unchanged."""
    pattern = "".join(f"\\{sign}" if sign in _SPECIAL else sign for sign in path)
    return f"s,^{pattern},_data,S"


def keeping_hint(name: str, directories: Sequence[str], *, rootless: bool) -> str:
    """The same as a hint, with the steps that follow."""
    mounts = " ".join(f"{volume_for(name, directory)}:{directory}" for directory in directories)
    commands = keeping_commands(name, directories, rootless=rootless)
    return "\n".join(
        [
            "Podman removes it whenever it stops, so any restart loses this data. Keep it first:",
            *(f"  {visible(command, 400)}" for command in commands),
            f"Then mount {visible(mounts, 400)} (Volume= of a Quadlet), restart it, and apply again."
            " What it writes between the copy and the restart is lost.",
        ]
    )
