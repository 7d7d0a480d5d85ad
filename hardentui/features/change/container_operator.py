"""Containers that a change replaces or updates, and how the original is restored.

The original is identified by its ID throughout; its successor by the ID that Podman returned or, if
a crash lost it, by the original's former name and the exact command that was requested.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

from msgspec.structs import replace

from hardentui.do import Do, Verb
from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.change.containers import ContainerControl
from hardentui.engine.change.copy_process import Owners, nothing
from hardentui.engine.change.copying import LayerCopy
from hardentui.errors import (
    ChangeFailed,
    ChangeTimedOut,
    NotFound,
    NoWayBack,
    PortTaken,
    UsageError,
)
from hardentui.features.change.file_operator import (
    NOTHING,
    Cancelled,
    NotAnswering,
    OperationOutcome,
    Operator,
    OriginalDown,
    raise_if_stopped,
)
from hardentui.features.change.wait import (
    answers,
    is_running,
    pid_of,
    published,
    read_ports,
    stop_timeout,
    who_listens,
)
from hardentui.host.commands import run_program
from hardentui.host.files import Files
from hardentui.model.journal import JournalEntry
from hardentui.model.known import Unread
from hardentui.model.operations import (
    CopyData,
    CopyPart,
    CreateContainer,
    CreateNetwork,
    CreateStandIn,
    CreateVolume,
    KeepOwners,
    NoteContainer,
    Operation,
    RenameContainer,
    SetRestart,
    StartContainer,
    StartSubstitute,
    StopContainer,
    UpdateContainer,
)
from hardentui.visible import visible
from hardentui.words import plural

_PORT = re.compile(r":(\d{1,5}): bind|bind port (\d{1,5})|:(\d{1,5}): address")
_RETRY = 0.5
STILL_TAKEN = 20.0  # seconds to wait for the ports of a killed successor
_STOP_LIMIT = 600
_DEFAULT_SHARES = 1024  # the kernel's weight of a group without one


class ContainerOperator(Operator[Operation]):
    """Changes containers of one engine.

    Args:
        files: of the engine's machine, if it is this one.
    """

    kinds = (
        NoteContainer,
        SetRestart,
        RenameContainer,
        CreateNetwork,
        CreateVolume,
        CreateContainer,
        StopContainer,
        CopyData,
        KeepOwners,
        StartContainer,
        UpdateContainer,
    )

    def __init__(
        self,
        engine: ChangingEngine,
        files: Files | None = None,
    ) -> None:
        self._engine = engine
        self._files = files
        self._containers = engine.containers
        self._first_passes: dict[str, LayerCopy] = {}
        self._started_again: set[str] = set()

    def do(
        self,
        operation: Operation,
        stop: threading.Event,
    ) -> OperationOutcome:
        match operation:
            case NoteContainer():
                return OperationOutcome(self._noted(operation))
            case SetRestart():
                self._containers.update(operation.id, (f"--restart={operation.after}",))
            case RenameContainer():
                self._containers.rename(operation.id, operation.after)
            case CreateNetwork():
                if operation.arguments and not operation.existed:
                    self._engine.networks.create_by_command(operation.arguments)
            case CreateVolume():
                if not self._engine.volumes.exists(operation.name):  # else from an earlier attempt
                    self._engine.volumes.create(operation.name)
            case CreateContainer():
                return self._create(operation)
            case StopContainer():
                self._containers.stop(
                    operation.id,
                    timeout=min(operation.seconds, _STOP_LIMIT),
                )
            case CopyData():
                return self._copy(operation, stop)
            case KeepOwners():
                owners = self._engine.copying.owners(operation.volume, operation.image)
                noted = replace(
                    operation,
                    usual=owners.usual,
                    others=owners.others,
                )
                return OperationOutcome(noted)
            case StartContainer():
                start_with_patience(
                    self._containers,
                    operation.name,
                    operation.seconds,
                    stop,
                )
            case UpdateContainer():
                self._containers.update(operation.id, operation.arguments)
            case _:
                raise AssertionError(operation)
        return NOTHING

    def refuse_undo(
        self,
        operation: Operation,
        entry: JournalEntry,
    ) -> None:
        noted = isinstance(operation, NoteContainer) and entry.has_begun_after(operation)
        if isinstance(operation, NoteContainer) and noted and not _has_stand_in(entry):
            refuse_lost_original(self._containers, operation, entry)
            refuse_taken_name(
                self._containers,
                operation.name,
                {operation.id},
                entry,
            )

    def undo(
        self,
        operation: Operation,
        entry: JournalEntry,
    ) -> None:
        match operation:
            case NoteContainer() | RenameContainer() if _has_stand_in(entry):
                pass  # the stand-in does it: the original may be gone
            case NoteContainer():
                if entry.has_begun_after(operation):
                    self._as_before(operation, entry)
            case SetRestart():
                if self._restart_policy(operation.id) != operation.before:
                    self._containers.update(
                        operation.id,
                        (f"--restart={operation.before}",),
                    )
            case RenameContainer():
                if (
                    self._name(operation.id) != operation.before
                ):  # even if it has been renamed since
                    refuse_taken_name(
                        self._containers,
                        operation.before,
                        {operation.id},
                        entry,
                    )
                    self._containers.rename(operation.id, operation.before)
            case CreateContainer():
                self._set_aside(operation, entry)
            case StartContainer():
                self._stop_successor(operation.name, entry)
            case UpdateContainer():
                with suppress(NotFound):  # a recreated one has the limits of its unit
                    self._limits_before(operation)
            case CopyData():
                self._first_passes.pop(operation.source, None)
                with suppress(NotFound):
                    self._engine.copying.leave(operation.source)
            case KeepOwners():
                if operation.usual and self._engine.volumes.exists(operation.volume):
                    owners = Owners(operation.usual, operation.others)
                    self._engine.copying.give(
                        operation.volume,
                        operation.image,
                        owners,
                    )
            case CreateVolume() | CreateNetwork() | StopContainer():
                pass  # a volume may hold newer data; the original starts last
            case _:
                raise AssertionError(operation)

    def clear(
        self,
        operation: Operation,
        entry: JournalEntry,
    ) -> None:
        match operation:
            case CreateNetwork():
                if not operation.existed and self._engine.networks.exists(operation.name):
                    with suppress(ChangeFailed):  # another container uses it now
                        self._engine.networks.remove(operation.name)
            case CreateVolume():
                with suppress(NotFound):
                    if not operation.existed and not self._holds_newer(operation, entry):
                        self._engine.volumes.remove(operation.name)
            case CreateContainer():
                self._remove(operation, entry)
            case NoteContainer() if operation.running and not _has_stand_in(entry):
                self._still_answers(operation, alone=len(entry.containers) == 1)
            case _:
                pass

    def redo(
        self,
        operation: Operation,
        entry: JournalEntry,
    ) -> OperationOutcome:
        match operation:
            case RenameContainer() if not _has_stand_in(entry):
                if self._name(operation.id) != operation.after:
                    self._containers.rename(operation.id, operation.after)
            case SetRestart():
                if self._restart_policy(operation.id) != operation.after:
                    self._containers.update(operation.id, (f"--restart={operation.after}",))
            case CreateContainer():
                return self._take_up_again(operation, entry)
            case StopContainer():
                with suppress(NotFound):  # one that Podman removed when it stopped
                    self._containers.stop(
                        operation.id,
                        timeout=min(operation.seconds, _STOP_LIMIT),
                    )
            case StartContainer():
                start_with_patience(
                    self._containers, operation.name, STILL_TAKEN, threading.Event()
                )
            case _:
                pass
        return NOTHING

    def remove_original(
        self,
        identity: str,
        name: str,
    ) -> None:
        """Remove a kept original unless it is in use again; its volumes stay.

        Raises:
            ChangeFailed: it is running, or has another name by now.
        """
        try:
            container = self._containers.inspect(identity)
        except NotFound:
            return
        if is_running(container) or str(container.get("Name")) != name:
            raise ChangeFailed(f"{visible(name, 80)} is in use again; it was not removed.")
        self._containers.remove(identity, volumes=False)

    # --- carry out --------------------------------------------------------------------------------

    def _noted(self, operation: NoteContainer) -> NoteContainer:
        """With what it answers at, which the way back has to bring back."""
        now = self._containers.inspect(operation.id)
        if str(now.get("Name")) != operation.name or is_running(now) != operation.running:
            raise ChangeFailed(
                f"{visible(operation.name, 80)} has changed since this was planned.", "Try again."
            )
        places = [
            f"{address}:{port}" for address, port in published(now) if self._answers(address, port)
        ]
        listening = tuple(sorted(self._listening(now)))
        return replace(
            operation,
            listening=listening,
            answering=tuple(places),
        )

    def _answers(
        self,
        address: str,
        port: int,
    ) -> bool | None:
        if self._files is None:
            return None
        return answers(
            run_program,
            self._engine.service,
            address,
            port,
        )

    def _listening(self, document: Mapping[str, Any]) -> frozenset[str]:
        pid = pid_of(document)
        if self._files is None or not pid:
            return frozenset()
        ports = read_ports(self._files, pid)
        return frozenset() if isinstance(ports, Unread) else ports

    def _create(self, operation: CreateContainer) -> OperationOutcome:
        created = self._containers.create_by_command(operation.arguments)
        return OperationOutcome(replace(operation, created=created))

    def _copy(
        self,
        operation: CopyData,
        stop: threading.Event,
    ) -> OperationOutcome:
        """The first pass while it runs; the second one, after its stop, only what changed since
        then."""
        copying = self._engine.copying
        first = self._first_passes.pop(operation.source, None)
        try:
            if operation.part is CopyPart.REST and first is not None:
                copied = copying.again(first, stop=stop)
            else:
                layer = copying.layer(
                    operation.source,
                    operation.paths,
                    stop=stop,
                )
                copied = layer.copied
                if operation.part is CopyPart.AHEAD:
                    self._first_passes[operation.source] = layer
        except KeyboardInterrupt:
            raise Cancelled("It was interrupted.") from None
        if operation.part is not CopyPart.AHEAD:
            copying.leave(operation.source)
        done = replace(operation, states=copied.states)
        return OperationOutcome(
            done, remark=f"{plural(copied.files, 'file')}, {copied.size / 1e6:.1f} MB"
        )

    # --- undo -------------------------------------------------------------------------------------

    def _as_before(
        self,
        operation: NoteContainer,
        entry: JournalEntry,
    ) -> None:
        """The service runs again before anything about its name is reported. What answers in a
        network that it shares with containers that are started after it is judged with the last of
        them."""
        now = self._settled(operation.id)
        paused = (now.get("State") or {}).get("Paused")
        if operation.running and not paused and not is_running(now):
            self._end_half_started(now)
            start_original(self._engine, operation.id, self._files)
        notes = [noted for noted in entry.operations if isinstance(noted, NoteContainer)]
        later = notes[: notes.index(operation)] if operation in notes else []
        if operation.running and not paused and not self._shares_network(now, later):
            self._refuse_silent(operation)
        for before in () if later else notes[1:]:
            if before.running and self._shares_network(self._containers.inspect(before.id), notes):
                self._refuse_silent(before)
        name = str(now.get("Name"))
        if name != operation.name:
            raise ChangeFailed(
                f"The original is now called {visible(name, 80)}, not {visible(operation.name, 80)}."
            )

    def _shares_network(
        self,
        container: Mapping[str, Any],
        others: Iterable[NoteContainer],
    ) -> bool:
        """Whether one of these has its network, or the same as it."""
        own = network_of(container)
        documents = (self._containers.inspect(other.id) for other in others)
        return any(
            network_of(other) == own for other in documents if other["Id"] != container["Id"]
        )

    def _refuse_silent(self, noted: NoteContainer) -> None:
        """Raises NotAnswering if it does not answer as it did before the change."""
        now = self._containers.inspect(noted.id)
        name = visible(noted.name, 80)
        if not is_running(now):
            raise OriginalDown(f"{name} was started, but does not stay.")
        if missing := set(noted.listening) - self._listening(now):
            raise NotAnswering(
                f"{name} runs, but does not listen on {', '.join(sorted(missing))} yet."
            )
        for place in noted.answering:
            address, _, port = place.rpartition(":")
            if self._answers(address, int(port)) is False:
                if self._engine.drop_stale_forwards(now) and self._answers(address, int(port)):
                    continue
                raise NotAnswering(f"{name} runs, but {place} does not answer as it did before.")

    def _holds_newer(
        self,
        volume: CreateVolume,
        entry: JournalEntry,
    ) -> bool:
        """Whether something was, or may have been, written to a volume since it was filled."""
        begun = entry.operations[: entry.begun]
        if not any(isinstance(operation, StartContainer) for operation in begun):
            return False
        filled = {
            name: state
            for operation in begun
            if isinstance(operation, CopyData)
            for (_, name), state in zip(operation.paths, operation.states, strict=False)
        }
        if not self._engine.copying.possible or not self._engine.volumes.exists(volume.name):
            return True
        original = next(
            (noted.id for noted in begun if isinstance(noted, NoteContainer)), volume.source
        )
        image = str(self._containers.inspect(original)["Image"])
        return self._engine.copying.state(volume.name, image) != filled.get(volume.name, nothing())

    def _still_answers(
        self,
        noted: NoteContainer,
        *,
        alone: bool,
    ) -> None:
        """Whether it does when all else is removed. What stays silent is started again, once: that
        gives its ports new rules in the firewall; but not one whose namespaces others may share."""
        try:
            self._refuse_silent(noted)
        except NotAnswering:
            if alone and noted.id not in self._started_again:
                self._started_again.add(noted.id)
                timeout = stop_timeout(self._containers.inspect(noted.id))
                self._containers.restart(noted.id, timeout=min(timeout, _STOP_LIMIT))
            raise

    def _settled(self, identity: str) -> Mapping[str, Any]:
        """The container, once it is no longer stopping: a stop continues after its caller is gone."""
        now = self._containers.inspect(identity)
        end = monotonic() + min(stop_timeout(now), _STOP_LIMIT) + STILL_TAKEN
        while str((now.get("State") or {}).get("Status")) == "stopping" and monotonic() < end:
            sleep(_RETRY)
            now = self._containers.inspect(identity)
        return now

    def _limits_before(self, operation: UpdateContainer) -> None:
        if limits := limits_back(operation):
            self._containers.set_limits(operation.id, limits)
        if any(word.startswith("--restart=") for word in operation.arguments):
            self._containers.update(
                operation.id,
                (f"--restart={operation.before.restart}",),
            )
        if any(word.startswith("--health-cmd=") for word in operation.arguments):
            # after --no-healthcheck, Podman 5.4 refuses every later update of the container
            self._containers.update(operation.id, ("--health-cmd=none",))

    def _stop_successor(
        self,
        name: str,
        entry: JournalEntry,
    ) -> None:
        creations = [
            operation for operation in entry.operations if isinstance(operation, CreateContainer)
        ]
        at = next(
            (at for at, creation in enumerate(creations) if creation.name == name),
            None,
        )
        successor = self._successor(creations[at], entry) if at is not None else None
        if successor is None:
            return
        self._end_half_started(successor)
        if _never_ran(successor):
            # Podman may have been killed while it started it. It forwards its ports, and would take
            # the rules for those of the original along if it were removed later. Those that refer
            # to it go first.
            for creation in reversed(creations[at:]):
                self._remove(creation, entry)
        elif _holds_ports(successor):
            self._containers.stop(
                str(successor["Id"]), timeout=min(stop_timeout(successor), _STOP_LIMIT)
            )

    def _end_half_started(self, container: Mapping[str, Any]) -> None:
        if not is_running(container):
            self._engine.end_half_started(str(container["Id"]))

    def _set_aside(
        self,
        operation: CreateContainer,
        entry: JournalEntry,
    ) -> None:
        """The successor gives its name away; it is removed once the original runs."""
        successor = self._successor(operation, entry)
        if successor is not None and str(successor.get("Name")) != (
            name := _name_aside(operation, entry)
        ):
            self._containers.rename(str(successor["Id"]), name)

    def _take_up_again(
        self,
        operation: CreateContainer,
        entry: JournalEntry,
    ) -> OperationOutcome:
        """The successor gets its name back; created again if it was removed when it stopped
        (`--rm`)."""
        successor = self._successor(operation, entry)
        if successor is None:
            return self._create(operation)
        if str(successor.get("Name")) != operation.name:
            self._containers.rename(str(successor["Id"]), operation.name)
        return NOTHING

    def _remove(
        self,
        operation: CreateContainer,
        entry: JournalEntry,
    ) -> None:
        """Remove the successor; its volumes are the original's, or hold newer data."""
        successor = self._successor(operation, entry)
        if successor is not None:
            self._containers.remove(
                str(successor["Id"]),
                force=True,
                volumes=False,
            )

    def _successor(
        self,
        operation: CreateContainer,
        entry: JournalEntry,
    ) -> Mapping[str, Any] | None:
        """The created container; None if it does not exist (any more)."""
        if operation.created:
            with suppress(NotFound):
                return self._containers.inspect(operation.created)
            return None
        for name in (operation.name, _name_aside(operation, entry)):
            with suppress(NotFound):
                container = self._containers.inspect(name)
                original = str(container.get("Id")) == operation.original
                if (
                    not original
                    and container.get("Name") == name
                    and is_made_by(operation, container)
                ):
                    return container
        return None

    def _name(self, identity: str) -> str:
        return str(self._containers.inspect(identity).get("Name"))

    def _restart_policy(self, identity: str) -> str:
        return restart_policy(self._containers.inspect(identity))


def start_original(
    engine: ChangingEngine,
    container: str,
    files: Files | None,
) -> None:
    """Start what ran before a change.

    Args:
        files: of the engine's machine, if it is this one.

    Raises:
        OriginalDown: it does not start; says who has its port.
    """
    try:
        engine.containers.start(container)
    except PortTaken as error:
        port = _PORT.search(error.title)
        holder = (
            who_listens(
                files,
                engine.service,
                int(next(filter(None, port.groups()))),
            )
            if files and port
            else ""
        )
        who = f" ({holder})" if holder else ""
        raise OriginalDown(
            f"{error.title.rstrip('.')}{who}.",
            error.hint,
            passing=True,
        ) from error
    except ChangeFailed as error:
        passing = isinstance(error, ChangeTimedOut)
        raise OriginalDown(error.title, error.hint, passing=passing) from error


def start_with_patience(
    containers: ContainerControl,
    container: str,
    seconds: float,
    stop: threading.Event,
) -> None:
    """Start a container; a port still held by a killed one is soon free.

    Raises:
        ChangeFailed: it does not start.
        Cancelled: `stop` was set.
    """
    end = monotonic() + seconds
    while True:
        try:
            containers.start(container)
            return
        except PortTaken:
            if monotonic() > end:
                raise
        raise_if_stopped(stop)
        stop.wait(_RETRY)


def _name_aside(operation: CreateContainer, entry: JournalEntry) -> str:
    """The name of the successor while the original comes back."""
    return f"{operation.name}-hardened-{entry.id.rpartition('-')[2]}"


def _has_stand_in(entry: JournalEntry) -> bool:
    return any(isinstance(operation, CreateStandIn) for operation in entry.operations)


def limits_back(operation: UpdateContainer) -> dict[str, Any]:
    """The update that restores the former limits.

    No limit is -1, never 0: with cgroups v2 a memory limit of 0 kills the container. Podman then
    shows -1 where it showed 0 before.
    """
    flags, before = {word.partition("=")[0] for word in operation.arguments}, operation.before
    limits: dict[str, Any] = {}
    if flags & {"--memory", "--memory-swap", "--memory-reservation"}:
        limits["memory"] = {
            "limit": before.memory or -1,
            "swap": before.memory_swap or -1,
        }
        if "--memory-reservation" in flags:
            limits["memory"]["reservation"] = before.memory_reservation or -1
    if flags & {"--cpus", "--cpu-quota", "--cpu-period"}:
        limits["cpu"] = {"quota": before.cpu_quota or -1}
        if before.cpu_period:
            limits["cpu"]["period"] = before.cpu_period
    if "--cpu-shares" in flags:
        limits.setdefault("cpu", {})["shares"] = before.cpu_shares or _DEFAULT_SHARES
    if "--pids-limit" in flags:
        limits["pids"] = {"limit": before.pids or -1}
    return limits


def network_of(inspect: Mapping[str, Any]) -> str:
    """The container whose network it has, by ID: its own, that of its pod, or another one."""
    mode = str((inspect.get("HostConfig") or {}).get("NetworkMode") or "")
    return mode.removeprefix("container:") if mode.startswith("container:") else str(inspect["Id"])


def restart_policy(inspect: Mapping[str, Any]) -> str:
    """The restart policy as `podman update --restart` takes it."""
    policy = (inspect.get("HostConfig") or {}).get("RestartPolicy") or {}
    name, retries = str(policy.get("Name") or "no"), int(policy.get("MaximumRetryCount") or 0)
    return f"{name}:{retries}" if name == "on-failure" and retries else name


def _never_ran(inspect: Mapping[str, Any]) -> bool:
    return str((inspect.get("State") or {}).get("Status")) in ("created", "configured")


def _holds_ports(inspect: Mapping[str, Any]) -> bool:
    """Also one that is only prepared, because Podman was killed while it started it."""
    return str((inspect.get("State") or {}).get("Status")) != "exited"


# Whether an original still exists and can get its name back.


def no_way_back(
    containers: ContainerControl,
    why: str,
    entry: JournalEntry,
) -> NoWayBack:
    """The error: what is missing, what exists instead, and how to close the entry.

    Args:
        why: what is missing, without a full stop.
    """
    name = visible(entry.container, 80)
    try:
        runs = is_running(containers.inspect(entry.container))
        rest = (
            f"{name} keeps running with the change"
            if runs
            else f"{name} with the change is there, stopped"
        )
    except NotFound:
        rest = f"no container is called {name} any more"
    return NoWayBack(
        f"{why}, so there is nothing to go back to; {rest}.",
        ("To close the entry: ", Do(Verb.FORGET, entry.id)),
    )


def refuse_lost_original(
    containers: ContainerControl,
    noted: NoteContainer,
    entry: JournalEntry,
) -> None:
    """Raises NoWayBack if the original of a replaced container was removed (`podman container
    prune`)."""
    if not containers.exists(noted.id):
        kept = next(
            (kept for kept, name in entry.originals.items() if name == noted.name),
            "",
        )
        told = f" ({visible(kept, 80)})" if kept else ""
        raise no_way_back(
            containers, f"The original of {visible(noted.name, 80)}{told} was removed", entry
        )


def refuse_taken_name(
    containers: ContainerControl,
    name: str,
    ours: Collection[str],
    entry: JournalEntry,
) -> None:
    """Raises UsageError if a container not created by this change has the original's name."""
    with suppress(NotFound):
        holder = containers.inspect(name)
        if str(holder.get("Name")) != name or str(holder.get("Id")) in ours:
            return
        made = (
            operation for operation in entry.operations if isinstance(operation, CreateContainer)
        )
        if not any(is_made_by(operation, holder) for operation in made):
            raise UsageError(
                f"Another container is called {visible(name, 80)} now; it was left alone.",
                (
                    "Rename or remove it, then run: ",
                    Do(Verb.UNDO, entry.id),
                    "\nTo keep it and close the entry: ",
                    Do(Verb.FORGET, entry.id),
                ),
            )


def is_made_by(
    operation: CreateContainer | StartSubstitute,
    container: Mapping[str, Any],
) -> bool:
    """Whether a container is the successor: by its id or, if a crash lost that, by the requested
    command."""
    if operation.created:
        return operation.created == str(container.get("Id"))
    command = tuple((container.get("Config") or {}).get("CreateCommand") or ())
    return command[-len(operation.arguments) :] == operation.arguments
