"""Results of monitoring a container, for screens and reports."""

from __future__ import annotations

from msgspec import Struct

from hardentui.model.facts import SocketEndpoint
from hardentui.model.finding import Severity


class Alarm(Struct, frozen=True):
    """Something that should not be, in plain words."""

    id: str  # the check that found it, or a stable word of its own
    severity: Severity
    text: str
    details: tuple[str, ...] = ()  # at most a few: paths, programs, ports


class BlindSpot(Struct, frozen=True):
    """Something that could not be checked, so the absence of alarms from it means nothing."""

    id: str
    severity: Severity
    why: str


class Usage(Struct, frozen=True):
    """Resource usage of the container; None = unknown, for a limit: no limit."""

    cpu_percent: float | None = None  # of one CPU, since the previous sample
    cpu_limit: float | None = None
    # share of the periods in which its CPU use was throttled
    throttled_percent: float | None = None
    memory: int | None = None
    memory_limit: int | None = None
    tasks: int | None = None
    tasks_limit: int | None = None
    oom_kills: int | None = None
    source: str = ""  # `cgroup`, or `processes` if it has no cgroup of its own


class LogLine(Struct, frozen=True):
    """A line of a container's log: it may contain anything, in a sample without likely secrets."""

    time: str  # as Podman writes it; may be empty
    stream: str  # `stdout` or `stderr`; empty for a container with a terminal
    text: str


class SeenProcess(Struct, frozen=True):
    """A process of the container."""

    pid: int
    name: str
    program: str
    uid: int | None


class SeenEvent(Struct, frozen=True):
    """Something that Podman told of the container."""

    time: float
    action: str


class Sample(Struct, frozen=True, tag_field="schema", tag="hardentui/watch/1"):
    """One sample of a container; the document of `hardentui watch` with each severity as a word."""

    container: str
    engine: str
    time: float  # seconds since 1970
    # state, health: as reported by Podman; health is empty without a health check
    state: str
    health: str = ""
    pid: int | None = None
    restarts: int | None = None
    usage: Usage = Usage()
    processes: tuple[SeenProcess, ...] = ()
    listening: tuple[SocketEndpoint, ...] = ()
    changed_paths: int | None = None  # how many paths differ from the image; None = unknown
    log: tuple[LogLine, ...] = ()
    # since the previous sample; for the first sample, of the last ten minutes
    events: tuple[SeenEvent, ...] = ()
    sensors: tuple[str, ...] | None = None  # running runtime sensors of the host; None = unknown
    alarms: tuple[Alarm, ...] = ()
    blind: tuple[BlindSpot, ...] = ()

    def exit_code(self, fail_on: Severity) -> int:
        """1 if an alarm reaches `fail_on`, otherwise 4 if something could not be checked, otherwise
        0."""
        if any(alarm.severity >= fail_on for alarm in self.alarms):
            return 1
        return 4 if any(spot.severity >= fail_on for spot in self.blind) else 0
