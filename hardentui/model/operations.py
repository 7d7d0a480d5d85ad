"""The operations of a change to the host: plain data, each of which can be done and undone.

They are written to the journal before the first one runs. Each contains everything needed to undo
it, so a later process can do so with only the journal.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeAlias
from zlib import crc32

from msgspec import Struct

from hardentui.words import plural


class FileBefore(Struct, frozen=True, kw_only=True):
    """The previous state of a file: content, owner, permissions and modification time."""

    content: bytes
    mode: int
    uid: int
    gid: int
    modified_ns: int


class WriteFile(Struct, frozen=True, kw_only=True, tag="write-file"):
    path: str
    content: bytes
    mode: int = 0o644
    before: FileBefore | None = None  # its previous state; None = it did not exist
    # as before, but with the volumes that the change adds: what an undo that brings newer data back
    # writes. None: it adds none, or this file has nothing to do with them.
    with_data: bytes | None = None
    made: tuple[str, ...] = ()  # directories that were created for it, the deepest first


class NoteUnit(Struct, frozen=True, kw_only=True, tag="note-unit"):
    """Record the state of a unit and its dependents. Undoing it restores that state."""

    unit: str
    uid: int | None = None  # UID of the service manager's user; None = the system's
    active: bool = True
    invocation: str = ""  # systemd's ID of this run of the unit
    dependents: tuple[str, ...] = ()  # units that were active and depend on it


class ReloadUnits(Struct, frozen=True, kw_only=True, tag="reload-units"):
    uid: int | None = None


class RestartUnit(Struct, frozen=True, kw_only=True, tag="restart-unit"):
    unit: str
    uid: int | None = None
    seconds: float = 90.0


class StartUnits(Struct, frozen=True, kw_only=True, tag="start-units"):
    """Start the dependents that stopped together with the unit."""

    units: tuple[str, ...]
    uid: int | None = None


class NoteContainer(Struct, frozen=True, kw_only=True, tag="note-container"):
    """Record the state of a container; `id` is its full ID. Undoing it restores that state."""

    id: str
    name: str
    running: bool
    listening: tuple[str, ...] = ()  # what it listens on, as far as that is seen: `tcp/80`
    # published ports of its host that accept connections: `127.0.0.1:8080`
    answering: tuple[str, ...] = ()


class SetRestart(Struct, frozen=True, kw_only=True, tag="set-restart"):
    """Set the restart policy of the kept original, so that it does not start at boot beside its
    successor."""

    id: str
    before: str
    after: str = "no"


class RenameContainer(Struct, frozen=True, kw_only=True, tag="rename-container"):
    id: str
    before: str
    after: str


class CreateNetwork(Struct, frozen=True, kw_only=True, tag="create-network"):
    name: str
    arguments: tuple[str, ...] = ()  # of podman; none if a unit creates it
    existed: bool = False  # it already existed and stays


class CreateVolume(
    Struct, frozen=True, kw_only=True, tag="create-volume", rename={"directory": "folder"}
):
    """Create a volume for data from the container's own layer. Undoing keeps it if anything was
    written to it since it was filled: that is the only copy of newer data.
    """

    name: str
    source: str = ""  # ID of the original; the volume is at `directory` in its successor
    directory: str = ""
    existed: bool = True  # it already existed and stays


class CreateContainer(Struct, frozen=True, kw_only=True, tag="create-container"):
    """Create the hardened container beside the running original."""

    name: str
    original: str
    arguments: tuple[str, ...]
    created: str = ""


class CreateStandIn(Struct, frozen=True, kw_only=True, tag="create-stand-in"):
    """Create a second container with the options of an original that Podman removes when it stops
    (`--rm`). It is not started; if the change is undone after the original is gone, it takes its
    name and is started.
    """

    name: str  # of the stand-in; `original_name` is the name that it takes
    original: str
    original_name: str
    seconds: int
    arguments: tuple[str, ...]
    created: str = ""


class StartSubstitute(Struct, frozen=True, kw_only=True, tag="start-substitute"):
    """Let a second hardened container serve the published ports until the first one does."""

    name: str
    original: str  # ID of the container whose ports it serves
    arguments: tuple[str, ...]
    listening: tuple[str, ...] = ()  # what the original listens on (`tcp/80`)
    created: str = ""  # its ID

    @property
    def table(self) -> str:
        """The table of nftables that forwards the ports to it."""
        return f"hardentui_{crc32(self.name.encode()):08x}"


class EndSubstitute(Struct, frozen=True, kw_only=True, tag="end-substitute"):
    """Let the hardened container serve its ports itself, and remove its substitute."""

    substitute: StartSubstitute


class StopContainer(Struct, frozen=True, kw_only=True, tag="stop-container"):
    id: str
    seconds: int = 10
    name: str = ""


class CopyPart(StrEnum):
    """What one operation copies of some data."""

    ALL = "all"
    AHEAD = "ahead"
    REST = "rest"


class CopyData(Struct, frozen=True, kw_only=True, tag="copy-data"):
    """Copy directories from the original's own layer into volumes of its successor."""

    source: str
    paths: tuple[tuple[str, str], ...]  # (directory in the container, volume)
    part: CopyPart = (
        CopyPart.ALL
    )  # AHEAD while the original runs, REST what changed until it has stopped
    # of the volumes when all was copied, for those who wonder whether anybody wrote to them since
    states: tuple[str, ...] = ()


class KeepOwners(Struct, frozen=True, kw_only=True, tag="keep-owners"):
    """Note who owns the files of a volume, before a container gives all of them to its user (`:U`).
    Undoing gives them back; what was made since then goes to the usual owner.
    """

    volume: str
    image: str  # of the original; some image is needed to mount the volume
    usual: tuple[int, int] | None = None  # uid and gid of most files; None = not noted
    others: tuple[tuple[int, int, bytes], ...] = ()  # (uid, gid, path) of the rest


class StartContainer(Struct, frozen=True, kw_only=True, tag="start-container"):
    """Start the successor; `seconds` is how long to wait for a port that is still in use."""

    name: str
    seconds: float = 15.0


class LimitsBefore(Struct, frozen=True, kw_only=True):
    """Limits as inspect shows them; 0 = none."""

    memory: int = 0
    memory_swap: int = 0
    memory_reservation: int = 0
    cpu_quota: int = 0
    cpu_period: int = 0
    cpu_shares: int = 0
    pids: int = 0
    restart: str = "no"


class UpdateContainer(Struct, frozen=True, kw_only=True, tag="update-container"):
    """Change limits of the running container (`podman update`); `before` has the previous ones.

    A health check is only added, where there was none.
    """

    id: str
    arguments: tuple[str, ...]
    before: LimitsBefore


class WaitReady(Struct, frozen=True, kw_only=True, tag="wait-ready"):
    """Wait until the service is ready: its health check passes, it listens on its ports, or it
    keeps running.

    `ports` are those that the original listens on (`tcp/80`).
    """

    name: str
    seconds: float
    ports: tuple[str, ...] = ()


class RunProbe(Struct, frozen=True, kw_only=True, tag="run-probe"):
    """Run a probe command on the host, as a client of the service; it must exit with 0."""

    command: str
    name: str
    seconds: float
    usual: float = (
        0.0  # seconds it took before a soak, which may not make it much slower; 0: no soak
    )


class ProveChanges(Struct, frozen=True, kw_only=True, tag="prove-changes"):
    """Verify that the checks of the applied fixes pass on the real container."""

    name: str
    checks: tuple[str, ...]


Operation: TypeAlias = (
    WriteFile
    | NoteUnit
    | ReloadUnits
    | RestartUnit
    | StartUnits
    | NoteContainer
    | SetRestart
    | RenameContainer
    | CreateNetwork
    | CreateVolume
    | CreateContainer
    | CreateStandIn
    | StartSubstitute
    | EndSubstitute
    | StopContainer
    | CopyData
    | KeepOwners
    | StartContainer
    | UpdateContainer
    | WaitReady
    | RunProbe
    | ProveChanges
)


def substitute_in(operations: Iterable[Operation]) -> StartSubstitute | None:
    return next(
        (operation for operation in operations if isinstance(operation, StartSubstitute)), None
    )


def described_back(operation: Operation) -> str:
    """What undoing it does, as one short sentence without a full stop."""
    match operation:
        case WriteFile():
            return f"restore {operation.path}"
        case NoteUnit():
            return f"restore the state of {operation.unit}"
        case NoteContainer():
            return f"restore the state of {operation.name}"
        case RenameContainer():
            return f"rename the original {operation.after} back to {operation.before}"
        case CreateContainer():
            return f"set the hardened {operation.name} aside"
        case KeepOwners():
            return f"give the files in the volume {operation.volume} their owners back"
        case StartContainer():
            return f"stop the hardened {operation.name}"
        case _:
            return described(operation)


def described_clearing(operation: Operation) -> str:
    """What comes last when it was taken back, as one short sentence; empty = nothing."""
    match operation:
        case NoteContainer():
            answers = operation.listening or operation.answering
            return f"check that {operation.name} answers as before" if answers else ""
        case CreateContainer():
            return f"remove the hardened {operation.name}"
        case StartSubstitute():
            return f"remove {operation.name} and its forward of the ports"
        case CreateNetwork():
            return "" if operation.existed else f"remove the network {operation.name}"
        case CreateVolume():
            verb = "look what was written to" if operation.existed else "remove"
            return f"{verb} the volume {operation.name}"
        case _:
            return ""


def described(operation: Operation) -> str:
    """What it does, as one short sentence without a full stop."""
    match operation:
        case WriteFile():
            return f"{'change' if operation.before else 'write'} {operation.path}"
        case NoteUnit():
            also = (
                f" and {plural(len(operation.dependents), 'dependent')}"
                if operation.dependents
                else ""
            )
            return f"record the state of {operation.unit}{also}"
        case ReloadUnits():
            return "reload systemd"
        case RestartUnit():
            return f"restart {operation.unit}"
        case StartUnits():
            return f"start its dependents again: {', '.join(operation.units)}"
        case NoteContainer():
            return f"record the state of {operation.name}"
        case SetRestart():
            return f"set the restart policy of the original to {operation.after}"
        case RenameContainer():
            return f"rename the original {operation.before} to {operation.after}"
        case CreateNetwork():
            verb = "use" if operation.existed else "create"
            return f"{verb} the network {operation.name}"
        case CreateVolume():
            return f"create the volume {operation.name}"
        case CreateContainer():
            return f"create the hardened {operation.name}"
        case CreateStandIn():
            return f"create {operation.name}, which can replace the original"
        case StartSubstitute():
            return f"let {operation.name}, a second one, serve meanwhile"
        case EndSubstitute():
            return f"serve without {operation.substitute.name}, and remove it"
        case StopContainer():
            return f"stop the original {operation.name}".rstrip()
        case CopyData():
            what = "what changed meanwhile in " if operation.part is CopyPart.REST else ""
            when = " while the original runs" if operation.part is CopyPart.AHEAD else ""
            return f"copy {what}{', '.join(path for path, _ in operation.paths)} into volumes{when}"
        case KeepOwners():
            return f"note the owners of the files in the volume {operation.volume}"
        case StartContainer():
            return f"start the hardened {operation.name}"
        case UpdateContainer():
            return f"change while it runs: {' '.join(operation.arguments)}"
        case WaitReady():
            return f"wait until {operation.name} is ready"
        case RunProbe():
            return f"run the probe: {operation.command}"
        case ProveChanges():
            return f"check in the kernel that each fix of {operation.name} is in force"
