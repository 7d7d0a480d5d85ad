"""Why a change of a container cannot begin: another one is unfinished, or came first."""

from __future__ import annotations

from hardentui.do import Do, Verb
from hardentui.engine.read import Engine
from hardentui.errors import NotFound, UsageError
from hardentui.features.change.change_lock import refuse_locked
from hardentui.features.change.inspected import is_running
from hardentui.features.change.journal import Journal
from hardentui.model.facts import ContainerFacts
from hardentui.model.journal import EntryState
from hardentui.visible import visible


def refuse_unfinished(
    journal: Journal,
    name: str,
    address: str,
) -> None:
    """Raises UsageError if a change of a container is unfinished, or it is a kept original.

    Args:
        address: of its engine, as the journal has it.
    """
    for entry in journal.entries():
        if name in entry.originals and entry.engine == address:
            # else it is being replaced right now, and the lock reports by whom
            refuse_locked(
                journal,
                entry.containers,
                entry.engine,
            )
            kept, of = visible(name, 80), visible(entry.originals[name], 80)
            raise UsageError(
                f"{kept} is the kept original of {of}.",
                (
                    "To change it: ",
                    Do(Verb.UNDO, entry.id),
                    ", or ",
                    Do(Verb.FORGET, entry.id),
                    ".",
                ),
            )
        same = name in entry.containers and entry.engine == address
        if same and entry.unfinished:
            waits = entry.state is EntryState.WAITING
            what = "is waiting for confirmation" if waits else "was interrupted"
            way_out = (Do(Verb.CONFIRM, entry.id), ", or ") if waits else ()
            raise UsageError(
                f"An earlier change of {visible(name, 80)} {what}: {entry.id}.",
                ("First: ", *way_out, Do(Verb.UNDO, entry.id)),
            )


def refuse_other_container(facts: ContainerFacts, engine: Engine) -> None:
    """Raises UsageError if it was replaced between reading it and taking the lock."""
    try:
        now = engine.inspect(facts.id)
    except NotFound:
        now = {}
    if now.get("Name") != facts.name or is_running(now) != facts.running:
        raise UsageError(
            f"{visible(facts.name, 80)} has just changed; nothing was done.",
            "Check it again: another change may have come first.",
        )
