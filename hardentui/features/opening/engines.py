"""Find the engines: the named one, the sockets of this host, a service of our own, the simulated
host."""

from __future__ import annotations

import os
import socket
from time import perf_counter
from typing import TYPE_CHECKING

from hardentui.engine.connection import Request
from hardentui.engine.locate import Environment, candidates
from hardentui.engine.probe import NoAnswer as Tried
from hardentui.engine.probe import no_engine, probe_all, refused_address, served_by
from hardentui.engine.read import Engine
from hardentui.errors import EngineError, UsageError
from hardentui.features.opening.command_log import CommandLog
from hardentui.features.opening.opened import Opened
from hardentui.features.views import Attempt, Selection
from hardentui.host.files import LocalFiles, home_of, text_or
from hardentui.host.place import find_place, view_of_host
from hardentui.model.facts import EngineFacts
from hardentui.model.known import Known, Unread, later
from hardentui.state import state_directory

if TYPE_CHECKING:
    from hardentui.model.host import HostFacts
    from hardentui.model.trust import TrustFacts


_ELSEWHERE_HERE = (
    "the engine has another root directory than the host that is read (it runs in a container)"
)
_ANOTHER_ENGINE = "it is Podman's, and this is another engine"
_OF_PODMAN = (
    "audit_loaded audit_rules configuration engine_configuration outdated programs restarts_at_boot "
    "seccomp_intact seccomp_profile sockets storage units unit_programs"
).split()
"""Facts of the host that say nothing about another engine."""


def open_engines(selection: Selection) -> Opened:
    """Find engines in the order of the README.

    Raises:
        NoEngine: one was specified and does not answer.
        UsageError: `--url` is not a usable address.
        InputError: there is no connection of that name, or a facts file cannot be used.
    """
    if selection.demo:
        return _simulated(())
    if selection.facts_file:
        from hardentui.features.opening.saved_facts import open_saved

        return open_saved(selection.facts_file)
    if selection.url and (refused := refused_address(selection.url))[0]:
        raise UsageError(*refused)
    log = CommandLog()
    environment = Environment.here()
    engines, tried = probe_all(
        candidates(
            environment,
            selection.url,
            selection.connection,
        ),
        log,
    )
    if engines:
        return _real(
            engines,
            _attempts(tried),
            log,
            selection,
        )
    if selection.url or selection.connection or environment.environ.get("CONTAINER_HOST"):
        raise no_engine(tried)
    own, trouble = _own_service(log)
    if own is not None:
        return _real(
            (own,),
            _attempts(tried),
            log,
            selection,
            private_service=True,
        )
    return _simulated((*_attempts(tried), trouble))


def _real(
    engines: tuple[Engine, ...],
    attempts: tuple[Attempt, ...],
    log: CommandLog,
    selection: Selection,
    *,
    private_service: bool = False,
) -> Opened:
    place, files, run = view_of_host(find_place(filter(None, map(served_by, engines))))
    for engine in engines:
        if place.blind and engine.facts.url.startswith("unix://"):
            engine.facts = engine.facts.replace(
                local=False,
                unseen=place.unseen,
            )
        elif served_by(engine) in place.strangers:
            engine.facts = engine.facts.replace(
                local=False,
                unseen=_ELSEWHERE_HERE,
            )
    far = Unread(engines[0].facts.unseen)
    local = next((engine for engine in engines if engine.facts.local), None)

    def read_host() -> Known[HostFacts]:
        if local is None:
            return far
        from hardentui.host.machine import read_host as read

        host: HostFacts = read(
            files, version=local.facts.version, run=run, root=os.geteuid() == 0, deep=selection.deep
        )
        from hardentui.scanners.host_scans import HostScans

        if local.facts.only_read:
            host = host.replace(**dict.fromkeys(_OF_PODMAN, Unread(_ANOTHER_ENGINE)))
        return host.replace(host_scans=later(lambda _: HostScans(state_directory).load()))

    def read_trust(facts: EngineFacts) -> Known[TrustFacts]:
        from hardentui.host.podman.trust import read_trust as read

        if not facts.local or facts.only_read:
            return Unread(_ANOTHER_ENGINE if facts.only_read else facts.unseen)
        uid = facts.owner.uid if facts.owner is not None else os.geteuid()
        return read(
            files,
            home=home_of(files, uid),
            uid=uid,
            version=facts.version,
        )

    return Opened(
        engines,
        attempts,
        log,
        files,
        read_host,
        read_trust,
        text_or(files, "/proc/sys/kernel/hostname").strip() if place.door else socket.gethostname(),
        private_service=private_service,
        run=run,
        runs=place,
        state_directory=state_directory,
    )


def _own_service(log: CommandLog) -> tuple[Engine | None, Attempt]:
    """A private service, if podman is installed."""
    from hardentui.engine.service import PrivateService

    where = "a private podman system service"
    if not PrivateService.possible():
        from hardentui.host.release import release_of
        from hardentui.reading.host_words import to_install

        return None, Attempt(
            "podman",
            "",
            where,
            "podman is not installed",
            to_install(release_of(LocalFiles()), "podman"),
        )
    service = PrivateService()
    started = perf_counter()
    try:
        service.start()
        engine = service.engine(log)
    except EngineError as error:
        return None, Attempt(
            "podman",
            "",
            where,
            error.title,
            error.hint,
        )
    command = " ".join(service.command())
    log(
        Request(
            "run",
            command,
            200,
            perf_counter() - started,
        )
    )
    return engine, Attempt("podman", service.socket, where, "")


def _simulated(attempts: tuple[Attempt, ...]) -> Opened:
    from hardentui.features.opening.simulated import open_simulated

    return open_simulated(attempts)


def _attempts(tried: tuple[Tried, ...]) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(
            label=attempt.candidate.label or attempt.candidate.url,
            url=attempt.candidate.url,
            origin=attempt.candidate.origin,
            reason=attempt.reason,
            hint=attempt.hint,
            denied=attempt.denied,
        )
        for attempt in tried
    )
