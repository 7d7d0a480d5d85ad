"""The events of a container since the last look, each once."""

from __future__ import annotations

from collections.abc import Callable

from hardentui.engine.events import Event
from hardentui.model.known import Known, Unreadable

_FIRST = 600.0
"""Seconds that the first look reaches back."""
_OVERLAP = 5.0
"""Seconds that a look reaches back behind the last one: Podman records an event a moment after its time."""


class NewEvents:
    """What happened since the last look that worked; a look that fails loses nothing."""

    def __init__(self) -> None:
        self._until: float | None = None
        self._told: frozenset[Event] = frozenset()

    def look(self, read: Callable[[float], Known[tuple[Event, ...]]], now: float) -> Known[tuple[Event, ...]]:
        """Events that no look told before, oldest first.

        Args:
            read: the events since a moment, in seconds since 1970.
            now: a moment before it is read.
        """
        events = read(now - _FIRST if self._until is None else self._until - _OVERLAP)
        if isinstance(events, Unreadable):
            return events
        new = tuple(event for event in events if event not in self._told)
        self._until, self._told = now, frozenset(events)
        return new
