"""The events of a container since the last reading, each reported once."""

from __future__ import annotations

from collections.abc import Callable

from hardentui.engine.events import Event
from hardentui.model.known import Known, Unreadable

_FIRST = 600.0
"""Seconds that the first reading reaches back."""
_OVERLAP = 5.0
"""Seconds that a reading overlaps with the previous one: Podman records an event slightly after its time."""


class NewEvents:
    """Events since the last successful reading; a failed reading loses nothing."""

    def __init__(self) -> None:
        self._until: float | None = None
        self._reported: frozenset[Event] = frozenset()

    def since_last(
        self, read: Callable[[float], Known[tuple[Event, ...]]], now: float
    ) -> Known[tuple[Event, ...]]:
        """Events not reported before, oldest first.

        Args:
            read: returns the events since a time, in seconds since 1970.
            now: a time before reading.
        """
        events = read(now - _FIRST if self._until is None else self._until - _OVERLAP)
        if isinstance(events, Unreadable):
            return events
        new = tuple(event for event in events if event not in self._reported)
        self._until, self._reported = now, frozenset(events)
        return new
