"""Containers that a change replaces or updates, and how the original is restored.

The original is identified by its ID throughout; its successor by the ID that Podman returned or, if
a crash lost it, by the original's former name and the exact command that was requested.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

from msgspec.structs import replace

from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import ChangeFailed, NotFound
from hardentui.features.change.data_operator import written_in_layer
from hardentui.features.change.file_operator import (
    NOTHING,
    NotAnswering,
    OperationOutcome,
    Operator,
    OriginalDown,
)
from hardentui.features.change.originals import (
    RETRY,
    is_made_by,
    name_aside,
    refuse_lost_original,
    refuse_taken_name,
    start_original,
    start_with_patience,
)
from hardentui.features.change.wait import (
    answers,
    is_running,
    pid_of,
    published,
    read_ports,
    stop_timeout,
)
from hardentui.host.commands import run_program
from hardentui.host.files import Files
from hardentui.model.journal import JournalEntry
from hardentui.model.known import Unread
from hardentui.model.ledger import Home, NewerData
from hardentui.model.operations import (
    CreateContainer,
    CreateNetwork,
    NoteContainer,
    Operation,
    RenameContainer,
    SetRestart,
    StartContainer,
    StopContainer,
    UpdateContainer,
)
from hardentui.visible import visible

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
        CreateContainer,
        StopContainer,
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
            case CreateContainer():
                return self._create(operation)
            case StopContainer():
                self._containers.stop(
                    operation.id,
                    timeout=min(operation.seconds, _STOP_LIMIT),
                )
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
        if isinstance(operation, NoteContainer) and noted and not entry.has_stand_in:
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
            case NoteContainer() | RenameContainer() if entry.has_stand_in:
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
            case CreateNetwork() | StopContainer():
                pass  # the original starts last
            case _:
                raise AssertionError(operation)

    def clear(
        self,
        operation: Operation,
        entry: JournalEntry,
    ) -> tuple[NewerData, ...]:
        match operation:
            case CreateNetwork():
                if not operation.existed and self._engine.networks.exists(operation.name):
                    with suppress(ChangeFailed):  # another container uses it now
                        self._engine.networks.remove(operation.name)
            case CreateContainer():
                return self._remove_unless_newer(operation, entry)
            case NoteContainer() if operation.running and not entry.has_stand_in:
                self._still_answers(operation, alone=len(entry.containers) == 1)
            case _:
                pass
        return ()

    def redo(
        self,
        operation: Operation,
        entry: JournalEntry,
    ) -> OperationOutcome:
        match operation:
            case RenameContainer() if not entry.has_stand_in:
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
            sleep(RETRY)
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
            name := name_aside(operation, entry)
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

    def _remove_unless_newer(
        self,
        operation: CreateContainer,
        entry: JournalEntry,
    ) -> tuple[NewerData, ...]:
        """Remove the successor; it stays, stopped, if its own layer holds data: nothing else has
        that."""
        successor = self._successor(operation, entry)
        if successor is None:
            return ()
        identity, name = str(successor["Id"]), str(successor.get("Name"))
        left = {row.path for row in entry.ledger if row.after is Home.LAYER}
        written = () if _never_ran(successor) else written_in_layer(self._engine, successor, left)
        if not written:
            self._remove(operation, entry)
            return ()
        with suppress(ChangeFailed):  # else it would start at boot, where podman-restart runs
            self._containers.update(identity, ("--restart=no",))
        return tuple(
            NewerData(
                container=operation.name,
                path=directory,
                home=Home.LAYER,
                source=name,
            )
            for directory in written
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
        for name in (operation.name, name_aside(operation, entry)):
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
