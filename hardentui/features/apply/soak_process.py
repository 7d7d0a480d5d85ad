"""Measures a service while its profile soaks. Run by `soak_watch` with the ID of the change and the
seconds between two answers."""

from __future__ import annotations

import sys
import time
from contextlib import closing, suppress

from msgspec.structs import replace

from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import HardenError
from hardentui.features.apply.soak import slower
from hardentui.features.apply.soak_watch import measured_soaks, watched
from hardentui.features.change.change_lock import entry_locked
from hardentui.features.change.journal import PRIVATE, Journal
from hardentui.features.opening.engines import open_engines
from hardentui.features.views import Selection
from hardentui.model.journal import JournalEntry

_LOOK = 30.0
"""Seconds until it looks whether it still soaks."""


def main(identity: str, every: str) -> None:
    journal = Journal()
    seconds = float(every)
    with suppress(HardenError), watched(journal, journal.read(identity)):
        due = time.monotonic()
        while entry := _soaking(journal, identity):
            if time.monotonic() >= due:
                with suppress(HardenError):  # Podman does not answer, or it is being changed
                    _measure(journal, entry)
                due = time.monotonic() + seconds
            time.sleep(min(_LOOK, seconds))


def _soaking(journal: Journal, identity: str) -> JournalEntry | None:
    return next((entry for entry in measured_soaks(journal) if entry.id == identity), None)


def _measure(journal: Journal, entry: JournalEntry) -> None:
    opened = open_engines(Selection(url="" if entry.engine == PRIVATE else entry.engine))
    with closing(opened):
        if opened.simulated:
            return
        with closing(ChangingEngine(opened.engines[0], opened.log)) as changing:
            why = slower(entry, changing.containers)
    with entry_locked(journal, entry, "a note"):
        latest = journal.read(entry.id)
        if latest.soak is not None and latest.soak.slower != why:
            journal.write(replace(latest, soak=replace(latest.soak, slower=why)))


if __name__ == "__main__":
    main(*sys.argv[1:])
