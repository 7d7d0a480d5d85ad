"""While a profile soaks, a process of its own measures the service and notes in the journal whether
it became slower; each command tells it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress

from hardentui.account import our_module
from hardentui.do import Do, Sentence, Verb
from hardentui.errors import HardenError
from hardentui.features.change.change_lock import lock_directory, locked
from hardentui.features.change.journal import Journal
from hardentui.features.change.starting import start_detached
from hardentui.model.journal import EntryState, JournalEntry
from hardentui.model.operations import RunProbe
from hardentui.options import SECCOMP_PROFILE
from hardentui.visible import visible

EVERY = 600.0
"""Seconds between two answers that are measured."""


def measured_soaks(journal: Journal) -> Iterator[JournalEntry]:
    """The changes by which containers soak now, where a probe tells how long the service took to
    answer before."""
    decided: set[tuple[str, str]] = set()
    for entry in journal.entries():
        if not entry.in_force:
            continue
        subject = (entry.engine, entry.container)
        if subject not in decided and _is_measured(entry):
            yield entry
        if any(change.option == SECCOMP_PROFILE.name for change in entry.changes):
            decided.add(subject)  # by a newer change


def _is_measured(entry: JournalEntry) -> bool:
    if entry.soak is None or time.time() > entry.soak.until:
        return False
    usual = any(isinstance(probe, RunProbe) and probe.usual for probe in entry.operations)
    return usual and entry.state in (EntryState.DONE, EntryState.WAITING)


def watched(journal: Journal, entry: JournalEntry) -> AbstractContextManager[None]:
    """Held by the one process that measures the service of an entry. Raises Locked."""
    return locked(lock_directory(journal), f"soak {entry.id}", entry.engine, "the soak")


def begin_watch(entry: JournalEntry) -> None:
    """Start the process, if the service is to be measured and there is none yet."""
    if not _is_measured(entry):
        return
    with suppress(OSError, HardenError):  # it is there; or it cannot start: the next command tries
        with watched(Journal(), entry):
            pass
        module = "hardentui.features.apply.soak_process"
        start_detached(our_module(module, entry.id, str(EVERY)))


def slow_soaks() -> Iterator[Sentence]:
    """A sentence for each service that became slower by its soak, with what ends it. Where nothing
    measures any more, because the host was restarted, the process is started again."""
    for entry in measured_soaks(Journal()):
        begin_watch(entry)
        if entry.soak is not None and entry.soak.slower:
            name = visible(entry.container, 80)
            yield (
                f"{entry.soak.slower}. ",
                Do(Verb.ENFORCE, name),
                " enforces its profile; ",
                Do(Verb.UNDO, entry.id),
                " takes the change back",
            )
