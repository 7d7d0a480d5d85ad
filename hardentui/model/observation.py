"""Raw observations of a container, without interpretation."""

from __future__ import annotations

from msgspec import Struct

from hardentui.model.known import NOT_READ, Known


class CallCount(Struct, frozen=True):
    """One system call on one architecture.

    Attributes:
        name: as in seccomp profiles; `#N` for an unknown number.
        architecture: as in seccomp profiles: `SCMP_ARCH_X86_64`.
        program: number of calls by the container's programs.
        runtime: number of calls by the OCI runtime for the container, before the program started.
        refused: number of these calls that the active filter denied.
    """

    name: str
    architecture: str
    program: int = 0
    runtime: int = 0
    refused: int = 0


class Caller(Struct, frozen=True):
    """Who made a call: effective and other IDs as the container sees them; -1 if not mapped.

    `capabilities` is the effective set; None if unknown.
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
        exists: it existed before the call; otherwise mode and owner are those of the parent directory.
        kind: `file directory link socket fifo device`; of the parent directory if it did not exist.
        uid, gid: its owner as the container sees it; -1 if not mapped.
        directory_uid, directory_mode: of its parent directory, which decide who can create and remove
            entries.
        searchable: the caller can traverse its parent directories without a capability.
    """

    path: str
    exists: bool = True
    kind: str = "file"
    uid: int = 0
    gid: int = 0
    mode: int = 0
    directory_uid: int = 0
    directory_gid: int = 0
    directory_mode: int = 0o755
    searchable: bool = True
    mount: str = "/"
    read_only: bool = False


class SocketAddress(Struct, frozen=True):
    """A bound or connected address: address and port, or the path of a unix socket."""

    family: int
    host: str = ""
    port: int = 0


class CallDetail(Struct, frozen=True):
    """One call with the arguments that determine what it needs.

    Attributes:
        numbers: its numeric arguments, in the order listed for that call.
        target_uids: effective and saved UID of the processes that it signals or inspects.
        text: a name argument, such as that of an extended attribute.
    """

    call: str
    caller: Caller
    numbers: tuple[int, ...] = ()
    files: tuple[TouchedFile, ...] = ()
    address: SocketAddress | None = None
    target_uids: frozenset[int] = frozenset()
    text: str = ""


class CallLog(Struct, frozen=True):
    """The observations of the seccomp supervisor.

    Attributes:
        calls: each call once per architecture.
        details: calls with arguments, each combination once.
        cut: names of calls with more combinations than are kept.
        unread: names of calls with arguments that could not be read.
        starts: number of programs started by the runtime: the container's own and those of `podman exec`.
    """

    calls: tuple[CallCount, ...] = ()
    details: tuple[CallDetail, ...] = ()
    cut: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    starts: int = 0
    faults: tuple[str, ...] = ()


class SocketEndpoint(Struct, frozen=True):
    """A listening socket, or the remote end of a connection that the container opened."""

    protocol: str
    address: str
    port: int


class Sampled(Struct, frozen=True):
    """Repeated samples of /proc and the cgroup tree.

    Attributes:
        listening: (protocol, address, port).
        memory_peak, pids_peak: bytes and tasks.
        uids: as the container sees them.
        capabilities: union of the effective sets of its processes.
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
    """How often the kernel checked a capability, and how often it was granted."""

    name: str
    granted: int
    refused: int


class Observation(Struct, frozen=True):
    """All observations of one run; what could not be observed has the reason.

    Attributes:
        capability_checks: the kernel's own capability checks (tracefs, root only).
        written: paths of the root filesystem that differ from the image.
    """

    calls: Known[CallLog] = NOT_READ
    sampled: Known[Sampled] = NOT_READ
    capability_checks: Known[tuple[CapabilityCheck, ...]] = NOT_READ
    written: Known[tuple[str, ...]] = NOT_READ
    seconds: float = 0.0
