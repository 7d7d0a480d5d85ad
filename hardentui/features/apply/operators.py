"""The objects that carry out and undo the operations of a journal entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.connection import Listener
from hardentui.engine.read import Engine
from hardentui.errors import (
    NoEngine,
)
from hardentui.features.change.change_lock import (
    held_on_engine,
)
from hardentui.features.change.container_operators import container_operators
from hardentui.features.change.data_operator import (
    CopyOperator,
    OwnersOperator,
    VolumeOperator,
)
from hardentui.features.change.file_operator import FileOperator
from hardentui.features.change.journal import PRIVATE, engine_address
from hardentui.features.change.operator import AnyOperator
from hardentui.features.change.service_operator import Prove, judging_operators
from hardentui.features.change.stand_in import StandInOperator
from hardentui.features.change.substitute import EndSubstituteOperator, SubstituteOperator
from hardentui.features.change.unit_operators import unit_operators
from hardentui.features.opening.engines import open_engines
from hardentui.features.opening.opened import Opened
from hardentui.features.views import Selection
from hardentui.host.files import Files
from hardentui.model.facts import EngineFacts
from hardentui.model.journal import (
    JournalEntry,
    JournalProof,
)
from hardentui.model.known import Unread, known


def address_of(opened: Opened, facts: EngineFacts) -> str:
    """How the journal identifies an engine, so that a later process finds it."""
    return engine_address(facts.url, private=opened.private_service)


@contextmanager
def operators_on(
    engine: Engine,
    files: Files | None,
    prove: Prove,
    listener: Listener,
    containers: Iterable[str],
) -> Iterator[tuple[AnyOperator, ...]]:
    """Everything that changes containers and their surroundings; no other account changes them
    meanwhile.

    Raises:
        Locked: another account does.
    """
    changing = ChangingEngine(engine, listener)
    try:
        substitutes = SubstituteOperator(changing, files)
        with ExitStack() as held:
            for container in containers:
                held.enter_context(held_on_engine(_run_root(engine), container))
            yield (
                FileOperator(),
                *unit_operators(),
                *container_operators(changing, files),
                VolumeOperator(changing),
                CopyOperator(changing),
                OwnersOperator(changing),
                StandInOperator(changing, files),
                substitutes,
                EndSubstituteOperator(substitutes),
                *judging_operators(changing.containers, files, prove),
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
def operators_of(entry: JournalEntry) -> Iterator[tuple[AnyOperator, ...]]:
    """The operators that undo an entry. Connects to Podman only if a container was changed.

    Raises:
        NoEngine: it cannot be reached.
    """
    without_podman = (FileOperator(), *unit_operators(), *judging_operators(None, None, _no_proof))
    if {type(operation) for operation in entry.operations} <= {
        each.kind for each in without_podman
    }:
        yield without_podman
        return
    opened = open_engines(Selection(url="" if entry.engine == PRIVATE else entry.engine))
    try:
        if opened.simulated:
            raise NoEngine(
                f"The Podman of {entry.container} cannot be reached.", "It is needed to undo this."
            )
        engine = opened.engines[0]
        files = opened.files if engine.facts.local else None
        with operators_on(
            engine,
            files,
            _no_proof,
            opened.log,
            entry.containers,
        ) as operators:
            yield operators
    finally:
        for engine in opened.engines:
            engine.close()


def _no_proof(
    name: str,
    checks: Sequence[str],
) -> tuple[JournalProof, ...]:
    return ()
