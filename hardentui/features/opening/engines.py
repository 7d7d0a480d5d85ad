"""Find the engines: the named one, the sockets of this host, a service of our own, the simulated
host."""

from __future__ import annotations

import os
import socket
import time
from time import perf_counter
from typing import TYPE_CHECKING

from hardentui.account import home
from hardentui.engine.connection import Request
from hardentui.engine.locate import Environment, candidates
from hardentui.engine.probe import NoAnswer as Tried
from hardentui.engine.probe import no_engine, probe_all, refused_address, served_by
from hardentui.engine.read import Engine
from hardentui.errors import EngineError, UsageError
from hardentui.features.opening.opened import CommandLog, Opened
from hardentui.features.views import Attempt, Selection
from hardentui.host.files import LocalFiles, home_of, text_or
from hardentui.host.place import find_place, view_of_host
from hardentui.model.facts import EngineFacts
from hardentui.model.known import Known, Unread, known, later
from hardentui.state import Directory, keep_document, read_document, state_directory

if TYPE_CHECKING:
    from hardentui.model.host import HostFacts
    from hardentui.model.trust import TrustFacts


# Engine data that only `/info` returns, cached between runs: the request takes 0.4 to 2.6 seconds.
#
# A cached answer is valid while everything it depends on is unchanged: the socket, Podman's
# version, the boot of the machine, and the configuration files that Podman reads. It is never older
# than a day.

SCHEMA = 1
_LONGEST_NAME = 200
LONGEST = 24 * 3600.0
_CONFIGURATION = tuple(
    "/usr/share/containers/containers.conf /etc/containers/containers.conf /etc/containers/containers.conf.d "
    "/etc/containers/storage.conf /etc/containers/registries.conf".split()
)
_BOOT = "/proc/sys/kernel/random/boot_id"


class EngineInfo:
    """Loads the info of engines, from the cache if valid, else from the engine."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def use_kept(self, engine: Engine) -> bool:
        """Complete the engine's facts from a cached answer; returns whether there was a valid one."""
        path = self._path(engine.facts)
        try:
            if path is None or time.time() - os.stat(path).st_mtime > LONGEST:
                return False
            document = read_document(path)
        except (OSError, ValueError):
            return False
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            return False
        info = document.get("info")
        if document.get("key") != _key(engine.facts) or not isinstance(info, dict):
            return False
        return engine.use_info(info)

    def load(self, engine: Engine) -> EngineFacts:
        """The engine's facts with its info, cached or requested."""
        if isinstance(known(lambda: engine.facts.info), Unread) and not self.use_kept(engine):
            self._keep(engine.load_info())
        return engine.facts

    def _keep(self, facts: EngineFacts) -> None:
        path = self._path(facts)
        info = known(lambda: facts.info)
        if path is not None and not isinstance(info, Unread):
            keep_document(
                path,
                {"schema": SCHEMA, "key": _key(facts), "info": info},
            )

    def _path(self, facts: EngineFacts) -> str | None:
        if not facts.local or facts.simulated or not facts.url.startswith("unix://"):
            return None
        name = facts.url.replace("%", "%25").replace("/", "%2F")[-_LONGEST_NAME:]
        return os.path.join(
            self._directory(),
            "engines",
            f"{name}.json",
        )


def _key(facts: EngineFacts) -> list[str]:
    """The state that a cached answer depends on."""
    settings = f"{home()}/.config/containers/containers.conf"
    socket = facts.url.removeprefix("unix://")
    return [
        str(facts.version),
        _boot(),
        *(
            f"{path} {_changed(path)}"
            for path in (socket, *_CONFIGURATION, settings, f"{settings}.d")
        ),
    ]


def _changed(path: str) -> int:
    """When a file was last changed, in nanoseconds; -1 = it does not exist."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return -1


def _boot() -> str:
    try:
        with open(_BOOT, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


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
    from hardentui.features.opening.saved_facts import open_simulated

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
