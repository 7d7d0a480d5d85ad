"""How long a container will be down while a change is applied, judging by what was seen."""

from __future__ import annotations

import signal
from collections.abc import Iterable

from msgspec import Struct

from hardentui.host.files.reader import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.journal import EntryAction, JournalEntry
from hardentui.trial.life import handles
from hardentui.workbench.changing.apply_ways import stop_timeout

USUAL = 1.5
"""Seconds of stop and start where nothing is known: the median of 36 changes on two CPUs was 1.3."""
LONGEST_TRIED = 600.0


class Downtime(Struct, frozen=True):
    """An expected downtime: `seconds`, and `why`: where that comes from."""

    seconds: float
    why: str

    @property
    def words(self) -> str:
        return f"Expected downtime: about {self.seconds:.1f} s ({self.why})."


def expected_downtime(
    facts: ContainerFacts,
    files: Files,
    entries: Iterable[JournalEntry],
    engine: str,
    tried: tuple[float, float] | None,
) -> Downtime:
    """What is best known: its last change, else how it takes the signal that stops it, else its trial.

    Args:
        entries: of the journal, newest first; `engine` is its address there.
        tried: seconds that a twin needed to start and to stop.
    """
    last = next(
        (
            entry.downtime_seconds
            for entry in entries
            if (entry.action, entry.container, entry.engine) == (EntryAction.APPLY, facts.name, engine)
            and entry.downtime_seconds is not None
        ),
        None,
    )
    if last is not None:
        return Downtime(last, "as in its last change")
    start, stop = (min(max(seconds, 0.0), LONGEST_TRIED) for seconds in tried or (USUAL, 0.0))
    if facts.engine.local and not _stops_when_told(facts, files):
        limit = stop_timeout(facts)
        return Downtime(limit + start, f"it ignores the signal that stops it and is killed after {limit} s")
    if tried is not None:
        return Downtime(start + stop, f"its twin stopped in {stop:.1f} s and was ready in {start:.1f} s")
    return Downtime(USUAL, "stop and start; no other time is known")


def _stops_when_told(facts: ContainerFacts, files: Files) -> bool:
    """Whether its main process takes the stop signal: as process 1 it ignores what it does not handle."""
    given = str((facts.inspect.get("Config") or {}).get("StopSignal") or "SIGTERM").upper()
    pid = int((facts.inspect.get("State") or {}).get("Pid") or 0)
    name = given if given.startswith("SIG") else f"SIG{given}"
    number = int(given) if given.isdecimal() else getattr(signal, name, signal.SIGTERM)
    return number == signal.SIGKILL or not pid or handles(files, pid, number)
