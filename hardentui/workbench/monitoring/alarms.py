"""From a reading of a container to alarms. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardentui.model.facts import CapabilitySets, ContainerFacts, Kernel
from hardentui.model.finding import Severity, Status
from hardentui.model.known import known
from hardentui.model.monitoring import Alarm, BlindSpot, Drift, SeenEvent, Usage
from hardentui.words import plural
from hardentui.workbench.checklists.lookup import find_check
from hardentui.workbench.monitoring.baseline import ContainerBaseline, program_of

CHECKS = tuple(
    "unexpected-process unexpected-listener drifted-files runtime-denials root-exec-session restart-loop "
    "unhealthy".split()
)
"""Checks whose result changes while a container runs."""
_NEARLY = 0.9
_DETAILS = 8
_EVENTS = {
    "oom": (Severity.HIGH, "the kernel's OOM killer killed a process in it"),
    "exec": (Severity.MEDIUM, "a session was opened in it (podman exec)"),
    "died": (Severity.HIGH, "its main process ended"),
    "restart": (Severity.MEDIUM, "it was restarted"),
    "remove": (Severity.HIGH, "it was removed"),
    "checkpoint": (Severity.MEDIUM, "its memory was written to a file (checkpoint)"),
    "mount": (Severity.MEDIUM, "its file system was mounted on the host"),
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
            details = tuple(f"{evidence.where}: {evidence.saw}" for evidence in verdict.evidence[:_DETAILS])
            alarms.append(Alarm(name, severity, verdict.reason or check.title, details))
        elif verdict.status is Status.UNKNOWN:
            blind.append(BlindSpot(name, severity, verdict.reason))
    return alarms, blind


def of_state(facts: ContainerFacts, restarts_before: int | None, restarts: int | None) -> Iterator[Alarm]:
    """It is not running, or was restarted since the last reading."""
    state = facts.inspect.get("State") or {}
    if not facts.running:
        word = facts.state or "unknown"
        code = state.get("ExitCode")
        text = f"it is not running ({word}" + (f", exit code {code})" if word == "exited" else ")")
        yield Alarm("not-running", Severity.HIGH, text)
    elif facts.state == "paused":
        yield Alarm("paused", Severity.MEDIUM, "it is paused: none of its processes run")
    if restarts_before is not None and restarts is not None and restarts > restarts_before:
        text = f"it was restarted {plural(restarts - restarts_before, 'time')} since the last reading"
        yield Alarm("restarted", Severity.MEDIUM, text)


def of_usage(usage: Usage, before: Usage | None) -> Iterator[Alarm]:
    """It is near its limits."""
    if usage.memory is not None and usage.memory_limit and usage.memory >= _NEARLY * usage.memory_limit:
        share = round(100 * usage.memory / usage.memory_limit)
        yield Alarm("memory-nearly-full", Severity.MEDIUM, f"it uses {share}% of its memory limit")
    if usage.tasks is not None and usage.tasks_limit and usage.tasks >= _NEARLY * usage.tasks_limit:
        text = f"it has {usage.tasks} of {usage.tasks_limit} tasks: soon no process can be started"
        yield Alarm("tasks-nearly-full", Severity.MEDIUM, text)
    if usage.throttled_percent is not None and usage.throttled_percent >= 50:
        text = f"it is throttled by its CPU limit {round(usage.throttled_percent)}% of the time"
        yield Alarm("throttled", Severity.LOW, text)
    killed = usage.oom_kills or 0
    known = before.oom_kills or 0 if before is not None else 0
    if killed > known:
        text = (
            f"the kernel killed {plural(killed - known, 'process', 'processes')} in it in it (out of memory)"
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
            yield Alarm(f"event-{action}", severity, text if count == 1 else f"{text}, {count} times")


def of_baseline(facts: ContainerFacts, baseline: ContainerBaseline, drift: Drift) -> Iterator[Alarm]:
    """Differences from the baseline."""
    if str(facts.inspect.get("Image") or "") != baseline.image:
        yield Alarm("other-image", Severity.HIGH, "it runs another image than in the baseline")
    for paths, word, severity in (
        (drift.changed, "changed", Severity.HIGH),
        (drift.added, "appeared", Severity.MEDIUM),
        (drift.deleted, "deleted", Severity.HIGH),
        (drift.gone, "reverted to the image", Severity.MEDIUM),
    ):
        if paths:
            text = f"{plural(len(paths), 'file')} {word} since the baseline"
            yield Alarm(f"files-{word.partition(' ')[0]}", severity, text, paths[:_DETAILS])
    kernel = facts.kernel
    if not isinstance(kernel, Kernel):
        return
    processes = known(lambda: kernel.processes, else_=())
    programs = {program_of(process.executable, process.name) for process in processes}
    if new := sorted(programs - {*baseline.programs}):
        yield Alarm("new-program", Severity.HIGH, "a new program is running", tuple(new[:_DETAILS]))
    before = {(socket.protocol, socket.port) for socket in baseline.listening}
    now = {(socket.protocol, socket.port) for socket in known(lambda: kernel.listening, else_=())}
    if opened := sorted(now - before):
        ports = tuple(f"{port}/{protocol}" for protocol, port in opened[:_DETAILS])
        yield Alarm("new-listener", Severity.HIGH, "it listens on a new port", ports)
    yield from _of_rights(kernel, baseline)


def _of_rights(kernel: Kernel, baseline: ContainerBaseline) -> Iterator[Alarm]:
    """It has more privileges than in the baseline; fewer raise no alarm."""
    sets = known(lambda: kernel.capabilities)
    if isinstance(sets, CapabilitySets) and baseline.capabilities is not None:
        more = sorted(sets.effective - {*baseline.capabilities})
        if more:
            yield Alarm("more-capabilities", Severity.HIGH, "it has more capabilities", tuple(more))
    if baseline.uid not in (None, 0) and known(lambda: kernel.uid, else_=None) == 0:
        yield Alarm("became-root", Severity.HIGH, "its main process is now root")
    for was, now, name, text in (
        (
            baseline.seccomp_mode == 2,
            known(lambda: kernel.seccomp_mode, else_=None) == 0,
            "no-filter",
            "it no longer has a seccomp filter",
        ),
        (
            baseline.no_new_privileges is True,
            not known(lambda: kernel.no_new_privileges, else_=True),
            "new-privileges",
            "setuid programs can raise its privileges again",
        ),
        (
            baseline.read_only_root is True,
            not known(lambda: kernel.read_only_root, else_=True),
            "writable-root",
            "its root file system is writable again",
        ),
    ):
        if was and now:
            yield Alarm(name, Severity.HIGH, text)
