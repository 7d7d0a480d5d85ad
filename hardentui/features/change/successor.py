"""The container that takes the place of an original: found, set aside, taken up again, removed.

It is identified by the ID that Podman returned or, if a crash lost it, by the original's former
name and the exact command that was requested.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import ChangeFailed, NotFound
from hardentui.features.change.container_state import holds_ports, never_ran
from hardentui.features.change.data_operator import written_in_layer
from hardentui.features.change.inspected import is_running, stop_timeout
from hardentui.features.change.operator import NOTHING, OperationOutcome
from hardentui.features.change.originals import is_made_by, name_aside
from hardentui.model.journal import JournalEntry
from hardentui.model.ledger import Home, NewerData
from hardentui.model.operations import CreateContainer

LONGEST_STOP = 600  # seconds that a container gets to stop, whatever it asks for


class Successors:
    """The successors of one engine."""

    def __init__(self, engine: ChangingEngine) -> None:
        self._engine = engine
        self._containers = engine.containers

    def create(self, operation: CreateContainer) -> OperationOutcome:
        created = self._containers.create_by_command(operation.arguments)
        return OperationOutcome(replace(operation, created=created))

    def set_aside(
        self,
        operation: CreateContainer,
        entry: JournalEntry,
    ) -> None:
        """The successor gives its name away; it is removed once the original runs."""
        successor = self._found(operation, entry)
        if successor is not None and str(successor.get("Name")) != (
            name := name_aside(operation, entry)
        ):
            self._containers.rename(str(successor["Id"]), name)

    def take_up_again(
        self,
        operation: CreateContainer,
        entry: JournalEntry,
    ) -> OperationOutcome:
        """The successor gets its name back; created again if it was removed when it stopped
        (`--rm`)."""
        successor = self._found(operation, entry)
        if successor is None:
            return self.create(operation)
        if str(successor.get("Name")) != operation.name:
            self._containers.rename(str(successor["Id"]), operation.name)
        return NOTHING

    def _remove(
        self,
        operation: CreateContainer,
        entry: JournalEntry,
    ) -> None:
        """Remove the successor; its volumes are the original's, or hold newer data."""
        successor = self._found(operation, entry)
        if successor is not None:
            self._containers.remove(
                str(successor["Id"]),
                force=True,
                volumes=False,
            )

    def remove_unless_newer(
        self,
        operation: CreateContainer,
        entry: JournalEntry,
    ) -> tuple[NewerData, ...]:
        """Remove the successor; it stays, stopped, if its own layer holds data: nothing else has
        that."""
        successor = self._found(operation, entry)
        if successor is None:
            return ()
        identity, name = str(successor["Id"]), str(successor.get("Name"))
        left = {row.path for row in entry.ledger if row.after is Home.LAYER}
        written = () if never_ran(successor) else written_in_layer(self._engine, successor, left)
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

    def stop(
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
        successor = self._found(creations[at], entry) if at is not None else None
        if successor is None:
            return
        end_half_started(self._engine, successor)
        if never_ran(successor):
            # Podman may have been killed while it started it. It forwards its ports, and would take
            # the rules for those of the original along if it were removed later. Those that refer
            # to it go first.
            for creation in reversed(creations[at:]):
                self._remove(creation, entry)
        elif holds_ports(successor):
            self._containers.stop(
                str(successor["Id"]), timeout=min(stop_timeout(successor), LONGEST_STOP)
            )

    def _found(
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


def end_half_started(engine: ChangingEngine, container: Mapping[str, Any]) -> None:
    """End what Podman had begun to start when it was killed."""
    if not is_running(container):
        engine.end_half_started(str(container["Id"]))
