"""What a change does to containers and networks: one class for each operation."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import ChangeFailed, NotFound
from hardentui.features.change.container_state import restart_policy
from hardentui.features.change.noted_container import STILL_TAKEN, NoteOperator
from hardentui.features.change.operator import (
    NOTHING,
    AnyOperator,
    Handled,
    OperationOutcome,
    Operator,
)
from hardentui.features.change.originals import refuse_taken_name, start_with_patience
from hardentui.features.change.successor import LONGEST_STOP, Successors
from hardentui.host.files import Files
from hardentui.model.journal import JournalEntry
from hardentui.model.ledger import NewerData
from hardentui.model.operations import (
    CreateContainer,
    CreateNetwork,
    RenameContainer,
    SetRestart,
    StartContainer,
    StopContainer,
    UpdateContainer,
)

_DEFAULT_SHARES = 1024  # the kernel's weight of a group without one


def container_operators(
    engine: ChangingEngine,
    files: Files | None,
) -> tuple[AnyOperator, ...]:
    """All that change containers of one engine, the first one notes them.

    Args:
        files: of the engine's machine, if it is this one.
    """
    return (
        NoteOperator(engine, files),
        *(
            operator(engine)
            for operator in (
                RestartOperator,
                RenameOperator,
                NetworkOperator,
                CreateOperator,
                StopOperator,
                StartOperator,
                UpdateOperator,
            )
        ),
    )


class EngineOperator(Operator[Handled]):
    """Changes something in an engine."""

    def __init__(self, engine: ChangingEngine) -> None:
        self._engine = engine
        self._containers = engine.containers


class RestartOperator(EngineOperator[SetRestart]):
    kind = SetRestart

    def do(self, operation: SetRestart, stop: threading.Event) -> OperationOutcome:
        self._containers.update(operation.id, (f"--restart={operation.after}",))
        return NOTHING

    def undo(self, operation: SetRestart, entry: JournalEntry) -> None:
        self._become(operation, operation.before)

    def redo(self, operation: SetRestart, entry: JournalEntry) -> OperationOutcome:
        self._become(operation, operation.after)
        return NOTHING

    def _become(self, operation: SetRestart, policy: str) -> None:
        if restart_policy(self._containers.inspect(operation.id)) != policy:
            self._containers.update(operation.id, (f"--restart={policy}",))


class RenameOperator(EngineOperator[RenameContainer]):
    """With a stand-in, which takes the name itself, there is no way back: the original may be gone."""

    kind = RenameContainer

    def do(self, operation: RenameContainer, stop: threading.Event) -> OperationOutcome:
        self._containers.rename(operation.id, operation.after)
        return NOTHING

    def undo(self, operation: RenameContainer, entry: JournalEntry) -> None:
        """Also if it has been renamed since."""
        if entry.has_stand_in or self._name(operation) == operation.before:
            return
        refuse_taken_name(
            self._containers,
            operation.before,
            {operation.id},
            entry,
        )
        self._containers.rename(operation.id, operation.before)

    def redo(self, operation: RenameContainer, entry: JournalEntry) -> OperationOutcome:
        if not entry.has_stand_in and self._name(operation) != operation.after:
            self._containers.rename(operation.id, operation.after)
        return NOTHING

    def _name(self, operation: RenameContainer) -> str:
        return str(self._containers.inspect(operation.id).get("Name"))


class NetworkOperator(EngineOperator[CreateNetwork]):
    kind = CreateNetwork

    def do(self, operation: CreateNetwork, stop: threading.Event) -> OperationOutcome:
        if operation.arguments and not operation.existed:
            self._engine.networks.create_by_command(operation.arguments)
        return NOTHING

    def clear(self, operation: CreateNetwork, entry: JournalEntry) -> tuple[NewerData, ...]:
        if not operation.existed and self._engine.networks.exists(operation.name):
            with suppress(ChangeFailed):  # another container uses it now
                self._engine.networks.remove(operation.name)
        return ()


class CreateOperator(EngineOperator[CreateContainer]):
    kind = CreateContainer

    def __init__(self, engine: ChangingEngine) -> None:
        super().__init__(engine)
        self._successors = Successors(engine)

    def do(self, operation: CreateContainer, stop: threading.Event) -> OperationOutcome:
        return self._successors.create(operation)

    def undo(self, operation: CreateContainer, entry: JournalEntry) -> None:
        self._successors.set_aside(operation, entry)

    def clear(self, operation: CreateContainer, entry: JournalEntry) -> tuple[NewerData, ...]:
        return self._successors.remove_unless_newer(operation, entry)

    def redo(self, operation: CreateContainer, entry: JournalEntry) -> OperationOutcome:
        return self._successors.take_up_again(operation, entry)


class StopOperator(EngineOperator[StopContainer]):
    """Its way back is that of the noted original, which starts last."""

    kind = StopContainer

    def do(self, operation: StopContainer, stop: threading.Event) -> OperationOutcome:
        self._containers.stop(
            operation.id,
            timeout=min(operation.seconds, LONGEST_STOP),
        )
        return NOTHING

    def redo(self, operation: StopContainer, entry: JournalEntry) -> OperationOutcome:
        with suppress(NotFound):  # one that Podman removed when it stopped
            self.do(operation, threading.Event())
        return NOTHING


class StartOperator(EngineOperator[StartContainer]):
    kind = StartContainer

    def __init__(self, engine: ChangingEngine) -> None:
        super().__init__(engine)
        self._successors = Successors(engine)

    def do(self, operation: StartContainer, stop: threading.Event) -> OperationOutcome:
        start_with_patience(
            self._containers,
            operation.name,
            operation.seconds,
            stop,
        )
        return NOTHING

    def undo(self, operation: StartContainer, entry: JournalEntry) -> None:
        self._successors.stop(operation.name, entry)

    def redo(self, operation: StartContainer, entry: JournalEntry) -> OperationOutcome:
        start_with_patience(self._containers, operation.name, STILL_TAKEN, threading.Event())
        return NOTHING


class UpdateOperator(EngineOperator[UpdateContainer]):
    kind = UpdateContainer

    def do(self, operation: UpdateContainer, stop: threading.Event) -> OperationOutcome:
        self._containers.update(operation.id, operation.arguments)
        return NOTHING

    def undo(self, operation: UpdateContainer, entry: JournalEntry) -> None:
        with suppress(NotFound):  # a recreated one has the limits of its unit
            self._limits_before(operation)

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
