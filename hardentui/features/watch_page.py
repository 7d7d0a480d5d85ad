"""A reading of a container, as a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.watch import EarlierReadings, binary_size
from hardentui.model.monitoring import (
    Sample,
    SeenProcess,
)
from hardentui.words import plural

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
