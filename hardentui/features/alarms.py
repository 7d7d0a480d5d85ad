"""From a reading of a container to alarms. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardentui.features.checklists.known_checks import find_check
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Severity, Status
from hardentui.model.monitoring import (
    Alarm,
    BlindSpot,
    SeenEvent,
    Usage,
)
from hardentui.words import plural

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
