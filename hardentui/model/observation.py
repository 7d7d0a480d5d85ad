"""What was seen of a container while it was watched: raw, without what it means."""

from __future__ import annotations

from msgspec import Struct

from hardentui.model.known import NOT_READ, Known


class CallCount(Struct, frozen=True):
    """One system call by one way into the kernel.

    Attributes:
        name: as seccomp profiles know it; `#N` where the number has no name that we know.
        architecture: the way, as profiles name it: `SCMP_ARCH_X86_64`.
        program: how often the container's programs made it.
        runtime: how often the OCI runtime made it in the container's name, before the program began.
        refused: how many of all these the filter in force refused.
    """

    name: str
    architecture: str
    program: int = 0
    runtime: int = 0
    refused: int = 0


class Caller(Struct, frozen=True):
    """Who made a call: effective and other ids as the container sees them; -1 where one is not mapped.

    `capabilities` are those in effect; None where nobody looked.
    """

    uid: int
    gid: int
    uids: frozenset[int] = frozenset()
    gids: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()
    capabilities: frozenset[str] | None = None


class TouchedFile(Struct, frozen=True):
    """A path that a call named, as the container sees it.

    Attributes:
        exists: it was there before the call; else mode and owner are those of the folder it would be made in.
        kind: `file folder link socket fifo device`; of the folder where it did not exist.
        uid, gid: its owner as the container sees it; -1 where that id is not mapped.
        folder_uid, folder_mode: of the folder that holds it, for who may make and remove names in it.
        searchable: its folders can be gone through by the caller without a capability.
        mount: where the file system that holds it is mounted.
        file_system: `overlay`, `tmpfs`, `ext4`…
        read_only: the mount is.
    """

    path: str
    exists: bool = True
    kind: str = "file"
    uid: int = 0
    gid: int = 0
    mode: int = 0
    folder_uid: int = 0
    folder_gid: int = 0
    folder_mode: int = 0o755
    searchable: bool = True
    mount: str = "/"
    file_system: str = ""
    read_only: bool = False


class SocketAddress(Struct, frozen=True):
    """An address that was bound or connected to: a port with its address, or the path of a unix socket."""

    family: int
    host: str = ""
    port: int = 0


class CallDetail(Struct, frozen=True):
    """One call with the arguments that decide what it takes.

    Attributes:
        numbers: its plain arguments, in the order in which they are listed for that call.
        files: the paths that it named.
        target_uids: of the processes that it sends a signal to or looks into: effective and saved uid.
        text: an argument that is a name: of an extended attribute.
    """

    call: str
    caller: Caller
    numbers: tuple[int, ...] = ()
    files: tuple[TouchedFile, ...] = ()
    address: SocketAddress | None = None
    target_uids: frozenset[int] = frozenset()
    text: str = ""


class CallLog(Struct, frozen=True):
    """What the filter's supervisor saw.

    Attributes:
        calls: each call once for each way.
        details: calls with arguments, each combination once.
        cut: names of calls of which there were more different details than are kept.
        unread: names of calls whose arguments could not be read, some of them at least.
        starts: how many programs the runtime started: the container's own and those of `podman exec`.
        faults: what went wrong besides.
    """

    calls: tuple[CallCount, ...] = ()
    details: tuple[CallDetail, ...] = ()
    cut: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    starts: int = 0
    faults: tuple[str, ...] = ()


class SocketEndpoint(Struct, frozen=True):
    """A listening socket, or the far end of a connection that the container made."""

    protocol: str
    address: str
    port: int


class Sampled(Struct, frozen=True):
    """What was seen in /proc and the cgroup tree, looked at again and again.

    Attributes:
        listening: (protocol, address, port).
        outgoing: connections that its processes made.
        memory_peak, pids_peak: bytes and tasks.
        programs: names of the processes.
        uids: as the container sees them.
        capabilities: effective sets of its processes, united.
        samples: how often it was looked at.
    """

    listening: Known[tuple[SocketEndpoint, ...]] = NOT_READ
    outgoing: Known[tuple[SocketEndpoint, ...]] = NOT_READ
    memory_peak: Known[int] = NOT_READ
    pids_peak: Known[int] = NOT_READ
    programs: Known[tuple[str, ...]] = NOT_READ
    uids: Known[frozenset[int]] = NOT_READ
    capabilities: Known[frozenset[str]] = NOT_READ
    samples: int = 0


class CapabilityCheck(Struct, frozen=True):
    """How often the kernel asked for a capability, and how often the answer was yes."""

    name: str
    granted: int
    refused: int


class Observation(Struct, frozen=True):
    """All that the observers saw in one run; what one of them could not see carries the reason.

    Attributes:
        capability_checks: the kernel's own questions (tracefs, root only).
        written: paths of the root file system that differ from the image.
        seconds: how long it was watched.
    """

    calls: Known[CallLog] = NOT_READ
    sampled: Known[Sampled] = NOT_READ
    capability_checks: Known[tuple[CapabilityCheck, ...]] = NOT_READ
    written: Known[tuple[str, ...]] = NOT_READ
    seconds: float = 0.0
