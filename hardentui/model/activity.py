"""What happened to a container since it was created."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class FileChange(Struct, frozen=True):
    """One line of `podman diff`: `kind` is modified, added or deleted (0, 1 and 2 in the API).

    Attributes:
        directory: whether it is a directory; None if unknown, because Podman does not report it.
        size: bytes, if the file could be read.
        executable: a file that may be run or loaded as a library.
    """

    path: str
    kind: str
    directory: bool | None = None
    size: int = 0
    executable: bool = False


class WrittenDirectory(Struct, frozen=True):
    """A directory outside volumes that a container writes to or runs in, as it is at the start.

    Attributes:
        image_bytes: size of the image's files in it; None if unknown.
        uid, gid: host IDs of its owner.
        mode: permission bits.
    """

    image_bytes: int | None = 0
    uid: int = 0
    gid: int = 0
    mode: int = 0o755


class Denial(Struct, frozen=True):
    """An action that the kernel denied to a container: `by` is seccomp, selinux or apparmor."""

    by: str
    what: str


class UnitFacts(Struct, frozen=True):
    """The systemd unit that a container belongs to.

    Attributes:
        file: its source file (`web.container`), or its unit file.
        modified: last modification time of that file, timezone-aware.
        needs_reload: systemd has not loaded the newest file yet.
        restarts: NRestarts, counted since the last manual start; None if unknown.
        silent: why systemd did not report it.
        differences: security settings that differ between the file and the running container.
        drop_ins: paths of its drop-ins.
        outdated_copy: our drop-in with a copy of a command that the unit has changed since; empty = none.
        quadlet: its file is a Quadlet, not a unit file that runs podman itself.
    """

    name: str
    file: str = ""
    modified: datetime | None = None
    needs_reload: bool = False
    restarts: int | None = None
    silent: str = ""
    differences: tuple[str, ...] = ()
    drop_ins: tuple[str, ...] = ()
    quadlet: bool = False
    outdated_copy: str = ""


class AskedMemory(Struct, frozen=True):
    """Memory in bytes that a program's configuration asks for; `by`: `maxmemory in /etc/redis.conf`."""

    size: int
    by: str
