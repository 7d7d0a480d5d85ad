"""Whether an original is still there to go back to, and may have its name again."""

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
    """The error: what is gone, what there is instead, and how the entry is closed.

    Args:
        why: what is gone, without a full stop.
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
    """Raises NoWayBack where the original of a replaced container was removed (`podman container prune`)."""
    if not containers.exists(identity):
        kept = f" ({visible(entry.original, 80)})" if entry.original else ""
        raise no_way_back(
            containers, f"The original of {visible(entry.container, 80)}{kept} was removed", entry
        )


def refuse_taken_name(
    containers: ContainerControl, name: str, ours: Collection[str], entry: JournalEntry
) -> None:
    """Raises UsageError where a container has the name of the original that this change has not made."""
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
    """Whether a container is the successor: by its id; where a crash hid that, by the command asked for."""
    if operation.created:
        return operation.created == str(container.get("Id"))
    command = tuple((container.get("Config") or {}).get("CreateCommand") or ())
    return command[-len(operation.arguments) :] == operation.arguments
