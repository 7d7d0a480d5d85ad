"""Whether an original still exists and can get its name back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from hardentui.engine.change.containers import ContainerControl
from hardentui.errors import NotFound, NoWayBack, UsageError
from hardentui.model.journal import JournalEntry
from hardentui.model.operations import CreateContainer
from hardentui.visible import visible


def no_way_back(containers: ContainerControl, why: str, entry: JournalEntry) -> NoWayBack:
    """The error: what is missing, what exists instead, and how to close the entry.

    Args:
        why: what is missing, without a full stop.
    """
    name = visible(entry.container, 80)
    try:
        running = (containers.inspect(entry.container).get("State") or {}).get("Running")
        rest = (
            f"{name} keeps running with the change"
            if running
            else f"{name} with the change is there, stopped"
        )
    except NotFound:
        rest = f"no container is called {name} any more"
    return NoWayBack(
        f"{why}, so there is nothing to go back to; {rest}.",
        f"To close the entry: hardentui journal forget {entry.id}",
    )


def refuse_lost_original(containers: ContainerControl, identity: str, entry: JournalEntry) -> None:
    """Raises NoWayBack if the original of a replaced container was removed (`podman container prune`)."""
    if not containers.exists(identity):
        kept = f" ({visible(entry.original, 80)})" if entry.original else ""
        raise no_way_back(
            containers, f"The original of {visible(entry.container, 80)}{kept} was removed", entry
        )


def refuse_taken_name(
    containers: ContainerControl, name: str, ours: Collection[str], entry: JournalEntry
) -> None:
    """Raises UsageError if a container not created by this change has the original's name."""
    with suppress(NotFound):
        holder = containers.inspect(name)
        if str(holder.get("Name")) != name or str(holder.get("Id")) in ours:
            return
        made = (operation for operation in entry.operations if isinstance(operation, CreateContainer))
        if not any(is_made_by(operation, holder) for operation in made):
            raise UsageError(
                f"Another container is called {visible(name, 80)} now; it was left alone.",
                f"Rename or remove it, then run: hardentui undo {entry.id}\nTo keep it and close the entry:"
                f" hardentui journal forget {entry.id}",
            )


def is_made_by(operation: CreateContainer, container: Mapping[str, Any]) -> bool:
    """Whether a container is the successor: by its id or, if a crash lost that, by the requested command."""
    if operation.created:
        return operation.created == str(container.get("Id"))
    command = tuple((container.get("Config") or {}).get("CreateCommand") or ())
    return command[-len(operation.arguments) :] == operation.arguments
