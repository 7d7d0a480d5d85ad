"""What earlier readings saw: an alarm that lasted two seconds must not go unnoticed. Pure."""

from __future__ import annotations

from collections import deque

from hardentui.model.monitoring import Alarm, Sample, SeenEvent

_MOST = 40


class EarlierReadings:
    """Of one container, since monitoring began.

    Attributes:
        events: the latest ones, oldest first.
    """

    def __init__(self) -> None:
        self.events: deque[SeenEvent] = deque(maxlen=_MOST)
        self._alarms: dict[str, tuple[float, Alarm]] = {}

    def take(self, sample: Sample) -> None:
        """Add a reading."""
        self.events.extend(sample.events)
        for alarm in sample.alarms:
            self._alarms.pop(alarm.id, None)  # the latest alarm comes last
            self._alarms[alarm.id] = (sample.time, alarm)
        while len(self._alarms) > _MOST:
            del self._alarms[next(iter(self._alarms))]

    def earlier(self, sample: Sample) -> tuple[tuple[float, Alarm], ...]:
        """Alarms that no longer hold, newest first: when they were last seen, and which."""
        now = {alarm.id for alarm in sample.alarms}
        past = [(time, alarm) for id_, (time, alarm) in self._alarms.items() if id_ not in now]
        return tuple(reversed(past))
