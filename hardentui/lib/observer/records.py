"""What was seen of system calls."""

from __future__ import annotations

from msgspec import Struct


class CallCount(Struct, frozen=True):
    """One system call on one architecture."""

    name: str  # as in seccomp profiles; `#N` for an unknown number
    architecture: str  # as in seccomp profiles: `SCMP_ARCH_X86_64`
    program: int = 0  # number of calls by the container's programs
    # number of calls by the OCI runtime for the container, before the program started
    runtime: int = 0
    refused: int = 0  # number of these calls that the active filter denied


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
    """A path that a call named, as the container sees it."""

    path: str
    # it existed before the call; otherwise mode and owner are those of the parent directory
    exists: bool = True
    # `file directory link socket fifo device`; of the parent directory if it did not exist
    kind: str = "file"
    # uid, gid: its owner as the container sees it; -1 if not mapped
    uid: int = 0
    gid: int = 0
    mode: int = 0
    # directory_uid, directory_mode: of its parent directory, which decide who can create and remove
    # entries
    directory_uid: int = 0
    directory_gid: int = 0
    directory_mode: int = 0o755
    searchable: bool = True  # the caller can traverse its parent directories without a capability
    mount: str = "/"
    read_only: bool = False


class SocketAddress(Struct, frozen=True):
    """A bound or connected address: address and port, or the path of a unix socket."""

    family: int
    host: str = ""
    port: int = 0


class CallDetail(Struct, frozen=True):
    """One call with the arguments that determine what it needs."""

    call: str
    caller: Caller
    numbers: tuple[int, ...] = ()  # its numeric arguments, in the order listed for that call
    files: tuple[TouchedFile, ...] = ()
    address: SocketAddress | None = None
    # effective and saved UID of the processes that it signals or inspects
    target_uids: frozenset[int] = frozenset()
    text: str = ""  # a name argument, such as that of an extended attribute


class CallLog(Struct, frozen=True):
    """The observations of the seccomp supervisor."""

    calls: tuple[CallCount, ...] = ()  # each call once per architecture
    details: tuple[CallDetail, ...] = ()  # calls with arguments, each combination once
    cut: frozenset[str] = frozenset()  # names of calls with more combinations than are kept
    unread: frozenset[str] = frozenset()  # names of calls with arguments that could not be read
    # number of programs started by the runtime: the container's own and those of `podman exec`
    starts: int = 0
    faults: tuple[str, ...] = ()
