"""What happened to a container since it was created."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class FileChange(Struct, frozen=True):
    """One line of `podman diff`: `kind` is modified, added or deleted (0, 1 and 2 in the API).

    Attributes:
        folder: whether it is a folder; None where nobody could look, for Podman does not tell.
        size: bytes, of a file that could be looked at.
        executable: a file that may be run, or loaded as a library.
    """

    path: str
    kind: str
    folder: bool | None = None
    size: int = 0
    executable: bool = False


class WrittenFolder(Struct, frozen=True):
    """A folder outside volumes that a container writes to or works in, as it is when the container starts.

    Attributes:
        image_bytes: how much the files of the image take in it; None where they could not be counted.
        uid, gid: whom it belongs to, as the host sees them.
        mode: its permission bits.
    """

    image_bytes: int | None = 0
    uid: int = 0
    gid: int = 0
    mode: int = 0o755


class Denial(Struct, frozen=True):
    """Something that the kernel refused a container: `by` is seccomp, selinux or apparmor."""

    by: str
    what: str


class UnitFacts(Struct, frozen=True):
    """The systemd unit that a container belongs to.

    Attributes:
        file: the file that it was made from (`web.container`), or its unit file.
        modified: when that file changed last, timezone-aware.
        needs_reload: systemd has not read the newest file yet.
        restarts: NRestarts, since the unit was started by hand; None when that is not known.
        silent: why systemd did not say it.
        differences: security fields that the file and the running container do not agree on.
        drop_ins: paths of the files that change it.
        outdated_copy: our drop-in that repeats a command which the unit has changed since; empty = none.
        quadlet: its file is a Quadlet; else it is a unit file that runs podman itself.
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
