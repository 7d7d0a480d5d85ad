"""A container as it was before a change, and as it has to be again after the way back.

It is identified by its ID throughout.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from time import monotonic, sleep
from typing import Any

from msgspec.structs import replace

from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import ChangeFailed, NotFound
from hardentui.features.change.container_state import network_of
from hardentui.features.change.inspected import is_running, pid_of, stop_timeout
from hardentui.features.change.operator import (
    NotAnswering,
    OperationOutcome,
    Operator,
    OriginalDown,
)
from hardentui.features.change.originals import (
    RETRY,
    refuse_lost_original,
    refuse_taken_name,
    start_original,
)
from hardentui.features.change.reached_ports import answers, published, read_ports
from hardentui.features.change.successor import LONGEST_STOP, end_half_started
from hardentui.host.commands import run_program
from hardentui.host.files import Files
from hardentui.model.journal import JournalEntry
from hardentui.model.known import Unread
from hardentui.model.ledger import NewerData
from hardentui.model.operations import NoteContainer
from hardentui.visible import visible

STILL_TAKEN = 20.0  # seconds to wait for the ports of a killed successor


class NoteOperator(Operator[NoteContainer]):
    """Notes what runs and answers, and brings it back.

    Args:
        files: of the engine's machine, if it is this one.
    """

    kind = NoteContainer

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
        operation: NoteContainer,
        stop: threading.Event,
    ) -> OperationOutcome:
        return OperationOutcome(self._noted(operation))

    def refuse_undo(
        self,
        operation: NoteContainer,
        entry: JournalEntry,
    ) -> None:
        if entry.has_begun_after(operation) and not entry.has_stand_in:
            refuse_lost_original(self._containers, operation, entry)
            refuse_taken_name(
                self._containers,
                operation.name,
                {operation.id},
                entry,
            )

    def undo(
        self,
        operation: NoteContainer,
        entry: JournalEntry,
    ) -> None:
        """Nothing with a stand-in, which does it: the original may be gone."""
        if not entry.has_stand_in and entry.has_begun_after(operation):
            self._as_before(operation, entry)

    def clear(
        self,
        operation: NoteContainer,
        entry: JournalEntry,
    ) -> tuple[NewerData, ...]:
        if operation.running and not entry.has_stand_in:
            self._still_answers(operation, alone=len(entry.containers) == 1)
        return ()

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
            end_half_started(self._engine, now)
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
                self._containers.restart(noted.id, timeout=min(timeout, LONGEST_STOP))
            raise

    def _settled(self, identity: str) -> Mapping[str, Any]:
        """The container, once it is no longer stopping: a stop continues after its caller is gone."""
        now = self._containers.inspect(identity)
        end = monotonic() + min(stop_timeout(now), LONGEST_STOP) + STILL_TAKEN
        while str((now.get("State") or {}).get("Status")) == "stopping" and monotonic() < end:
            sleep(RETRY)
            now = self._containers.inspect(identity)
        return now
