"""Find the engines: the named one, the sockets of this host, a service of our own, the simulated host."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING

from msgspec import Struct, field

from hardentui.engine.connection import Request
from hardentui.engine.locate import Environment, candidates, user_home
from hardentui.engine.probe import Attempt as Tried
from hardentui.engine.probe import no_engine, probe_all, refused_address
from hardentui.engine.read import Engine
from hardentui.errors import EngineError, UsageError
from hardentui.host.commands import Run, run_nothing, run_program
from hardentui.host.files.reader import Files, LocalFiles
from hardentui.model.facts import EngineFacts
from hardentui.model.known import Known, Unreadable
from hardentui.state.own_files import Folder, cache_folder, state_folder
from hardentui.workbench.looking.begun import Begun
from hardentui.workbench.opening.clock import utc_now
from hardentui.workbench.opening.command_log import CommandLog
from hardentui.workbench.views import Attempt, Selection

if TYPE_CHECKING:
    from hardentui.model.host import HostFacts, TrustFacts
    from hardentui.model.image import ImageInventory


class Opened(Struct, frozen=True):
    """What was found.

    Attributes:
        log: of what is asked of the engines, from the first request on.
        files: the host that local engines run on.
        read_host: reads the host's facts, about 50 ms; asked for once.
        read_trust: reads what the user of an engine trusts.
        run: how programs of the host are asked; by default none is.
        inventories: what is inside images, by ID, as far as it is known.
        cache_folder: where what can be made again is kept.
        state_folder: where stored scan results are; None = they are not those of this host.
    """

    engines: tuple[Engine, ...]
    attempts: tuple[Attempt, ...]
    log: CommandLog
    files: Files
    read_host: Callable[[], Known[HostFacts]]
    read_trust: Callable[[EngineFacts], Known[TrustFacts]]
    host_name: str
    clock: Callable[[], datetime] = utc_now
    run: Run = run_nothing
    inventories: dict[str, ImageInventory] = field(default_factory=dict)
    cache_folder: Folder = cache_folder
    state_folder: Folder | None = None
    simulated: bool = False
    private_service: bool = False
    _host: list[Known[HostFacts]] = field(default_factory=list)
    _begun: list[Begun[Known[HostFacts]]] = field(default_factory=list)

    def engine(self, label: str) -> Engine:
        """The engine of this label."""
        return next(engine for engine in self.engines if engine.facts.label == label)

    def forget_host(self) -> None:
        """Read the host's facts anew when they are asked for next."""
        self._host.clear()

    @property
    def known_host(self) -> HostFacts | None:
        """The host's facts, where they were read already."""
        found = self._host[0] if self._host else None
        return None if isinstance(found, Unreadable) else found

    def begin_host(self) -> None:
        """Start to read the host's facts in the background; `host_facts` takes what has come."""
        self._begun.append(Begun(self.read_host))

    def host_facts(self) -> Known[HostFacts]:
        """The host's facts, read once."""
        if not self._host:
            self._host.append(self._begun.pop().result() if self._begun else self.read_host())
        return self._host[0]


def open_engines(selection: Selection) -> Opened:
    """Find engines in the order of the README.

    Raises:
        NoEngine: one was asked for by name and does not answer.
        UsageError: `--url` is no address that can be used.
        InputError: there is no connection of that name; a facts file that cannot be used.
    """
    if selection.demo:
        return _simulated(())
    if selection.facts_file:
        from hardentui.workbench.opening.saved_facts import open_saved

        return open_saved(selection.facts_file)
    if selection.url and (refused := refused_address(selection.url))[0]:
        raise UsageError(*refused)
    log = CommandLog()
    environment = Environment.here()
    engines, tried = probe_all(candidates(environment, selection.url, selection.connection), log)
    if engines:
        return _real(engines, _attempts(tried), log, selection)
    if selection.url or selection.connection or environment.environ.get("CONTAINER_HOST"):
        raise no_engine(tried)
    own, trouble = _own_service(log)
    if own is not None:
        return _real((own,), _attempts(tried), log, selection, private_service=True)
    return _simulated((*_attempts(tried), trouble))


def _real(
    engines: tuple[Engine, ...],
    attempts: tuple[Attempt, ...],
    log: CommandLog,
    selection: Selection,
    *,
    private_service: bool = False,
) -> Opened:
    files = LocalFiles()
    far = Unreadable("the engine is on another machine; run HardenTUI there to look at its host")
    local = next((engine for engine in engines if engine.facts.local), None)

    def read_host() -> Known[HostFacts]:
        if local is None:
            return far
        from hardentui.host.machine import read_host as read

        return read(
            files, version=local.facts.version, run=run_program, root=os.geteuid() == 0, deep=selection.deep
        )

    def read_trust(facts: EngineFacts) -> Known[TrustFacts]:
        from hardentui.host.podman.trust import read_trust as read

        if not facts.local:
            return far
        uid = 0 if facts.rootless is False else _owner(facts.url)
        return read(files, home=user_home(uid), uid=uid, version=facts.version)

    return Opened(
        engines,
        attempts,
        log,
        files,
        read_host,
        read_trust,
        socket.gethostname(),
        private_service=private_service,
        run=run_program,
        state_folder=state_folder,
    )


def _owner(url: str) -> int:
    """The user behind an engine's socket; ours when it cannot be told."""
    try:
        return os.stat(url.removeprefix("unix://")).st_uid
    except OSError:
        return os.geteuid()


def _own_service(log: CommandLog) -> tuple[Engine | None, Attempt]:
    """A private service, when podman is installed."""
    from hardentui.engine.service import PrivateService

    where = "a private podman system service"
    if not PrivateService.possible():
        return None, Attempt(
            "podman", "", where, "podman is not installed", "apt-get install podman, or zypper, or dnf"
        )
    service = PrivateService()
    started = perf_counter()
    try:
        service.start()
        engine = service.engine(log)
    except EngineError as error:
        return None, Attempt("podman", "", where, error.title, error.hint)
    command = " ".join(service.command())
    log(Request("run", command, 200, perf_counter() - started))
    return engine, Attempt("podman", service.socket, where, "")


def _simulated(attempts: tuple[Attempt, ...]) -> Opened:
    from hardentui.workbench.opening.simulated import open_simulated

    return open_simulated(attempts)


def _attempts(tried: tuple[Tried, ...]) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(
            one.candidate.label or one.candidate.url,
            one.candidate.url,
            one.candidate.origin,
            one.reason,
            one.hint,
        )
        for one in tried
    )
