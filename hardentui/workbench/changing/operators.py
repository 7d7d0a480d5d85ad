"""The objects that carry out and undo the operations of a journal entry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hardentui.change.container_operator import ContainerOperator
from hardentui.change.file_operator import FileOperator
from hardentui.change.lock import held_on_engine
from hardentui.change.operator import Operator
from hardentui.change.service_operator import Prove, ServiceOperator
from hardentui.change.stand_in_operator import StandInOperator
from hardentui.change.unit_operator import UnitOperator
from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.connection import Listener
from hardentui.engine.read import Engine
from hardentui.errors import NoEngine
from hardentui.host.files.reader import Files
from hardentui.model.facts import EngineFacts
from hardentui.model.journal import JournalEntry, JournalProof
from hardentui.model.known import Unread, known
from hardentui.workbench.opening.engines import open_engines
from hardentui.workbench.opening.opened import Opened
from hardentui.workbench.views import Selection

PRIVATE = "private"
"""Stands for the address of a service that HardenTUI starts itself: the next one has another address."""


def address_of(opened: Opened, facts: EngineFacts) -> str:
    """How the journal identifies an engine, so that a later process finds it."""
    return PRIVATE if opened.private_service else facts.url


@contextmanager
def operators_on(
    engine: Engine, files: Files | None, prove: Prove, listener: Listener, container: str
) -> Iterator[tuple[Operator, ...]]:
    """Everything that changes a container and its surroundings; no other account changes it meanwhile.

    Raises:
        Locked: another account does.
    """
    changing = ChangingEngine(engine, listener)
    try:
        service = ServiceOperator(changing.containers, files, prove)
        with held_on_engine(_run_root(engine), container):
            yield (
                FileOperator(),
                UnitOperator(),
                ContainerOperator(changing, files),
                StandInOperator(changing, files),
                service,
            )
    finally:
        changing.close()


def _run_root(engine: Engine) -> str:
    """Where a local engine keeps what is gone after a reboot; empty if that is not known."""
    if not engine.facts.local:
        return ""
    info = known(lambda: engine.facts.info)
    if isinstance(info, Unread):
        info = known(lambda: engine.load_info().info)
    store = {} if isinstance(info, Unread) else info.get("store") or {}
    return str(store.get("runRoot") or "")


@contextmanager
def operators_of(entry: JournalEntry) -> Iterator[tuple[Operator, ...]]:
    """The operators that undo an entry. Connects to Podman only if a container was changed.

    Raises:
        NoEngine: it cannot be reached.
    """
    kinds = {type(operation) for operation in entry.operations}
    if not kinds & set(ContainerOperator.kinds):
        yield (FileOperator(), UnitOperator(), ServiceOperator(None, None, _no_proof))
        return
    opened = open_engines(Selection(url="" if entry.engine == PRIVATE else entry.engine))
    try:
        if opened.simulated:
            raise NoEngine(
                f"The Podman of {entry.container} cannot be reached.", "It is needed to undo this."
            )
        engine = opened.engines[0]
        files = opened.files if engine.facts.local else None
        with operators_on(engine, files, _no_proof, opened.log, entry.container) as operators:
            yield operators
    finally:
        for engine in opened.engines:
            engine.close()


def _no_proof(name: str, checks: Sequence[str]) -> tuple[JournalProof, ...]:
    return ()
