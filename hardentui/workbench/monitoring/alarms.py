"""From what was seen of a container to alarms in plain words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardentui.model.facts import CapabilitySets, ContainerFacts, Kernel
from hardentui.model.finding import Severity, Status
from hardentui.model.known import Unreadable
from hardentui.model.monitoring import Alarm, BlindSpot, Drift, SeenEvent, Usage
from hardentui.words import plural
from hardentui.workbench.checklists.lookup import find_check
from hardentui.workbench.monitoring.baseline import ContainerBaseline, program_of

CHECKS = (
    "unexpected-process",
    "unexpected-listener",
    "drifted-files",
    "runtime-denials",
    "root-exec-session",
    "restart-loop",
    "unhealthy",
)
"""Checks whose answer changes while a container runs."""
_NEARLY = 0.9
_DETAILS = 8
_EVENTS = {
    "oom": (Severity.HIGH, "the kernel killed a process in it for want of memory"),
    "exec": (Severity.MEDIUM, "somebody opened a session in it (podman exec)"),
    "died": (Severity.HIGH, "its main process ended"),
    "restart": (Severity.MEDIUM, "it was restarted"),
    "remove": (Severity.HIGH, "it was removed"),
    "checkpoint": (Severity.MEDIUM, "its memory was written to a file (checkpoint)"),
    "mount": (Severity.MEDIUM, "somebody mounted its file system on the host"),
    "export": (Severity.LOW, "its file system was exported"),
    "update": (Severity.LOW, "its limits were changed"),
    "rename": (Severity.LOW, "it was renamed"),
}


def of_checks(facts: ContainerFacts) -> tuple[list[Alarm], list[BlindSpot]]:
    """What the checks say that look at a running container."""
    alarms: list[Alarm] = []
    blind: list[BlindSpot] = []
    for name in CHECKS:
        check = find_check(name)
        verdict = check.verdict(facts)
        severity = verdict.severity or check.severity
        if verdict.status is Status.FAIL:
            details = tuple(f"{evidence.where}: {evidence.saw}" for evidence in verdict.evidence[:_DETAILS])
            alarms.append(Alarm(name, severity, verdict.reason or check.title, details))
        elif verdict.status is Status.UNKNOWN:
            blind.append(BlindSpot(name, severity, verdict.reason))
    return alarms, blind


def of_state(facts: ContainerFacts, restarts_before: int | None, restarts: int | None) -> Iterator[Alarm]:
    """It does not run, or it was restarted since the last look."""
    state = facts.inspect.get("State") or {}
    if not facts.running:
        word = facts.state or "unknown"
        code = state.get("ExitCode")
        text = f"it does not run ({word}" + (f", exit code {code})" if word == "exited" else ")")
        yield Alarm("not-running", Severity.HIGH, text)
    elif facts.state == "paused":
        yield Alarm("paused", Severity.MEDIUM, "it is paused: nothing in it runs")
    if restarts_before is not None and restarts is not None and restarts > restarts_before:
        text = f"it was restarted {plural(restarts - restarts_before, 'time')} since the last look"
        yield Alarm("restarted", Severity.MEDIUM, text)


def of_usage(usage: Usage, before: Usage | None) -> Iterator[Alarm]:
    """It comes near its limits."""
    if usage.memory is not None and usage.memory_limit and usage.memory >= _NEARLY * usage.memory_limit:
        share = round(100 * usage.memory / usage.memory_limit)
        yield Alarm("memory-nearly-full", Severity.MEDIUM, f"it uses {share} % of its memory limit")
    if usage.tasks is not None and usage.tasks_limit and usage.tasks >= _NEARLY * usage.tasks_limit:
        text = f"it has {usage.tasks} of {usage.tasks_limit} tasks: soon no process can be started"
        yield Alarm("tasks-nearly-full", Severity.MEDIUM, text)
    if usage.throttled_percent is not None and usage.throttled_percent >= 50:
        text = f"it waits for its share of the processor in {round(usage.throttled_percent)} % of the time"
        yield Alarm("throttled", Severity.LOW, text)
    killed = usage.oom_kills or 0
    known = before.oom_kills or 0 if before is not None else 0
    if killed > known:
        text = f"the kernel killed {plural(killed - known, 'process', 'processes')} in it for want of memory"
        yield Alarm("out-of-memory", Severity.HIGH, text)


def of_events(events: Iterable[SeenEvent]) -> Iterator[Alarm]:
    """What Podman told, each kind once."""
    counts: dict[str, int] = {}
    for event in events:
        counts[event.action] = counts.get(event.action, 0) + 1
    for action, count in counts.items():
        if action in _EVENTS:
            severity, text = _EVENTS[action]
            yield Alarm(f"event-{action}", severity, text if count == 1 else f"{text}, {count} times")


def of_baseline(facts: ContainerFacts, baseline: ContainerBaseline, drift: Drift) -> Iterator[Alarm]:
    """What is not as it was when the baseline was kept."""
    if str(facts.inspect.get("Image") or "") != baseline.image:
        yield Alarm("other-image", Severity.HIGH, "it runs another image than when the baseline was kept")
    for paths, word, severity in (
        (drift.changed, "changed", Severity.HIGH),
        (drift.added, "appeared", Severity.MEDIUM),
        (drift.gone, "went back to the image, or are gone", Severity.MEDIUM),
    ):
        if paths:
            text = f"{plural(len(paths), 'file')} {word} since the baseline"
            yield Alarm(f"files-{word.partition(' ')[0]}", severity, text, paths[:_DETAILS])
    kernel = facts.kernel
    if not isinstance(kernel, Kernel):
        return
    if not isinstance(kernel.processes, Unreadable):
        programs = {program_of(process.executable, process.name) for process in kernel.processes}
        if new := sorted(programs - {*baseline.programs}):
            yield Alarm(
                "new-program", Severity.HIGH, "a program runs that did not run before", tuple(new[:_DETAILS])
            )
    if not isinstance(kernel.listening, Unreadable):
        known = {(socket.protocol, socket.port) for socket in baseline.listening}
        opened = sorted({(socket.protocol, socket.port) for socket in kernel.listening} - known)
        if opened:
            ports = tuple(f"{port}/{protocol}" for protocol, port in opened[:_DETAILS])
            yield Alarm("new-listener", Severity.HIGH, "it listens on a port that was closed before", ports)
    yield from _of_rights(kernel, baseline)


def _of_rights(kernel: Kernel, baseline: ContainerBaseline) -> Iterator[Alarm]:
    """It may do more than when the baseline was kept; less is no alarm."""
    sets = kernel.capabilities
    if isinstance(sets, CapabilitySets) and baseline.capabilities is not None:
        more = sorted(sets.effective - {*baseline.capabilities})
        if more:
            yield Alarm("more-capabilities", Severity.HIGH, "it has more capabilities", tuple(more))
    if baseline.uid not in (None, 0) and kernel.uid == 0:
        yield Alarm("became-root", Severity.HIGH, "its main process is root now")
    for was, now, name, text in (
        (
            baseline.seccomp_mode == 2,
            kernel.seccomp_mode == 0,
            "no-filter",
            "it has no seccomp filter any more",
        ),
        (
            baseline.no_new_privileges is True,
            kernel.no_new_privileges is False,
            "new-privileges",
            "set-user-id programs give it new privileges again",
        ),
        (
            baseline.read_only_root is True,
            kernel.read_only_root is False,
            "writable-root",
            "its root file system can be written again",
        ),
    ):
        if was and now:
            yield Alarm(name, Severity.HIGH, text)
