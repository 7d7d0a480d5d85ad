"""What is mounted in a container, and the sockets that can be reached through it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from hardentui.model.known import Known


class MountOrigin(StrEnum):
    """Who asked for a mount."""

    DECLARED = "declared"
    CONTAINER = "another container"
    POD = "its pod"
    IMAGE = "its image"
    ENGINE = "the engine"


class KernelMount(Struct, frozen=True):
    """One line of /proc/PID/mountinfo, see proc_pid_mountinfo(5).

    Attributes:
        point: where it is mounted, in the container.
        kind: type of the file system.
        options: of the mount and of its file system, separated by commas; `ro` wins over `rw`.
        root: the directory of the file system that is mounted.
        source: the device, or what the file system calls its source.
        device: `major:minor` of the file system.
        paths: where the engine's own mount table shows the same thing, the likeliest first; empty for file
            systems that only the container has, and when that table could not be read.
        lower, upper: of an overlay: the folders that it reads, and the one that takes what is written.
    """

    point: str
    kind: str
    options: str
    root: str = "/"
    source: str = ""
    device: str = ""
    paths: tuple[str, ...] = ()
    lower: tuple[str, ...] = ()
    upper: str = ""

    @property
    def read_only(self) -> bool:
        return "ro" in self.options.split(",")


class MountedPath(Struct, frozen=True):
    """Something of the host that a container sees.

    Attributes:
        destination: where, in the container.
        paths: its names on the host, the likeliest first; never empty.
        type, source: as the container asks for it: `bind` and the typed path, `volume` and its name;
            `rootfs`, `overlay` and `other` for what no `--volume` says.
        options: of the mount that is in force, else those that are declared.
        origin, giver: who asked for it; the giver is the name of the container or pod.
        layered: what is written stays in a layer of its own; the host's files do not change.
        in_force: the kernel's table shows it; else it is what the next start will mount.
        beneath: folders of the host that are seen through an overlay, but never written.
        kind: type of the file system where it is in force.
    """

    destination: str
    paths: tuple[str, ...]
    type: str = "bind"
    source: str = ""
    options: tuple[str, ...] = ()
    origin: MountOrigin = MountOrigin.DECLARED
    giver: str = ""
    layered: bool = False
    in_force: bool = False
    beneath: tuple[str, ...] = ()
    kind: str = ""

    @property
    def read_only(self) -> bool:
        return "ro" in self.options or "readonly" in self.options


class Listener(Struct, frozen=True):
    """Who answers on a socket.

    Attributes:
        path: the name under which the listener made it, on the host.
        program: of the process that listens, or the unit for which systemd listens; empty when the path
            alone was looked at.
        onward: who answers on a socket that its command line names, as that of a forwarder does.
    """

    path: str
    program: str = ""
    onward: Listener | None = None


class ReachableSocket(Struct, frozen=True):
    """A socket of the host that a container can connect to.

    Attributes:
        destination: of the mount through which it is reached.
        path: its name on the host, below what is mounted.
        listener: Unreadable where it cannot be told; None when nobody listens now.
    """

    destination: str
    path: str
    listener: Known[Listener | None]
