"""Readings of one container, again and again: alarms, and a page to read."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from hardentui.engine.events import Event
from hardentui.engine.logs import past_events, read_log
from hardentui.errors import NotFound
from hardentui.features.alarms import of_checks, of_events, of_state, of_usage
from hardentui.features.workbench import Workbench
from hardentui.host.process.activity import Counters, read_counters
from hardentui.model.facts import ContainerFacts, Kernel, Limits, UnitFacts
from hardentui.model.finding import Severity
from hardentui.model.known import Known, Unread, known
from hardentui.model.monitoring import (
    Alarm,
    BlindSpot,
    LogLine,
    Sample,
    SeenEvent,
    SeenProcess,
    Usage,
)
from hardentui.reading.containers import ask_or
from hardentui.reading.masking import mask_text

_FIRST = 600.0
"""Seconds that the first reading reaches back."""
_OVERLAP = 5.0
"""Seconds that a reading overlaps with the previous one: Podman records an event slightly after its
time."""


class NewEvents:
    """Events since the last successful reading; a failed reading loses nothing."""

    def __init__(self) -> None:
        self._until: float | None = None
        self._reported: frozenset[Event] = frozenset()

    def since_last(
        self,
        read: Callable[[float], Known[tuple[Event, ...]]],
        now: float,
    ) -> Known[tuple[Event, ...]]:
        """Events not reported before, oldest first.

        Args:
            read: returns the events since a time, in seconds since 1970.
            now: a time before reading.
        """
        events = read(now - _FIRST if self._until is None else self._until - _OVERLAP)
        if isinstance(events, Unread):
            return events
        new = tuple(event for event in events if event not in self._reported)
        self._until, self._reported = now, frozenset(events)
        return new


_NEXT_LOOK = 0.5  # seconds after which CPU use can first be computed
_LOG_LINES = 10
_PLAIN_LOG_LINE = 1000
_MOST_EVENTS = 200  # of one reading


class _Counted(Struct, frozen=True):
    """Counters, and when they were read (monotonic seconds)."""

    moment: float
    counters: Counters


class Monitor:
    """One monitored container.

    Args:
        key: of its row.
        log_lines: how many log lines each reading holds.
    """

    def __init__(
        self,
        bench: Workbench,
        key: str,
        *,
        log_lines: int = _LOG_LINES,
    ) -> None:
        self._bench = bench
        self._key = key
        self._lines = log_lines
        self._counted: _Counted | None = None
        self._last: Sample | None = None
        self._events = NewEvents()

    def watch(
        self,
        on_sample: Callable[[Sample], None],
        stop: threading.Event,
        *,
        interval: float = 2.0,
        most: int | None = None,
    ) -> None:
        """Yield a reading every `interval` seconds until `stop` is set, or `most` were yielded.

        The first one takes two readings within half a second to compute the CPU use.

        Raises:
            NotFound: the container is gone.
            EngineError: Podman no longer answers.
        """
        self._count(self._facts())
        stop.wait(_NEXT_LOOK)
        handed = 0
        while not stop.is_set():
            began = monotonic()
            on_sample(self.sample(stop))
            handed += 1
            if most is not None and handed >= most:
                return
            stop.wait(max(0.0, interval - (monotonic() - began)))

    def sample(self, stop: threading.Event) -> Sample:
        """One reading.

        Raises:
            NotFound: the container is gone.
            EngineError: Podman no longer answers.
        """
        facts = self._facts()
        last = self._last
        now = facts.now.timestamp()
        usage, usage_unknown = self._count(facts)
        engine = self._bench.opened.engine(facts.engine.label)
        tty = bool((facts.inspect.get("Config") or {}).get("Tty"))
        log = (
            read_log(
                engine,
                facts.id,
                self._lines,
                terminal=tty,
                stop=stop,
            )
            if self._lines
            else ()
        )
        new_events = self._events.since_last(
            lambda since: past_events(
                engine, {"container": [facts.id]}, since, stop, most=_MOST_EVENTS
            ),
            now,
        )
        events = (
            ()
            if isinstance(new_events, Unread)
            else tuple(SeenEvent(e.time, e.action) for e in new_events)
        )
        restarts = _restarts(facts)
        raised, blind = of_checks(facts)
        raised += of_state(
            facts,
            last.restarts if last else None,
            restarts,
        )
        raised += of_usage(usage, last.usage if last else None)
        raised += of_events(events)
        unread = {
            "usage": usage_unknown,
            "log": _why_unread(log),
            "events": _why_unread(new_events),
        }
        blind += [
            BlindSpot(name, Severity.LOW, reason) for name, reason in unread.items() if reason
        ]
        self._last = Sample(
            container=facts.name,
            engine=facts.engine.label,
            time=now,
            state=facts.state,
            health=str(
                ((facts.inspect.get("State") or {}).get("Health") or {}).get("Status") or ""
            ),
            pid=facts.kernel.pid or None if isinstance(facts.kernel, Kernel) else None,
            restarts=restarts,
            usage=usage,
            processes=_processes(facts),
            listening=ask_or(facts, lambda kernel: kernel.listening, ()),
            changed_paths=known(lambda: len(facts.changes), else_=None),
            log=() if isinstance(log, Unread) else masked(log, _PLAIN_LOG_LINE),
            events=events,
            sensors=known(lambda: facts.host.running_sensors, else_=None),
            alarms=tuple(sorted(raised, key=lambda alarm: -alarm.severity)),
            blind=tuple(sorted(blind, key=lambda spot: -spot.severity)),
        )
        return self._last

    def _facts(self) -> ContainerFacts:
        row = self._bench.containers.refresh(self._key)
        if row is None or row.report is None:
            raise NotFound("The container is gone.")
        if row.report.facts is None:
            raise NotFound(f"The container cannot be checked: {row.report.trouble}.")
        return row.report.facts

    def _count(self, facts: ContainerFacts) -> tuple[Usage, str]:
        """The resource use since the previous reading, and why it is unknown."""
        kernel = facts.kernel
        if not isinstance(kernel, Kernel):
            return Usage(), ""
        processes = known(lambda: kernel.processes)
        if not kernel.pid and isinstance(processes, Unread):
            return Usage(), processes.reason
        try:
            counters = read_counters(
                self._bench.opened.files,
                kernel.pid,
                processes,
            )
        except Unread as unread:
            return Usage(), unread.reason
        counted = _Counted(monotonic(), counters)
        usage = _usage(
            counted,
            self._counted,
            known(lambda: kernel.limits, else_=None),
        )
        self._counted = counted
        return usage, ""


def _usage(
    now: _Counted,
    before: _Counted | None,
    limits: Limits | None,
) -> Usage:
    counters = now.counters
    percent = throttled = None
    last = before.counters if before else None
    if before is not None and last is not None and last.source == counters.source:
        seconds = now.moment - before.moment
        if seconds > 0 and counters.cpu >= last.cpu:
            percent = round(100 * (counters.cpu - last.cpu) / seconds, 1)
        periods = (counters.periods or 0) - (last.periods or 0)
        waited = (counters.throttled or 0) - (last.throttled or 0)
        throttled = round(100 * waited / periods, 1) if periods > 0 and waited >= 0 else None
    return Usage(
        cpu_percent=percent,
        cpu_limit=limits.cpus if limits else None,
        throttled_percent=throttled,
        memory=counters.memory,
        memory_limit=limits.memory if limits else None,
        tasks=counters.tasks,
        tasks_limit=limits.pids if limits else None,
        oom_kills=counters.oom_kills,
        source=counters.source,
    )


def _why_unread(read: Known[object]) -> str:
    return read.reason if isinstance(read, Unread) else ""


def masked(
    log: Iterable[LogLine],
    most: int | None = None,
) -> tuple[LogLine, ...]:
    """The lines, each up to `most` characters, without likely secrets."""
    return tuple(replace(line, text=mask_text(line.text[:most])) for line in log)


def _restarts(facts: ContainerFacts) -> int:
    """Podman's count or systemd's, whichever is larger: one of the two restarts it."""
    counted = int(facts.inspect.get("RestartCount") or 0)
    unit = known(lambda: facts.unit)
    return max(counted, unit.restarts or 0) if isinstance(unit, UnitFacts) else counted


def _processes(facts: ContainerFacts) -> tuple[SeenProcess, ...]:
    return tuple(
        SeenProcess(
            process.pid,
            process.name,
            process.executable,
            process.uid,
        )
        for process in ask_or(facts, lambda kernel: kernel.processes, ())
    )


_EARLIER_READINGS_MOST = 40


class EarlierReadings:
    """Of one container, since monitoring began.

    Attributes:
        events: the latest ones, oldest first.
    """

    def __init__(self) -> None:
        self.events: deque[SeenEvent] = deque(maxlen=_EARLIER_READINGS_MOST)
        self._alarms: dict[str, tuple[float, Alarm]] = {}

    def take(self, sample: Sample) -> None:
        """Add a reading."""
        self.events.extend(sample.events)
        for alarm in sample.alarms:
            self._alarms.pop(alarm.id, None)  # the latest alarm comes last
            self._alarms[alarm.id] = (sample.time, alarm)
        while len(self._alarms) > _EARLIER_READINGS_MOST:
            del self._alarms[next(iter(self._alarms))]

    def earlier(self, sample: Sample) -> tuple[tuple[float, Alarm], ...]:
        """Alarms that no longer hold, newest first: when they were last seen, and which."""
        now = {alarm.id for alarm in sample.alarms}
        past = [(time, alarm) for id_, (time, alarm) in self._alarms.items() if id_ not in now]
        return tuple(reversed(past))


def binary_size(number: int) -> str:
    """Bytes in powers of 1024, as in limits."""
    value = float(number)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
