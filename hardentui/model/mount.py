"""What a container sees of its host: mounts, and the sockets behind them. Records."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from hardentui.model.known import Known
from hardentui.model.spec import Mount


class MountOrigin(StrEnum):
    DECLARED = "declared"
    CONTAINER = "another container"
    POD = "its pod"
    IMAGE = "its image"
    ENGINE = "the engine"


class KernelMount(Struct, frozen=True):
    """One line of /proc/PID/mountinfo, see proc_pid_mountinfo(5)."""

    point: str
    kind: str
    # of the mount and its filesystem, separated by commas; `ro` takes precedence over `rw`
    options: str
    root: str = "/"  # the mounted directory of the filesystem
    source: str = ""  # the device, or whatever the filesystem reports as its source
    device: str = ""  # `major:minor` of the filesystem
    # the same directory in the engine's mount table, likeliest first; empty for filesystems that
    # only the container has, or if that table could not be read
    paths: tuple[str, ...] = ()
    # lower, upper: of an overlay: the directories that it reads, and the one that takes its writes
    lower: tuple[str, ...] = ()
    upper: str = ""
    # number, parent: of this mount and the mount that it is mounted on
    number: str = ""
    parent: str = ""

    @property
    def read_only(self) -> bool:
        return "ro" in self.options.split(",")

    @property
    def disk(self) -> str:
        """The device file of a whole file system below the root; empty for what is on no disk, or a
        part.

        The source is whatever mount(8) was given: /tmp/disk for a node made there. Only file
        systems on a disk have a major number; btrfs names its disk as the source.
        """
        if self.root != "/" or self.point == "/":
            return ""
        if self.source.startswith("/dev/"):
            return self.source
        return f"/dev/block/{self.device}" if self.device.partition(":")[0] not in ("", "0") else ""


class HostMount(Struct, frozen=True):
    """A part of the host that a container sees."""

    destination: str  # path in the container
    # its paths on the host, normalised, with symbolic links resolved if known, the likeliest first,
    # which is shown; never empty
    paths: tuple[str, ...]
    # type, source: as requested: `bind` and the path, `volume` and its name; `rootfs`, `overlay`
    # and `other` for mounts that no `--volume` requests
    type: str = "bind"
    source: str = ""
    options: tuple[str, ...] = ()  # of the active mount, otherwise the declared ones
    # origin, giver: where it comes from; the giver is the name of the container or pod
    origin: MountOrigin = MountOrigin.DECLARED
    giver: str = ""
    layered: bool = False  # writes go to a separate layer; the host's files do not change
    # it is in the kernel's mount table; otherwise the next start will mount it
    in_force: bool = False
    # host directories that are visible through an overlay, but never written
    beneath: tuple[str, ...] = ()
    kind: str = ""  # filesystem type, if active
    below: tuple[HostMount, ...] = ()  # of the host, as writable; stays so if this gets read-only
    # the mount of the spec that asks for it, so that changing the spec changes it; None: it comes
    # from elsewhere, or was not looked up
    declared: Mount | None = None

    @property
    def path(self) -> str:
        return self.paths[0]

    @property
    def read_only(self) -> bool:
        """As enforced by the kernel if known, otherwise as declared."""
        return "ro" in self.options or "readonly" in self.options

    @property
    def written(self) -> bool:
        """Whether the container can change the host's files."""
        return not self.read_only and not self.layered

    @property
    def asked(self) -> Mount:
        """The mount of the spec; the same in its form if it is not in the spec."""
        return self.declared or Mount(
            self.type,
            self.source,
            self.destination,
            self.options,
        )


class Listener(Struct, frozen=True):
    """The process or unit that listens on a socket."""

    path: str  # the listener's own path of the socket, on the host
    # of the listening process, or the unit that systemd listens for; empty: only the path was read
    program: str = ""


class ReachableSocket(Struct, frozen=True):
    """A socket of the host that a container can connect to."""

    destination: str  # of the mount through which it is reached
    path: str  # its path on the host, below the mounted directory
    listener: Known[Listener | None]  # Unread if unknown; None if no process listens
    # owner and group on the host, and permissions; None if they are not known
    owner: int | None = None
    group: int | None = None
    mode: int | None = None
