"""One reading of a monitored container as a page to read. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.model.monitoring import Alarm, Sample, SeenEvent, SeenProcess, Sensor
from hardentui.words import plural

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
    sample: Sample, remembered: EarlierReadings, trends: Mapping[str, str]
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
        _processes(sample),
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
    return (head, *monitor_page(sample, seen, {}), *((PageSection("Log", log),) if log else ()))


def _alarms(sample: Sample) -> PageSection:
    lines: list[PageLine] = []
    for alarm in sample.alarms:
        lines.append(PageLine(alarm.severity.word, f"{alarm.text} ({alarm.id})", Tone.BAD))
        lines += [PageLine("", detail, Tone.MUTED) for detail in alarm.details]
    if not lines:
        if sample.blind:
            lines = [PageLine("none", "No alarm from what could be checked.")]
        else:
            lines = [PageLine("none", "No alarm.", Tone.GOOD)]
    return PageSection("Alarms", tuple(lines))


def _blind(sample: Sample) -> PageSection:
    lines = tuple(PageLine("unknown", f"{spot.id}: {spot.why}", Tone.MUTED) for spot in sample.blind)
    return PageSection("Could not be checked", lines)


def _use(sample: Sample, trends: Mapping[str, str]) -> PageSection:
    usage, lines = sample.usage, []
    if usage.memory is None:
        lines.append(PageLine("use", "not known", Tone.MUTED))
    else:
        cpu = "not known yet" if usage.cpu_percent is None else f"{usage.cpu_percent:.1f}% of a CPU"
        limit = "no limit" if usage.cpu_limit is None else f"limit {usage.cpu_limit:g}"
        waits = f", throttled {usage.throttled_percent:.0f}%" if usage.throttled_percent else ""
        lines.append(PageLine("cpu", _with_trend(f"{cpu} ({limit}){waits}", trends.get("cpu", ""))))
        memory = f"{binary_size(usage.memory)} ({limit_text(usage.memory_limit, binary_size)})"
        lines.append(PageLine("memory", _with_trend(memory, trends.get("memory", ""))))
        lines.append(PageLine("tasks", f"{usage.tasks or 0} ({limit_text(usage.tasks_limit, str)})"))
        if usage.source != "cgroup":
            lines.append(PageLine("", "sum of its processes: it has no cgroup of its own", Tone.MUTED))
        if usage.oom_kills:
            lines.append(PageLine("killed", f"{usage.oom_kills} killed (out of memory)", Tone.BAD))
    if sample.restarts is not None:
        lines.append(PageLine("restarts", str(sample.restarts)))
    if sample.sensors is not None:
        lines.append(PageLine("sensors", ", ".join(sample.sensors) or "none is running on this host"))
    return PageSection("Use", tuple(lines))


def _with_trend(text: str, trend: str) -> str:
    return f"{text}  {trend}" if trend else text


def _files(sample: Sample) -> PageSection:
    if sample.changed_paths is None:
        return PageSection("Files", (PageLine("image", "its file changes are unknown", Tone.MUTED),))
    text = f"{plural(sample.changed_paths, 'path differs', 'paths differ')} from the image"
    return PageSection("Files", (PageLine("image", text),))


def _listening(sample: Sample) -> PageSection:
    lines = (PageLine(f"{port.port}/{port.protocol}", f"on {port.address}") for port in sample.listening)
    return PageSection("Listening", tuple(lines))


def _processes(sample: Sample) -> PageSection:
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
            PageLine(_time(time), f"{alarm.severity.word}: {alarm.text} ({alarm.id})", Tone.BAD)
            for time, alarm in remembered.earlier(sample)
        ),
    )


def _events(remembered: EarlierReadings) -> PageSection:
    """The newest first."""
    return PageSection(
        "Events", tuple(PageLine(_time(event.time), event.action) for event in reversed(remembered.events))
    )


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}"


def log_page(sample: Sample) -> Iterable[PageLine]:
    """The end of its log; lines from stderr are marked."""
    for line in sample.log:
        yield PageLine(f"{line.time[11:19]} {'!' if line.stream == 'stderr' else ' '}", line.text)


def sensors_page(sensors: Iterable[Sensor]) -> tuple[PageSection, ...]:
    """The sensors of this host, and how to add others."""
    words = {True: "yes", False: "no", None: "not known"}
    sections = []
    for sensor in sensors:
        state = f"installed: {words[sensor.installed]}, running: {words[sensor.running]}"
        lines = [PageLine("sees", sensor.sees), *(PageLine("add", command) for command in sensor.add)]
        lines += [PageLine("mind", sensor.mind)] if sensor.mind else []
        title = f"{sensor.name}  {'running' if sensor.running else state}"
        sections.append(PageSection(title, tuple(lines)))
    return tuple(sections)


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
