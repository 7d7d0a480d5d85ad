"""The wait until a container is ready."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Any

from msgspec import Struct

from hardentui.engine.change.containers import ContainerControl
from hardentui.errors import EngineError
from hardentui.features.change.inspected import has_health_check, pid_of
from hardentui.features.change.probe import PROBE_LIMIT, ProbeResult, RunProbe
from hardentui.features.change.reached_ports import read_ports
from hardentui.host.files import Files
from hardentui.model.known import Unread
from hardentui.model.trial import How
from hardentui.visible import visible
from hardentui.words import plural

PATIENCE = 30.0
ALIVE = 3.0
SETTLED = 1.0


OUT_OF_MEMORY = "killed: out of memory"
"""How a main process ended, as Podman saw it."""


class Expectation(Struct, frozen=True):
    """When a container counts as ready."""

    how: How  # by its health check, its listening ports, or by staying alive
    ports: frozenset[str] = frozenset()  # `tcp/80`: all of them must be listening (for PORTS)
    patience: float = PATIENCE  # seconds within which all of this must happen
    settle: float = SETTLED  # seconds that the main process must stay alive afterwards
    probes: tuple[str, ...] = ()  # commands that must all succeed
    # it may exit with code 0 and then counts as ready (a job, not a service)
    ends_well: bool = False

    @property
    def words(self) -> str:
        """The awaited condition, for a sentence."""
        if self.how is How.HEALTH:
            return "its health check"
        if self.how is How.PORTS:
            return f"a listener on {', '.join(sorted(self.ports))}"
        return f"its main process to stay alive for {self.settle:g} s"


def expectation(
    document: Mapping[str, Any],
    ports: Iterable[str],
    patience: float = PATIENCE,
) -> Expectation:
    """How a container is judged.

    Args:
        document: its inspect document.
        ports: those it listens on when it works (`ports_of`).
    """
    if has_health_check(document):
        return Expectation(How.HEALTH, patience=patience)
    if known := frozenset(ports):
        return Expectation(How.PORTS, known, patience)
    return Expectation(
        How.ALIVE,
        patience=patience,
        settle=min(ALIVE, patience),
    )


_PAUSE = 0.2
_PAUSE_HEALTH = 0.5


class Readiness(Struct, frozen=True):
    """How a wait ended."""

    ready: bool
    how: How
    seconds: float  # how long it took
    # what was missing when the time was up, or how the container ended; empty if it is ready
    why: str = ""
    exit_code: int | None = None  # of a main process that ended; None while it is running
    failed_probe: ProbeResult | None = None  # the probe that `why` is about, if any


class Wait:
    """Waits for one started container.

    Args:
        container: its name or id.
        files: this machine's files, for /proc; None when the engine runs on another one.
        run_probe: runs one of the expected probes against this container.
        is_hopeless: whether to stop waiting before the time is over.
        stop: ends the wait immediately with KeyboardInterrupt.
    """

    def __init__(
        self,
        containers: ContainerControl,
        container: str,
        expected: Expectation,
        *,
        files: Files | None,
        run_probe: RunProbe | None = None,
        is_hopeless: Callable[[], bool] = lambda: False,
        stop: threading.Event | None = None,
    ) -> None:
        self._containers = containers
        self._container = container
        self._is_hopeless = is_hopeless
        self._expected = expected
        self._files = files
        self._run_probe = run_probe
        self._stop = stop or threading.Event()
        self._begun = monotonic()
        self._first: tuple[int, int] | None = None
        self._failed_probe: ProbeResult | None = None

    def outcome(self) -> Readiness:
        """Block until it is ready, has ended, is hopeless, or the time is up.

        Raises:
            EngineError: Podman does not return its state.
            KeyboardInterrupt: `stop` was set.
        """
        patience = self._expected.patience
        why = f"time ran out before it could be checked ({patience:.0f} s)"
        stages: list[Callable[[Mapping[str, Any]], str]] = [self._not_expected, self._unanswered]
        while True:
            document = self._containers.inspect(self._container)
            if ended := self._ended(document):
                return ended
            while stages and not (why := stages[0](document)):
                stages.pop(0)
            if not stages:
                return self._settled()
            waited = monotonic() - self._begun
            if waited >= patience or self._is_hopeless():
                why = f"{why}; waited {min(waited, patience):.0f} s"
                return self._result(
                    False,
                    why,
                    failed_probe=self._failed_probe,
                )
            self._sleep(_PAUSE_HEALTH if self._expected.how is How.HEALTH else _PAUSE)

    def ended_since(self) -> str:
        """How it ended after it was ready; empty while it lives, or if it may end.

        Raises:
            EngineError: Podman does not return its state.
        """
        ended = self._ended(self._containers.inspect(self._container))
        return ended.why if ended else ""

    def _settled(self) -> Readiness:
        """Whether it stays alive, and still answers, for a moment after it became ready."""
        end = monotonic() + self._expected.settle
        while True:
            document = self._containers.inspect(self._container)
            if ended := self._ended(document):
                return ended
            if monotonic() >= end:
                break
            self._sleep(_PAUSE)
        if self._expected.how is not How.ALIVE and (why := self._not_expected(document)):
            return self._result(False, f"{why} any more")
        return self._result(True)

    def _not_expected(self, document: Mapping[str, Any]) -> str:
        """What its state lacks; empty if it is as expected."""
        if self._expected.how is How.HEALTH:
            return self._unhealthy()
        if self._expected.how is How.PORTS:
            return self._not_listening(document)
        return ""

    def _unhealthy(self) -> str:
        try:
            status = self._containers.check_health(self._container)
        except EngineError as error:
            return error.title.rstrip(".")
        return "" if status == "healthy" else f"its health check says {visible(status, 40)!r}"

    def _not_listening(self, document: Mapping[str, Any]) -> str:
        if self._files is None:
            return ""  # on another machine this cannot be read; the probes and its survival decide
        listening = read_ports(self._files, pid_of(document))
        if isinstance(listening, Unread):
            return f"its listening ports cannot be read: {listening.reason}"
        missing = self._expected.ports - listening
        return f"it does not listen on {', '.join(sorted(missing))}" if missing else ""

    def _unanswered(self, document: Mapping[str, Any]) -> str:
        """The first probe that fails; empty when all succeed."""
        self._failed_probe = None
        if self._run_probe is None:
            return ""
        for command in self._expected.probes:
            result: ProbeResult = self._run_probe(command, PROBE_LIMIT)
            if not result.succeeded:
                self._failed_probe = result
                return f"the probe {visible(command, 120)!r} failed: {result.why}"
        return ""

    def _ended(self, document: Mapping[str, Any]) -> Readiness | None:
        """The end of the main process, even if Podman restarted it; None while it is alive."""
        state = document.get("State") or {}
        now = (
            int(state.get("Pid") or 0),
            int(document.get("RestartCount") or 0),
        )
        if self._first is None and now[0]:
            self._first = now
        status = str(state.get("Status") or "")
        if status in ("created", "initialized", "configured"):
            return None
        if now[0] and now == self._first:
            return None
        code = int(state.get("ExitCode") or 0)
        if now[0]:
            return self._result(
                False,
                f"it ended and was started again ({plural(now[1], 'time')})",
            )
        if code == 0 and self._expected.ends_well:
            return self._result(True, exit_code=0)
        killed = f" ({OUT_OF_MEMORY})" if state.get("OOMKilled") else ""
        return self._result(
            False, f"its main process ended with exit code {code}{killed}", exit_code=code
        )

    def _result(
        self,
        ready: bool,
        why: str = "",
        exit_code: int | None = None,
        failed_probe: ProbeResult | None = None,
    ) -> Readiness:
        seconds = monotonic() - self._begun
        return Readiness(
            ready,
            self._expected.how,
            seconds,
            why,
            exit_code,
            failed_probe,
        )

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise KeyboardInterrupt
