"""The operations that a change of the host is made of: plain data, each of which can be done and taken back.

They stand in the journal before the first of them is done. What an operation needs in order to be taken back
is part of it, so a later process can do that with nothing but the journal.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct


class FileBefore(Struct, frozen=True, kw_only=True):
    """A file as it was: every byte, whose it was, who could do what with it, and when it was changed."""

    content: bytes
    mode: int
    uid: int
    gid: int
    modified_ns: int


class WriteFile(Struct, frozen=True, kw_only=True, tag="write-file"):
    """A file gets another content.

    Attributes:
        before: what was there; None = nothing.
        made: folders that had to be made for it, the deepest first.
    """

    path: str
    content: bytes
    mode: int = 0o644
    before: FileBefore | None = None
    made: tuple[str, ...] = ()


class NoteUnit(Struct, frozen=True, kw_only=True, tag="note-unit"):
    """How a unit and what depends on it stood before. Taking it back brings them there again.

    Attributes:
        uid: of the user whose service manager it is; None = the system's.
        invocation: systemd's id of this very run of the unit.
        dependents: units that were active and depend on it.
    """

    unit: str
    uid: int | None = None
    active: bool = True
    invocation: str = ""
    dependents: tuple[str, ...] = ()


class ReloadUnits(Struct, frozen=True, kw_only=True, tag="reload-units"):
    """systemd reads its files again."""

    uid: int | None = None


class RestartUnit(Struct, frozen=True, kw_only=True, tag="restart-unit"):
    """A unit runs anew, with its files as they are now."""

    unit: str
    uid: int | None = None
    seconds: float = 90.0


class StartUnits(Struct, frozen=True, kw_only=True, tag="start-units"):
    """Units that went down with the one that they depend on are started again."""

    units: tuple[str, ...]
    uid: int | None = None


class NoteContainer(Struct, frozen=True, kw_only=True, tag="note-container"):
    """How a container stood before; `id` is its full id. Taking it back brings it there again."""

    id: str
    name: str
    running: bool


class SetRestart(Struct, frozen=True, kw_only=True, tag="set-restart"):
    """The kept original must not be started at boot beside its successor."""

    id: str
    before: str
    after: str = "no"


class RenameContainer(Struct, frozen=True, kw_only=True, tag="rename-container"):
    """The original gives its name away."""

    id: str
    before: str
    after: str


class CreateNetwork(Struct, frozen=True, kw_only=True, tag="create-network"):
    """A network that the plan brings.

    Attributes:
        arguments: of podman; none where a unit of its own creates it.
        existed: it was there before and stays.
    """

    name: str
    arguments: tuple[str, ...] = ()
    existed: bool = False


class CreateVolume(Struct, frozen=True, kw_only=True, tag="create-volume"):
    """A volume that takes data of the container's own layer. Taken back, it stays: it may hold the only copy
    of what was written since.

    Attributes:
        source: id of the container, `folder` the one whose content it takes: it gets that one's owner.
    """

    name: str
    source: str = ""
    folder: str = ""


class CreateContainer(Struct, frozen=True, kw_only=True, tag="create-container"):
    """The hardened container, made beside the running original.

    Attributes:
        arguments: of `podman create`, all of them.
        created: its id, once it is known.
    """

    name: str
    original: str
    arguments: tuple[str, ...]
    created: str = ""


class CreateStandIn(Struct, frozen=True, kw_only=True, tag="create-stand-in"):
    """A second container with the options of an original that Podman removes when it stops (`--rm`). It is
    not started; taking the change back after the original is gone gives it the name and starts it.

    Attributes:
        name: of the stand-in; `original_name` is the one that it takes then.
        original: full id of the original.
        seconds: how long the original may take to stop.
        arguments: of `podman create`, all of them.
        created: its id, once it is known.
    """

    name: str
    original: str
    original_name: str
    seconds: int
    arguments: tuple[str, ...]
    created: str = ""


class StopContainer(Struct, frozen=True, kw_only=True, tag="stop-container"):
    """The original stops, with the time for it that it was given."""

    id: str
    seconds: int = 10


class CopyData(Struct, frozen=True, kw_only=True, tag="copy-data"):
    """Folders of the original's own layer go into volumes of its successor.

    Attributes:
        source: id of the original.
        paths: (folder in the container, volume).
    """

    source: str
    paths: tuple[tuple[str, str], ...]


class StartContainer(Struct, frozen=True, kw_only=True, tag="start-container"):
    """The successor starts; `seconds` is how long a port that is still taken is waited for."""

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
    """Limits change while the container runs (`podman update`); `before` are those that it had.

    A health check is only added, where there was none.
    """

    id: str
    arguments: tuple[str, ...]
    before: LimitsBefore


class WaitReady(Struct, frozen=True, kw_only=True, tag="wait-ready"):
    """The service works: its health check passes, it listens on its ports, or its main process stays.

    `ports` are those that the original listens on (`tcp/80`).
    """

    name: str
    seconds: float
    ports: tuple[str, ...] = ()


class RunProbe(Struct, frozen=True, kw_only=True, tag="run-probe"):
    """A command on the host that must end with 0, as a client of the service."""

    command: str
    name: str
    seconds: float


class ProveChanges(Struct, frozen=True, kw_only=True, tag="prove-changes"):
    """The checks whose fixes were applied pass on the real container."""

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
    | StopContainer
    | CopyData
    | StartContainer
    | UpdateContainer
    | WaitReady
    | RunProbe
    | ProveChanges
)


def described_back(operation: Operation) -> str:
    """What taking it back is, as one short sentence without a full stop."""
    match operation:
        case WriteFile():
            return f"put {operation.path} back"
        case NoteUnit():
            return f"bring {operation.unit} back as it stood"
        case NoteContainer():
            return f"bring {operation.name} back as it stood"
        case RenameContainer():
            return f"give the original its name {operation.before} back"
        case CreateContainer():
            return f"set the hardened {operation.name} aside"
        case StartContainer():
            return f"stop the hardened {operation.name}"
        case _:
            return described(operation)


def described_clearing(operation: Operation) -> str:
    """What is removed of it last, when it was taken back, as one short sentence; empty = nothing."""
    match operation:
        case CreateContainer():
            return f"remove the hardened {operation.name}"
        case CreateNetwork():
            return "" if operation.existed else f"remove the network {operation.name}"
        case _:
            return ""


def described(operation: Operation) -> str:
    """What is going to happen, as one short sentence without a full stop."""
    match operation:
        case WriteFile():
            return f"{'change' if operation.before else 'write'} {operation.path}"
        case NoteUnit():
            also = f" and {len(operation.dependents)} that depend on it" if operation.dependents else ""
            return f"note how {operation.unit}{also} stands"
        case ReloadUnits():
            return "let systemd read its files again"
        case RestartUnit():
            return f"restart {operation.unit}"
        case StartUnits():
            return f"start again what depends on it: {', '.join(operation.units)}"
        case NoteContainer():
            return f"note how {operation.name} stands"
        case SetRestart():
            return f"set the restart policy of the original to {operation.after}"
        case RenameContainer():
            return f"rename the original to {operation.after}"
        case CreateNetwork():
            verb = "use" if operation.existed else "create"
            return f"{verb} the network {operation.name}"
        case CreateVolume():
            return f"create the volume {operation.name}"
        case CreateContainer():
            return f"create the hardened {operation.name}"
        case CreateStandIn():
            return f"create {operation.name}, which can take the place of the original"
        case StopContainer():
            return "stop the original"
        case CopyData():
            return f"copy {', '.join(path for path, _ in operation.paths)} into volumes"
        case StartContainer():
            return f"start the hardened {operation.name}"
        case UpdateContainer():
            return f"change while it runs: {' '.join(operation.arguments)}"
        case WaitReady():
            return f"wait until {operation.name} works"
        case RunProbe():
            return f"run the probe: {operation.command}"
        case ProveChanges():
            return "check in the kernel that each fix is in force"
