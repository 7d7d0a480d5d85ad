"""A reading of a container, and the host's sensors, as lines of text. Foreign text goes through the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from hardentui.features.reports.as_text import COLORS, UNKNOWN_COLOR, Writer
from hardentui.features.reports.result import TextStyle
from hardentui.model.monitoring import Sample, Sensor, Usage
from hardentui.model.trial import Learned
from hardentui.visible import visible
from hardentui.words import plural

_NAME = 60
_MOST = 12
_WORDS = {True: "", False: "  NOT IN THE BASELINE", None: ""}


def sample_text(sample: Sample, style: TextStyle) -> str:
    """One reading: alarms first, then the rest."""
    writer = Writer(style)
    when = datetime.fromtimestamp(sample.time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    head = f"{visible(sample.container, _NAME)}  {sample.engine}  {sample.state}"
    lines = [writer.bold(visible(head + (f", {sample.health}" if sample.health else ""))), when, ""]
    lines += _alarms(sample, writer)
    lines += ["", *_usage(sample.usage), _counts(sample)]
    lines += _drift(sample)
    lines += _things("Processes", [_process(sample, at) for at in range(len(sample.processes))])
    lines += _things(
        "Listening",
        [
            visible(f"{socket.port}/{socket.protocol} on {socket.address}{_WORDS[socket.expected]}", 100)
            for socket in sample.listening
        ],
    )
    lines += _things("Events", [_event(event.time, event.action) for event in sample.events], last=True)
    if sample.log:
        lines += ["", "Log"]
        lines += [
            visible(
                f"  {line.time[11:19]} {'!' if line.stream == 'stderr' else ' '} {line.text}", writer.width
            )
            for line in sample.log
        ]
    return "\n".join(lines) + "\n"


def _alarms(sample: Sample, writer: Writer) -> list[str]:
    lines = [f"Alarms: {len(sample.alarms)}" if sample.alarms else "No alarm."]
    for alarm in sample.alarms:
        lines += writer.marked(alarm.severity.word, COLORS[alarm.severity], f"{alarm.text} ({alarm.id})")
        for detail in alarm.details:
            lines += writer.below(detail)
    for spot in sample.blind:
        lines += writer.marked("unknown", UNKNOWN_COLOR, f"{spot.id}: {spot.why}")
    return lines


def _usage(usage: Usage) -> list[str]:
    if usage.memory is None:
        return ["Usage: unknown"]
    cpu = "unknown yet" if usage.cpu_percent is None else f"{usage.cpu_percent:.1f}%"
    limit = "no limit" if usage.cpu_limit is None else f"limit {usage.cpu_limit:g}"
    parts = [f"cpu {cpu} of a processor ({limit})"]
    if usage.throttled_percent:
        parts.append(f"throttled {usage.throttled_percent:.0f}%")
    parts.append(f"memory {binary_size(usage.memory)} ({limit_text(usage.memory_limit, binary_size)})")
    parts.append(f"{plural(usage.tasks or 0, 'task')} ({limit_text(usage.tasks_limit, str)})")
    whole = ", ".join(parts)
    return [whole if usage.source == "cgroup" else f"{whole}; summed over its processes"]


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


def _counts(sample: Sample) -> str:
    parts = [] if sample.restarts is None else [plural(sample.restarts, "restart")]
    if sample.usage.oom_kills is not None:
        parts.append(f"{sample.usage.oom_kills} killed (out of memory)")
    if sample.sensors is None:
        parts.append("the host's sensors are unknown")
    else:
        parts.append(f"sensors of the host: {', '.join(sample.sensors) or 'none'}")
    return ", ".join(parts)


def _drift(sample: Sample) -> list[str]:
    drift = sample.drift
    if drift.from_image is None:
        return ["Files: unknown"]
    text = f"Files: {plural(drift.from_image, 'path differs', 'paths differ')} from the image"
    if not sample.baseline:
        return [f"{text}; no baseline is saved (--baseline save)"]
    return [f"{text}; since the baseline of {visible(sample.baseline, 40)}: {drift.counts}"]


def _process(sample: Sample, at: int) -> str:
    process = sample.processes[at]
    uid = "?" if process.uid is None else str(process.uid)
    return visible(
        f"{process.pid:>8} {uid:>8} {process.name:<16} {process.program}{_WORDS[process.expected]}", 120
    )


def _event(time: float, action: str) -> str:
    return visible(f"{datetime.fromtimestamp(time, UTC):%H:%M:%S} {action}", 80)


def _things(title: str, lines: list[str], *, last: bool = False) -> list[str]:
    """A title and the first or last lines; nothing if there are none."""
    if not lines:
        return []
    shown = lines[-_MOST:] if last else lines[:_MOST]
    more = len(lines) - len(shown)
    return ["", title, *(f"  {line}" for line in shown), *([f"  and {more} more"] if more else [])]


def sensors_text(sensors: Iterable[Sensor], style: TextStyle) -> str:
    """The sensors of this host, and how to add others."""
    writer = Writer(style)
    words = {True: "yes", False: "no", None: "not known"}
    lines: list[str] = []
    for sensor in sensors:
        state = (
            "running"
            if sensor.running
            else f"installed: {words[sensor.installed]}, running: {words[sensor.running]}"
        )
        lines += [writer.bold(f"{sensor.name}  {state}"), *writer.wrapped(f"It sees {sensor.sees}.")]
        lines += [f"    {visible(command, 300)}" for command in sensor.add]
        lines += writer.wrapped(sensor.mind)
        lines.append("")
    return "\n".join(lines)


# --- What a trial kept although it was not seen, a sentence each ------------------------------------


_MOST_NAMED = 6


def kept_unseen(learned: Learned) -> Iterator[str]:
    """By program that can ask for it; then what could not be read, and what no-new-privileges takes."""
    by_program: dict[str, tuple[list[str], dict[str, None]]] = {}
    for kept in learned.can_need:
        if kept.capability:
            names, functions = by_program.setdefault(kept.program, ([], {}))
            names.append(kept.capability)
            functions.update(dict.fromkeys(kept.functions))
    for program, (names, functions) in by_program.items():
        why = f" ({program} can call {_listed(functions)})" if functions else ""
        yield f"Kept although not seen: {', '.join(names)}{why}."
    calls = {call for kept in learned.can_need for call in kept.syscalls}
    if calls:
        yield f"System calls kept although not seen, besides everyday ones: {_listed(sorted(calls))}."
    for program, why in learned.unread.items():
        yield f"Not known what {program} can ask for: {why}. What the engine grants by default is kept."
    if learned.given_unseen:
        yield (
            f"Given explicitly, and not seen in use: {', '.join(learned.given_unseen)}. They stay; "
            "whether one goes is your decision."
        )
    if learned.set_id:
        yield (
            f"Set-id programs: {_listed(learned.set_id)}. With no-new-privileges they give nobody more "
            "rights; leave new-privileges-allowed out if somebody needs them."
        )


def _listed(names: Iterable[str]) -> str:
    """The first few names."""
    first = [*names]
    more = len(first) - _MOST_NAMED
    return ", ".join(first[:_MOST_NAMED]) + (f" and {plural(more, 'other')}" if more > 0 else "")
