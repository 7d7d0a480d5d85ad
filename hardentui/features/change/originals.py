"""Originals and successors of a change: whether one can come back, start, or is ours."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

from hardentui.do import Do, Verb
from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.change.containers import ContainerControl
from hardentui.errors import (
    ChangeFailed,
    ChangeTimedOut,
    NotFound,
    NoWayBack,
    PortTaken,
    UsageError,
)
from hardentui.features.change.inspected import is_running
from hardentui.features.change.operator import OriginalDown, raise_if_stopped
from hardentui.features.change.reached_ports import who_listens
from hardentui.host.files import Files
from hardentui.model.journal import JournalEntry
from hardentui.model.operations import CreateContainer, NoteContainer, StartSubstitute
from hardentui.visible import visible

_PORT = re.compile(r":(\d{1,5}): bind|bind port (\d{1,5})|:(\d{1,5}): address")
RETRY = 0.5
"""Seconds between two attempts to start what something else hinders."""


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
        stop.wait(RETRY)


def name_aside(operation: CreateContainer, entry: JournalEntry) -> str:
    """The name of the successor while the original comes back."""
    return f"{operation.name}-hardened-{entry.id.rpartition('-')[2]}"


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
