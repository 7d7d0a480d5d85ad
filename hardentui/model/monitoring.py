"""What watching a container hands out: frozen values that a screen or a report can show."""

from __future__ import annotations

from msgspec import Struct

from hardentui.model.finding import Severity


class Alarm(Struct, frozen=True):
    """Something that should not be, in plain words.

    Attributes:
        id: the check that found it, or a word for what a check does not look at; stable.
        details: at most a few: paths, programs, ports.
    """

    id: str
    severity: Severity
    text: str
    details: tuple[str, ...] = ()


class BlindSpot(Struct, frozen=True):
    """Something that could not be checked: no alarm from there is no good news."""

    id: str
    severity: Severity
    why: str


class Usage(Struct, frozen=True):
    """What the container uses; None = not known, for a limit: there is none.

    Attributes:
        cpu_percent: of one processor, since the sample before.
        throttled_percent: share of the periods in which it had to wait for its share of the processor.
        source: `cgroup`, or `processes` where it has no cgroup of its own.
    """

    cpu_percent: float | None = None
    cpu_limit: float | None = None
    throttled_percent: float | None = None
    memory: int | None = None
    memory_limit: int | None = None
    tasks: int | None = None
    tasks_limit: int | None = None
    oom_kills: int | None = None
    source: str = ""


class SeenProcess(Struct, frozen=True):
    """A process of the container; `expected` is None where there is nothing to compare with."""

    pid: int
    name: str
    program: str
    uid: int | None
    expected: bool | None = None


class SeenListener(Struct, frozen=True):
    """A port that it listens on."""

    protocol: str
    address: str
    port: int
    expected: bool | None = None


class SeenLine(Struct, frozen=True):
    """A line of the log, with what looks like a secret masked."""

    time: str
    stream: str
    text: str


class SeenEvent(Struct, frozen=True):
    """Something that Podman told of the container."""

    time: float
    action: str


class Drift(Struct, frozen=True):
    """How its files differ.

    Attributes:
        from_image: how many paths differ from the image.
        added, changed, gone: paths that differ from the kept baseline; empty without one.
    """

    from_image: int | None = None
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


class Sample(Struct, frozen=True):
    """One look at a container.

    Attributes:
        time: seconds since 1970.
        state, health: Podman's words; health is empty without a health check.
        baseline: when the baseline was kept that it is compared with; empty without one.
        events: since the sample before, for the first one of the last ten minutes.
        sensors: runtime sensors of the host that run; None = not known.
    """

    container: str
    engine: str
    time: float
    state: str
    health: str = ""
    pid: int | None = None
    restarts: int | None = None
    usage: Usage = Usage()
    processes: tuple[SeenProcess, ...] = ()
    listening: tuple[SeenListener, ...] = ()
    drift: Drift = Drift()
    log: tuple[SeenLine, ...] = ()
    events: tuple[SeenEvent, ...] = ()
    baseline: str = ""
    sensors: tuple[str, ...] | None = None
    alarms: tuple[Alarm, ...] = ()
    blind: tuple[BlindSpot, ...] = ()

    def exit_code(self, fail_on: Severity) -> int:
        """1 for an alarm that counts, else 4 for something that could not be checked, else 0."""
        if any(alarm.severity >= fail_on for alarm in self.alarms):
            return 1
        return 4 if any(spot.severity >= fail_on for spot in self.blind) else 0


class Sensor(Struct, frozen=True):
    """One sensor.

    Attributes:
        sees: what it notices, one sentence.
        installed, running: None = not known.
        add: commands for this distribution; empty where it runs.
        mind: what to know before adding it.
    """

    name: str
    sees: str
    installed: bool | None
    running: bool | None
    add: tuple[str, ...] = ()
    mind: str = ""
