"""Readings of one container, again and again: alarms, and a page to read."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from hardentui.engine.events import Event, past_events, read_log
from hardentui.errors import InputError, NotFound
from hardentui.features.checklists.loading import find_check
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.workbench import Workbench
from hardentui.host.process.activity import Counters, read_counters
from hardentui.model.facts import ContainerFacts, Kernel, Limits, UnitFacts
from hardentui.model.finding import Severity, Status
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
from hardentui.words import plural

# From a reading of a container to alarms. Pure.

CHECKS = tuple(
    "unexpected-process unexpected-listener drifted-files runtime-denials root-exec-session restart-loop "
    "unhealthy".split()
)
"""Checks whose result changes while a container runs."""
_NEARLY = 0.9
_DETAILS = 8
_EVENTS = {
    "oom": (
        Severity.HIGH,
        "the kernel's OOM killer killed a process in it",
    ),
    "exec": (
        Severity.MEDIUM,
        "a session was opened in it (podman exec)",
    ),
    "died": (Severity.HIGH, "its main process ended"),
    "restart": (Severity.MEDIUM, "it was restarted"),
    "remove": (Severity.HIGH, "it was removed"),
    "checkpoint": (
        Severity.MEDIUM,
        "its memory was written to a file (checkpoint)",
    ),
    "mount": (
        Severity.MEDIUM,
        "its file system was mounted on the host",
    ),
    "export": (Severity.LOW, "its file system was exported"),
    "update": (Severity.LOW, "its limits were changed"),
    "rename": (Severity.LOW, "it was renamed"),
}


def of_checks(facts: ContainerFacts) -> tuple[list[Alarm], list[BlindSpot]]:
    """The findings of checks that apply to a running container."""
    alarms: list[Alarm] = []
    blind: list[BlindSpot] = []
    for name in CHECKS:
        check = find_check(name)
        verdict = check.verdict(facts)
        severity = verdict.severity or check.severity
        if verdict.status is Status.FAIL:
            details = tuple(
                f"{evidence.where}: {evidence.saw}" for evidence in verdict.evidence[:_DETAILS]
            )
            alarms.append(
                Alarm(
                    name,
                    severity,
                    verdict.reason or check.title,
                    details,
                )
            )
        elif verdict.status is Status.UNKNOWN:
            blind.append(BlindSpot(name, severity, verdict.reason))
    return alarms, blind


def of_state(
    facts: ContainerFacts,
    restarts_before: int | None,
    restarts: int | None,
) -> Iterator[Alarm]:
    """It is not running, or was restarted since the last reading."""
    state = facts.inspect.get("State") or {}
    if not facts.running:
        word = facts.state or "unknown"
        code = state.get("ExitCode")
        text = f"it is not running ({word}" + (f", exit code {code})" if word == "exited" else ")")
        yield Alarm("not-running", Severity.HIGH, text)
    elif facts.state == "paused":
        yield Alarm(
            "paused",
            Severity.MEDIUM,
            "it is paused: none of its processes run",
        )
    if restarts_before is not None and restarts is not None and restarts > restarts_before:
        text = (
            f"it was restarted {plural(restarts - restarts_before, 'time')} since the last reading"
        )
        yield Alarm("restarted", Severity.MEDIUM, text)


def of_usage(usage: Usage, before: Usage | None) -> Iterator[Alarm]:
    """It is near its limits."""
    if (
        usage.memory is not None
        and usage.memory_limit
        and usage.memory >= _NEARLY * usage.memory_limit
    ):
        share = round(100 * usage.memory / usage.memory_limit)
        yield Alarm(
            "memory-nearly-full",
            Severity.MEDIUM,
            f"it uses {share}% of its memory limit",
        )
    if usage.tasks is not None and usage.tasks_limit and usage.tasks >= _NEARLY * usage.tasks_limit:
        text = f"it has {usage.tasks} of {usage.tasks_limit} tasks: soon no process can be started"
        yield Alarm("tasks-nearly-full", Severity.MEDIUM, text)
    if usage.throttled_percent is not None and usage.throttled_percent >= 50:
        text = f"it is throttled by its CPU limit {round(usage.throttled_percent)}% of the time"
        yield Alarm("throttled", Severity.LOW, text)
    killed = usage.oom_kills or 0
    told = before.oom_kills or 0 if before is not None else 0
    if killed > told:
        text = (
            f"the kernel killed {plural(killed - told, 'process', 'processes')} in it (out of "
            "memory)"
        )
        yield Alarm("out-of-memory", Severity.HIGH, text)


def of_events(events: Iterable[SeenEvent]) -> Iterator[Alarm]:
    """Podman's events, each kind once."""
    counts: dict[str, int] = {}
    for event in events:
        counts[event.action] = counts.get(event.action, 0) + 1
    for action, count in counts.items():
        if action in _EVENTS:
            severity, text = _EVENTS[action]
            yield Alarm(
                f"event-{action}", severity, text if count == 1 else f"{text}, {count} times"
            )


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


# Following a log: the new lines since the last read.

FIRST_LINES = 1000
_NEXT_LINES = 500
_PAUSE = 1.0


class LogPart(Struct, frozen=True):
    """New lines since the previous part."""

    lines: tuple[LogLine, ...]
    gap: bool = False  # lines between this part and the previous one are missing


def follow_log(
    bench: Workbench,
    facts: ContainerFacts,
    on_part: Callable[[LogPart], None],
    stop: threading.Event,
) -> None:
    """Yield the end of the log and then, every second, the new lines, until `stop` is set.

    Raises:
        InputError: Podman does not return the log, or the host is simulated.
    """
    engine = bench.opened.engine(facts.engine.label)
    terminal = bool((facts.inspect.get("Config") or {}).get("Tty"))
    last: LogLine | None = None
    wanted = FIRST_LINES
    while not stop.is_set():
        lines = read_log(
            engine,
            facts.id,
            wanted,
            terminal=terminal,
            stop=stop,
        )
        if stop.is_set():
            return
        if isinstance(lines, Unread):
            raise InputError(f"The log cannot be shown: {lines.reason}.")
        new, gap = _since(last, lines)
        if new or last is None:
            on_part(LogPart(masked(new), gap))
        last = new[-1] if new else last
        wanted = _NEXT_LINES
        stop.wait(_PAUSE)


def _since(
    last: LogLine | None,
    lines: tuple[LogLine, ...],
) -> tuple[tuple[LogLine, ...], bool]:
    """The lines after the last known one, and whether some between are missing."""
    if last is None:
        return lines, False
    for at in range(len(lines) - 1, -1, -1):
        if lines[at] == last:
            return lines[at + 1 :], False
    later = tuple(line for line in lines if line.time > last.time)
    return later, bool(later)


# What earlier readings saw: an alarm that lasted two seconds must not go unnoticed. Pure.

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


_MOST = 40


def monitor_page(
    sample: Sample,
    remembered: EarlierReadings,
    trends: Mapping[str, str],
) -> tuple[PageSection, ...]:
    """Alarms first, then the rest; without the log.

    Args:
        trends: `cpu` and `memory` as small curves over earlier readings; may be empty.
    """
    parts = (
        _alarms(sample),
        _earlier(sample, remembered),
        _blind(sample),
        _use(sample, trends),
        _files(sample),
        _listening(sample),
        _process_lines(sample),
        _events(remembered),
    )
    return tuple(part for part in parts if part.lines)


def reading_page(sample: Sample) -> tuple[PageSection, ...]:
    """One reading alone, with its name, the alarms first and the log last."""
    seen = EarlierReadings()
    seen.take(sample)
    state = f"{sample.state}, {sample.health}" if sample.health else sample.state
    title = f"{sample.container}  {sample.engine}  {state}"
    head = PageSection(title, (PageLine("", f"{_time(sample.time)} UTC"),))
    log = tuple(log_page(sample))
    return (
        head,
        *monitor_page(sample, seen, {}),
        *((PageSection("Log", log),) if log else ()),
    )


def _alarms(sample: Sample) -> PageSection:
    lines: list[PageLine] = []
    for alarm in sample.alarms:
        lines.append(
            PageLine(
                alarm.severity.word,
                f"{alarm.text} ({alarm.id})",
                Tone.BAD,
            )
        )
        lines += [PageLine("", detail, Tone.MUTED) for detail in alarm.details]
    if not lines:
        if sample.blind:
            lines = [PageLine("none", "No alarm from what could be checked.")]
        else:
            lines = [PageLine("none", "No alarm.", Tone.GOOD)]
    return PageSection("Alarms", tuple(lines))


def _blind(sample: Sample) -> PageSection:
    lines = tuple(
        PageLine(
            "unknown",
            f"{spot.id}: {spot.why}",
            Tone.MUTED,
        )
        for spot in sample.blind
    )
    return PageSection("Could not be checked", lines)


def _use(sample: Sample, trends: Mapping[str, str]) -> PageSection:
    usage, lines = sample.usage, []
    if usage.memory is None:
        lines.append(PageLine("use", "not known", Tone.MUTED))
    else:
        cpu = "not known yet" if usage.cpu_percent is None else f"{usage.cpu_percent:.1f}% of a CPU"
        limit = "no limit" if usage.cpu_limit is None else f"limit {usage.cpu_limit:g}"
        waits = f", throttled {usage.throttled_percent:.0f}%" if usage.throttled_percent else ""
        lines.append(
            PageLine(
                "cpu",
                _with_trend(f"{cpu} ({limit}){waits}", trends.get("cpu", "")),
            )
        )
        memory = f"{binary_size(usage.memory)} ({limit_text(usage.memory_limit, binary_size)})"
        lines.append(PageLine("memory", _with_trend(memory, trends.get("memory", ""))))
        lines.append(
            PageLine(
                "tasks",
                f"{usage.tasks or 0} ({limit_text(usage.tasks_limit, str)})",
            )
        )
        if usage.source != "cgroup":
            lines.append(
                PageLine(
                    "",
                    "sum of its processes: it has no cgroup of its own",
                    Tone.MUTED,
                )
            )
        if usage.oom_kills:
            lines.append(
                PageLine(
                    "killed",
                    f"{usage.oom_kills} killed (out of memory)",
                    Tone.BAD,
                )
            )
    if sample.restarts is not None:
        lines.append(PageLine("restarts", str(sample.restarts)))
    if sample.sensors is not None:
        lines.append(
            PageLine(
                "sensors",
                ", ".join(sample.sensors) or "none is running on this host",
            )
        )
    return PageSection("Use", tuple(lines))


def _with_trend(text: str, trend: str) -> str:
    return f"{text}  {trend}" if trend else text


def _files(sample: Sample) -> PageSection:
    if sample.changed_paths is None:
        return PageSection(
            "Files",
            (
                PageLine(
                    "image",
                    "its file changes are unknown",
                    Tone.MUTED,
                ),
            ),
        )
    text = f"{plural(sample.changed_paths, 'path differs', 'paths differ')} from the image"
    return PageSection("Files", (PageLine("image", text),))


def _listening(sample: Sample) -> PageSection:
    lines = (
        PageLine(f"{port.port}/{port.protocol}", f"on {port.address}") for port in sample.listening
    )
    return PageSection("Listening", tuple(lines))


def _process_lines(sample: Sample) -> PageSection:
    lines = [PageLine(str(process.pid), _process(process)) for process in sample.processes[:_MOST]]
    if (more := len(sample.processes) - _MOST) > 0:
        lines.append(PageLine("", f"and {more} more", Tone.MUTED))
    return PageSection(f"Processes: {len(sample.processes)}", tuple(lines))


def _process(process: SeenProcess) -> str:
    user = "user ?" if process.uid is None else f"user {process.uid}"
    return f"{process.name}  {user}  {process.program}"


def _earlier(sample: Sample, remembered: EarlierReadings) -> PageSection:
    return PageSection(
        "Earlier alarms",
        tuple(
            PageLine(
                _time(time),
                f"{alarm.severity.word}: {alarm.text} ({alarm.id})",
                Tone.BAD,
            )
            for time, alarm in remembered.earlier(sample)
        ),
    )


def _events(remembered: EarlierReadings) -> PageSection:
    """The newest first."""
    return PageSection(
        "Events",
        tuple(PageLine(_time(event.time), event.action) for event in reversed(remembered.events)),
    )


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}"


def log_page(sample: Sample) -> Iterable[PageLine]:
    """The end of its log; lines from stderr are marked."""
    for line in sample.log:
        yield PageLine(
            f"{line.time[11:19]} {'!' if line.stream == 'stderr' else ' '}",
            line.text,
        )


def limit_text(value: int | None, say: Callable[[int], str]) -> str:
    """`no limit`, or `limit` and how much."""
    return "no limit" if value is None else f"limit {say(value)}"


def binary_size(number: int) -> str:
    """Bytes in powers of 1024, as in limits."""
    value = float(number)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
