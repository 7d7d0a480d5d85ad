"""Data read once per engine, when the first container needs it: units, timers, secrets, events,
denials."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hardentui.engine.logs import past_events
from hardentui.engine.read import Engine
from hardentui.engine.shapes import StoredSecret, mappings
from hardentui.errors import EngineError
from hardentui.host.commands import Run
from hardentui.host.files import Files, examine
from hardentui.host.files.interpreters import interpreters
from hardentui.host.process import read_process_table
from hardentui.host.process.activity import read_listening
from hardentui.host.process.denials import read_refusals
from hardentui.host.units.timers import Manager, timer_active
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.facts import ContainerFacts, SocketEndpoint, UnitFacts
from hardentui.model.known import Known, Unread, known

if TYPE_CHECKING:
    from hardentui.features.looking.engine_units import EngineUnits
    from hardentui.host.process.denials import Refusal

_DAY = timedelta(days=1)
_TIMER = "podman-auto-update.timer"
_FRESH = timedelta(minutes=1)
_MOST_EVENTS = 20_000


class OncePerEngine:
    """Answers about one engine and its host, kept as long as they are valid."""

    def __init__(
        self,
        engine: Engine,
        files: Files,
        run: Run,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._files = files
        self._run = run
        self._clock = clock
        self._timer: Known[bool] | None = None
        self._secrets: Known[Mapping[str, str]] | None = None
        self._opened: tuple[datetime, Known[Mapping[str, tuple[datetime, ...]]]] | None = None
        self._refused: tuple[datetime, Known[tuple[Refusal, ...]]] | None = None
        self._services: Collection[str] = ()
        self._listening: Known[tuple[SocketEndpoint, ...]] | None = None
        self._units: EngineUnits | None = None
        self._local = engine.facts.local
        self._far = Unread(engine.facts.unseen)
        self._helpers: Mapping[str, tuple[str, ...]] | None = None
        self._programs: dict[str, Mapping[str, Known[FileFact | Missing]]] = {}

    def forget(self, services: Collection[str]) -> None:
        """The containers were listed again: secrets, the timer and the units may have changed.
        `services`: the units that the containers are labelled with.
        """
        self._timer = self._secrets = self._units = self._listening = self._helpers = None
        self._programs = {}
        self._services = services

    def program(
        self,
        path: str,
        owners: frozenset[int],
    ) -> Mapping[str, Known[FileFact | Missing]]:
        """A program that runs for containers of this engine and, of a script, its interpreters.
        `owners`: the accounts that may change them.
        """
        if path not in self._programs:
            paths = (path, *interpreters(self._files, path))
            self._programs[path] = {each: examine(self._files, each, owners) for each in paths}
        return self._programs[path]

    def network_helper(self, namespace: str) -> tuple[str, ...]:
        """The command line of the pasta that serves a network namespace; empty when none is seen."""
        if self._helpers is None:
            processes = known(read_process_table, self._files, else_=())
            self._helpers = {
                word: process.words
                for process in processes
                if process.program.startswith("pasta")
                for word in process.words
                if "/netns/" in word
            }
        return self._helpers.get(namespace, ())

    def auto_update_timer(self) -> Known[bool]:
        """Whether the timer that updates containers is active for the engine's user."""
        if self._timer is None:
            local = self._engine.facts.local
            self._timer = (
                timer_active(
                    self._files,
                    self._run,
                    _TIMER,
                    self._manager(),
                )
                if local
                else self._far
            )
        return self._timer

    def unit(
        self,
        facts: ContainerFacts,
        service: str,
    ) -> Known[UnitFacts | None]:
        """The unit of a container; the first request loads those of all containers."""
        return (
            self._engine_units().facts(
                facts,
                service,
                self._services,
            )
            if self._local
            else self._far
        )

    def unit_exists(
        self,
        service: str,
        *,
        by_image: bool = False,
    ) -> Known[bool]:
        """As `EngineUnits.exists`."""
        if not self._local:
            return self._far
        return self._engine_units().exists(
            service,
            self._services,
            by_image=by_image,
        )

    def _engine_units(self) -> EngineUnits:
        if self._units is None:
            from hardentui.features.looking.engine_units import EngineUnits

            self._units = EngineUnits(
                self._engine.facts,
                self._files,
                self._run,
                self._clock,
            )
        return self._units

    def listening(self, conmon: int) -> Known[tuple[SocketEndpoint, ...]]:
        """The listening sockets of the host, in the network namespace of a container's conmon."""
        if self._listening is None:
            self._listening = known(read_listening, self._files, conmon)
        return self._listening

    def secret_drivers(self) -> Known[Mapping[str, str]]:
        """Name of each secret of the engine -> its driver."""
        if self._secrets is None:
            self._secrets = self._read_secrets()
        return self._secrets

    def exec_events(self, container: str) -> Known[tuple[datetime, ...]]:
        """When sessions were opened in a container during the last day."""
        now = self._clock()
        if self._opened is None or now - self._opened[0] > _FRESH:
            self._opened = (now, self._read_events(now))
        events = self._opened[1]
        return events if isinstance(events, Unread) else events.get(container, ())

    def refusals(self) -> Known[tuple[Refusal, ...]]:
        """The kernel's denials on this machine during the last day."""
        if not self._engine.facts.local:
            return self._far
        now = self._clock()
        if self._refused is None or now - self._refused[0] > _FRESH:
            root = os.geteuid() == 0
            read = known(
                lambda: read_refusals(
                    self._files,
                    self._run,
                    now,
                    root=root,
                )
            )
            self._refused = (now, read)
        return self._refused[1]

    def _manager(self) -> Manager:
        facts = self._engine.facts
        if facts.rootless is not True:
            return Manager()
        import pwd

        try:
            uid = self._files.stat(facts.url.removeprefix("unix://")).uid
            account = pwd.getpwuid(uid)
        except (OSError, KeyError):
            account = pwd.getpwuid(os.geteuid())
        return Manager(
            account.pw_name,
            account.pw_dir,
            account.pw_uid == os.geteuid(),
        )

    def _read_secrets(self) -> Known[Mapping[str, str]]:
        try:
            answer = mappings(
                self._engine.connection.get("/secrets/json"),
                "the list of secrets",
                "ID",
                StoredSecret,
            )
        except EngineError as error:
            return Unread(f"Podman does not return its secrets: {error.title}")
        return {
            _text(secret, "Spec", "Name"): _text(
                secret,
                "Spec",
                "Driver",
                "Name",
            )
            for secret in answer
        }

    def _read_events(
        self,
        now: datetime,
    ) -> Known[Mapping[str, tuple[datetime, ...]]]:
        if self._engine.facts.simulated:
            return Unread("Podman's events of that day were not recorded")
        since = (now - _DAY).timestamp()
        events = past_events(
            self._engine, {"event": ["exec"]}, since, threading.Event(), most=_MOST_EVENTS
        )
        if isinstance(events, Unread):
            return events
        by_container: dict[str, list[datetime]] = {}
        for event in events:
            by_container.setdefault(event.id, []).append(
                datetime.fromtimestamp(event.time, now.tzinfo)
            )
        return {identity: tuple(sorted(times)) for identity, times in by_container.items()}


def _text(document: Any, *path: str) -> str:
    """A nested string of a document; empty if missing."""
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document if isinstance(document, str) else ""
