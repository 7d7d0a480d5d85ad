"""The stand-in of an original that Podman removes when it stops (`--rm`).

It has all options of the original and holds its volumes, so that Podman removes none of them. It is
never started unless the change is undone after the original is gone; then it takes over its name.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

from msgspec.structs import replace

from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import (
    ChangeFailed,
    NotFound,
)
from hardentui.features.change.data_operator import give_back
from hardentui.features.change.inspected import is_running
from hardentui.features.change.operator import (
    NOTHING,
    OperationOutcome,
    Operator,
)
from hardentui.features.change.originals import no_way_back, refuse_taken_name, start_original
from hardentui.host.files import Files
from hardentui.model.journal import JournalEntry
from hardentui.model.operations import CreateStandIn
from hardentui.visible import visible

_LOOK_AGAIN = 0.3


_GOES = 10.0  # seconds that Podman may take to remove a stopped container


class StandInOperator(Operator[CreateStandIn]):
    """Creates the stand-in, and replaces its original with it."""

    kind = CreateStandIn

    def __init__(
        self,
        engine: ChangingEngine,
        files: Files | None = None,
    ) -> None:
        self._engine = engine
        self._files = files
        self._containers = engine.containers

    def do(
        self,
        operation: CreateStandIn,
        stop: threading.Event,
    ) -> OperationOutcome:
        created = self._containers.create_by_command(operation.arguments)
        return OperationOutcome(replace(operation, created=created))

    def refuse_undo(
        self,
        operation: CreateStandIn,
        entry: JournalEntry,
    ) -> None:
        if not entry.has_begun_after(operation) or self._containers.exists(operation.original):
            return
        stand_in = self._stand_in(operation)
        if stand_in is None:
            raise no_way_back(
                self._containers,
                _both_gone(operation),
                entry,
            )
        refuse_taken_name(
            self._containers,
            operation.original_name,
            {operation.original, str(stand_in["Id"])},
            entry,
        )

    def undo(
        self,
        operation: CreateStandIn,
        entry: JournalEntry,
    ) -> None:
        original = self._survivor(operation)
        stand_in = self._stand_in(operation)
        if original is not None:
            if str(original.get("Name")) != operation.original_name:
                self._containers.rename(operation.original, operation.original_name)
            if stand_in is not None:
                self._containers.remove(
                    str(stand_in["Id"]),
                    force=True,
                    volumes=False,
                )
            return
        if stand_in is None:
            raise ChangeFailed(f"{_both_gone(operation)}.")
        identity = str(stand_in["Id"])
        if str(stand_in.get("Name")) != operation.original_name:
            self._containers.rename(identity, operation.original_name)
        if not is_running(stand_in):
            for data in entry.brings_back:
                give_back(
                    self._engine,
                    data,
                    entry,
                    into=identity,
                )
            start_original(self._engine, identity, self._files)

    def redo(
        self,
        operation: CreateStandIn,
        entry: JournalEntry,
    ) -> OperationOutcome:
        stand_in = self._stand_in(operation)
        if stand_in is not None and str(stand_in.get("Name")) != operation.name:
            self._containers.rename(str(stand_in["Id"]), operation.name)
        return NOTHING

    def remove(self, operation: CreateStandIn) -> None:
        """Permanently remove the stand-in unless it is in use; its volumes stay.

        Raises:
            ChangeFailed: it is running, or has another name by now.
        """
        stand_in = self._stand_in(operation)
        if stand_in is None:
            return
        if is_running(stand_in) or str(stand_in.get("Name")) != operation.name:
            raise ChangeFailed(f"{visible(operation.name, 80)} is in use; it was not removed.")
        self._containers.remove(str(stand_in["Id"]), volumes=False)

    def _survivor(
        self,
        operation: CreateStandIn,
    ) -> Mapping[str, Any] | None:
        """The original, if it keeps running; None if it has stopped, after which it is removed."""
        end = monotonic() + operation.seconds + _GOES
        while True:
            try:
                now = self._containers.inspect(operation.original)
            except NotFound:
                return None
            state = now.get("State") or {}
            if state.get("Running") and state.get("Status") not in ("stopping", "removing"):
                return now
            if monotonic() > end:
                break
            sleep(_LOOK_AGAIN)
        with suppress(NotFound):  # it has stopped, and Podman did not remove it
            self._containers.remove(
                operation.original,
                force=True,
                volumes=False,
            )
        return None

    def _stand_in(
        self,
        operation: CreateStandIn,
    ) -> Mapping[str, Any] | None:
        """By its ID; if a crash lost that, by its name and the exact command that was requested."""
        with suppress(NotFound):
            container = self._containers.inspect(operation.created or operation.name)
            command = tuple((container.get("Config") or {}).get("CreateCommand") or ())
            if operation.created or command[-len(operation.arguments) :] == operation.arguments:
                return container
        return None


def _both_gone(operation: CreateStandIn) -> str:
    return (
        f"{visible(operation.original_name, 80)} was removed by Podman when it stopped (--rm), and "
        f"{visible(operation.name, 80)}, which was to take its place, is gone too"
    )
