"""One look at a watched container as a page to read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from hardentui.model.monitoring import Sample, SeenProcess
from hardentui.reports.monitor_text import binary_size, limit_text
from hardentui.words import plural
from hardentui.workbench.monitoring.remembered import Remembered
from hardentui.workbench.pages.sections import Line, Section, Tone

_MOST = 40
_NOT_EXPECTED = "  not in the baseline"


def monitor_page(sample: Sample, remembered: Remembered, trends: Mapping[str, str]) -> tuple[Section, ...]:
    """Alarms first, then what was seen; without the log.

    Args:
        remembered: what the looks before saw.
        trends: `cpu` and `memory` as small curves over the looks before; may be empty.
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


def _alarms(sample: Sample) -> Section:
    lines: list[Line] = []
    for alarm in sample.alarms:
        lines.append(Line(alarm.severity.word, f"{alarm.text} ({alarm.id})", Tone.BAD))
        lines += [Line("", detail, Tone.MUTED) for detail in alarm.details]
    if not lines:
        if sample.blind:
            lines = [Line("none", "No alarm from what could be looked at.")]
        else:
            lines = [Line("none", "No alarm.", Tone.GOOD)]
    return Section("Alarms", tuple(lines))


def _blind(sample: Sample) -> Section:
    lines = tuple(Line("unknown", f"{spot.id}: {spot.why}", Tone.MUTED) for spot in sample.blind)
    return Section("Could not be looked at", lines)


def _use(sample: Sample, trends: Mapping[str, str]) -> Section:
    usage, lines = sample.usage, []
    if usage.memory is None:
        lines.append(Line("use", "not known", Tone.MUTED))
    else:
        cpu = "not known yet" if usage.cpu_percent is None else f"{usage.cpu_percent:.1f} % of a processor"
        limit = "no limit" if usage.cpu_limit is None else f"limit {usage.cpu_limit:g}"
        waits = f", waits in {usage.throttled_percent:.0f} %" if usage.throttled_percent else ""
        lines.append(Line("cpu", _with_trend(f"{cpu} ({limit}){waits}", trends.get("cpu", ""))))
        memory = f"{binary_size(usage.memory)} ({limit_text(usage.memory_limit, binary_size)})"
        lines.append(Line("memory", _with_trend(memory, trends.get("memory", ""))))
        lines.append(Line("tasks", f"{usage.tasks or 0} ({limit_text(usage.tasks_limit, str)})"))
        if usage.source != "cgroup":
            lines.append(Line("", "summed over its processes: it has no cgroup of its own", Tone.MUTED))
        if usage.oom_kills:
            lines.append(Line("killed", f"{usage.oom_kills} for want of memory", Tone.BAD))
    if sample.restarts is not None:
        lines.append(Line("restarts", str(sample.restarts)))
    if sample.sensors is not None:
        lines.append(Line("sensors", ", ".join(sample.sensors) or "none runs on this host"))
    return Section("Use", tuple(lines))


def _with_trend(text: str, trend: str) -> str:
    return f"{text}  {trend}" if trend else text


def _files(sample: Sample) -> Section:
    drift = sample.drift
    if drift.from_image is None:
        return Section("Files", (Line("image", "how its files differ is not known", Tone.MUTED),))
    lines = [Line("image", f"{plural(drift.from_image, 'path differs', 'paths differ')} from the image")]
    if sample.baseline:
        counts = f"{len(drift.added)} new, {len(drift.changed)} changed, {len(drift.gone)} gone"
        lines.append(Line("baseline", f"{counts} since {sample.baseline}"))
        for word, paths in (("changed", drift.changed), ("new", drift.added), ("gone", drift.gone)):
            lines += [Line(word, path, Tone.BAD) for path in paths[:_MOST]]
    else:
        lines.append(Line("baseline", "none is kept; b keeps what is there now", Tone.MUTED))
    return Section("Files", tuple(lines))


def _listening(sample: Sample) -> Section:
    return Section(
        "Listening",
        tuple(
            _seen(f"{port.port}/{port.protocol}", f"on {port.address}", port.expected)
            for port in sample.listening
        ),
    )


def _processes(sample: Sample) -> Section:
    lines = [
        _seen(str(process.pid), _process(process), process.expected) for process in sample.processes[:_MOST]
    ]
    if (more := len(sample.processes) - _MOST) > 0:
        lines.append(Line("", f"and {more} more", Tone.MUTED))
    return Section(f"Processes: {len(sample.processes)}", tuple(lines))


def _process(process: SeenProcess) -> str:
    user = "user ?" if process.uid is None else f"user {process.uid}"
    return f"{process.name}  {user}  {process.program}"


def _seen(label: str, text: str, expected: bool | None) -> Line:
    return Line(label, f"{text}{_NOT_EXPECTED}", Tone.BAD) if expected is False else Line(label, text)


def _earlier(sample: Sample, remembered: Remembered) -> Section:
    return Section(
        "Earlier alarms",
        tuple(
            Line(_time(time), f"{alarm.severity.word}: {alarm.text} ({alarm.id})", Tone.BAD)
            for time, alarm in remembered.earlier(sample)
        ),
    )


def _events(remembered: Remembered) -> Section:
    """The newest first."""
    return Section(
        "Events", tuple(Line(_time(event.time), event.action) for event in reversed(remembered.events))
    )


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}"


def log_page(sample: Sample) -> Iterable[Line]:
    """The end of its log; a line that came over stderr is marked."""
    for line in sample.log:
        yield Line(f"{line.time[11:19]} {'!' if line.stream == 'stderr' else ' '}", line.text)
