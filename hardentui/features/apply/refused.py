"""What real containers did not take, though its twins had: it is not offered again while image and
configuration are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime

from hardentui.harden.remedy import arguments
from hardentui.model.facts import ContainerFacts
from hardentui.model.journal import JournalChange, JournalEntry
from hardentui.visible import visible


def configuration_of(facts: ContainerFacts) -> str:
    """A digest of a container's image and options."""
    options = sorted((option.name, *arguments(facts.spec, option)) for option in facts.spec)
    text = repr((facts.inspect.get("Image"), options))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def refused_changes(
    entries: Iterable[JournalEntry],
    facts: ContainerFacts,
    engine: str,
) -> tuple[JournalEntry, ...]:
    """The changes of a container as it is now that were rolled back because they did not hold.

    Args:
        entries: of the journal, newest first.
        engine: its address in the journal.
    """
    refused = [
        entry
        for entry in entries
        if entry.refused is not None and entry.engine == engine and facts.name in entry.containers
    ]
    if not refused:
        return ()
    now = configuration_of(facts)
    return tuple(entry for entry in refused if entry.configurations.get(facts.name) == now)


def refused_checks(changes: Iterable[JournalEntry], container: str) -> dict[str, str]:
    """Check -> why the kernel's answer rolled it back, a sentence without a full stop."""
    return {
        check: f"it was applied on {_day(entry)} and had no effect, so all was rolled back: "
        + entry.reason.rstrip(".")
        for entry in changes
        for check in (entry.refused or {}).get(container, ())
    }


def applied_before(
    changes: Iterable[JournalEntry],
    entry: JournalEntry,
) -> str:
    """Why this very change is not offered again; empty if it is another one."""
    planned = {*_of_container(entry.changes, entry)}
    for before in changes:
        if not before.refused and {*_of_container(before.changes, entry)} == planned:
            name = visible(entry.container, 80)
            return (
                f"The same was applied to {name} on {_day(before)} and rolled back: {before.reason} "
                "Leave a fix out of it, or change the container."
            )
    return ""


def _of_container(
    changes: Iterable[JournalChange],
    entry: JournalEntry,
) -> Iterator[tuple[str, str | None]]:
    for change in changes:
        if change.container in ("", entry.container):
            yield change.option, change.after


def refused_at(entry: JournalEntry) -> float:
    """When such a change began, in seconds since 1970."""
    return datetime.fromisoformat(entry.time).timestamp()


def _day(entry: JournalEntry) -> str:
    return entry.time[:10]
