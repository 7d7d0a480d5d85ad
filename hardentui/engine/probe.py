"""Probe a place where an engine may be: an `Engine` if one answers, else a `NoAnswer` with the
reason."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from hardentui.engine.connection import Connection, Listener, UnixConnection
from hardentui.engine.locate import Candidate, user_name
from hardentui.engine.read import Engine, version_of
from hardentui.errors import EngineDenied, EngineError, NoEngine, NotFound
from hardentui.model.facts import STOCK_CAPABILITIES, EngineFacts, SocketOwner
from hardentui.model.known import Known, Unread
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.engine.ssh import Tunnel

_NOT_PODMAN = "Something answers there, but it is not Podman."
_DOCKER_HAS_NO_SUCH_PAGE = "page not found"
"""What Docker answers for Podman's own paths."""
_DOCKER = "Docker answers there, not Podman."
_PING_LIMIT = 5.0
_SSH_PING_LIMIT = 20.0
_FORWARDERS = frozenset("ssh sshd sshd-session gvproxy vfkit krunkit qemu-system-x86 socat".split())
_RUN_USER = r"/run/user/([0-9]{1,10})/"


class NoAnswer(Struct, frozen=True):
    """A place where no engine answered: the reason in a sentence, and a hint on what would help.

    `denied`: there is one, but this account may not use it.
    """

    candidate: Candidate
    reason: str
    hint: str = ""
    denied: bool = False


def probe(
    candidate: Candidate,
    listener: Listener | None = None,
) -> Engine | NoAnswer:
    """Connect and ping: under 2 ms for a unix socket. The engine's `close` ends anything started
    for it."""
    opener = _OPENERS.get(_scheme(candidate.url))
    if opener is None:
        return NoAnswer(candidate, *refused_address(candidate.url))
    try:
        try:
            return opener(candidate, listener)
        except NotFound as error:
            return _other_engine(
                candidate,
                listener,
                error.title == _DOCKER_HAS_NO_SUCH_PAGE,
            )
    except EngineError as error:
        return NoAnswer(
            candidate,
            error.title,
            error.hint,
            isinstance(error, EngineDenied),
        )


def _other_engine(
    candidate: Candidate,
    listener: Listener | None,
    docker: bool,
) -> Engine | NoAnswer:
    """A Docker is read where it was named; one that was found by itself is named with the way to
    read it."""
    if not docker:
        return NoAnswer(candidate, _NOT_PODMAN)
    if _scheme(candidate.url) != "unix":
        return NoAnswer(
            candidate,
            _DOCKER,
            "Run HardenTUI on its machine.",
        )
    if candidate.found_with:
        return _open_docker(candidate, listener)
    return NoAnswer(
        candidate, _DOCKER, f"Read its containers: hardentui --url {candidate.url} check"
    )


def probe_all(
    places: Iterable[Candidate],
    listener: Listener | None = None,
) -> tuple[tuple[Engine, ...], tuple[NoAnswer, ...]]:
    """Probe in order. A socket reached by two names is one engine."""
    engines: list[Engine] = []
    attempts: list[NoAnswer] = []
    seen: set[tuple[int, int]] = set()
    for place in places:
        same = _socket_identity(place)
        if same in seen:
            continue
        answer = probe(place, listener)
        if isinstance(answer, NoAnswer):
            attempts.append(answer)
            continue
        engines.append(answer)
        if same is not None:
            seen.add(same)
    return tuple(engines), tuple(attempts)


def served_by(engine: Engine) -> int:
    """The process that listens on the engine's socket; 0 if it is not one of this machine that we
    see."""
    peer = getattr(engine.connection, "peer", None)
    return (peer() or 0) if engine.facts.local and peer else 0


def no_engine(attempts: Iterable[NoAnswer]) -> NoEngine:
    """The error if nothing answered anywhere: what was tried, in order, and what would help."""
    lines = []
    for attempt in attempts:
        lines.append(f"{attempt.candidate.origin}: {attempt.reason}")
        if attempt.hint:
            lines.append(f"  {attempt.hint}")
    return NoEngine("No Podman was found.", "\n".join(lines))


def refused_address(url: str) -> tuple[str, str]:
    """Why an address cannot be used, and what to use instead; empty if it can be tried."""
    scheme = _scheme(url)
    if scheme in _OPENERS:
        return "", ""
    if scheme in ("tcp", "http", "https"):
        return (
            (
                "Podman over TCP is not supported, because it is unprotected: anyone who can reach it "
                "is root."
            ),
            "Use ssh://USER@HOST/run/podman/podman.sock",
        )
    return (
        f"{visible(url, 200)} is not a supported address.",
        "Use unix:///PATH or ssh://USER@HOST[:PORT]/PATH",
    )


def _scheme(url: str) -> str:
    """The scheme in lower case; empty if the address has none."""
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator else ""


def _open_unix(
    candidate: Candidate,
    listener: Listener | None,
) -> Engine:
    path = candidate.url.partition("://")[2]
    if not path.startswith("/"):
        raise EngineError(
            "A unix:// address needs an absolute path.",
            "For example unix:///run/podman/podman.sock",
        )
    first = UnixConnection(path, listener, url=candidate.url)
    try:
        version = version_of(first.ping(_PING_LIMIT))
    except BaseException:
        first.close()
        raise
    facts = EngineFacts(
        label=candidate.label or _label(first.owner),
        url=candidate.url,
        found_with=candidate.found_with,
        version=version,
        rootless=_is_rootless(first.owner),
        owner=first.owner,
        local=is_local(first.peer()),
        default_capabilities=STOCK_CAPABILITIES,
    )
    return Engine(
        facts,
        _connector(
            first,
            lambda: UnixConnection(path, listener, url=candidate.url),
        ),
    )


def _open_docker(
    candidate: Candidate,
    listener: Listener | None,
) -> Engine:
    from hardentui.engine import docker, docker_documents

    path = candidate.url.partition("://")[2]

    def wire() -> UnixConnection:
        return UnixConnection(
            path,
            listener,
            url=candidate.url,
            api="",
        )

    def spoken_over(connection: UnixConnection) -> docker.DockerConnection:
        return docker.DockerConnection(connection, connection.peer)

    plain = wire()
    first = spoken_over(plain)
    try:
        first.ping(_PING_LIMIT)
    except BaseException:
        first.close()
        raise
    facts = EngineFacts(
        label="docker",
        url=candidate.url,
        found_with=candidate.found_with,
        rootless=Unread("Docker was not asked"),
        owner=plain.owner,
        local=is_local(first.peer()),
        default_capabilities=docker_documents.DEFAULT_CAPABILITIES,
        default_network=docker_documents.DEFAULT_NETWORK,
        only_read=docker.ONLY_READ,
    )
    engine = Engine(facts, _connector(first, lambda: spoken_over(wire())))
    engine.load_info()
    return engine


def _open_ssh(candidate: Candidate, listener: Listener | None) -> Engine:
    from hardentui.engine.ssh import (
        Tunnel,
    )  # imports subprocess, which a local engine does not need

    tunnel = Tunnel(candidate.url, candidate.identity)
    first = _through(tunnel, candidate, listener)
    try:
        version = version_of(first.ping(_SSH_PING_LIMIT))
    except BaseException:
        first.close()
        tunnel.close()
        raise
    facts = EngineFacts(
        label=f"{candidate.label or visible(tunnel.host, 60)} (ssh)",
        url=candidate.url,
        found_with=candidate.found_with,
        version=version,
        rootless=_rootless_by_path(tunnel.remote_path),
        local=False,
        default_capabilities=STOCK_CAPABILITIES,
    )
    connect = _connector(first, lambda: _through(tunnel, candidate, listener))
    return Engine(facts, connect, on_close=tunnel.close)


def _through(
    tunnel: Tunnel,
    candidate: Candidate,
    listener: Listener | None,
) -> UnixConnection:
    return UnixConnection(
        tunnel.socket,
        listener,
        url=candidate.url,
        before_connect=tunnel.ensure,
    )


_OPENERS: dict[str, Callable[[Candidate, Listener | None], Engine]] = {
    "unix": _open_unix,
    "ssh": _open_ssh,
}


def _connector(
    first: Connection,
    another: Callable[[], Connection],
) -> Callable[[], Connection]:
    """A factory that returns the pinged connection first, then new ones."""
    ready = [first]
    return lambda: ready.pop() if ready else another()


def _socket_identity(candidate: Candidate) -> tuple[int, int] | None:
    scheme, _, path = candidate.url.partition("://")
    if scheme == "unix":
        with suppress(OSError, ValueError):
            status = os.stat(path)
            if stat.S_ISSOCK(status.st_mode):
                return status.st_dev, status.st_ino
    return None


def _is_rootless(owner: SocketOwner | None) -> Known[bool]:
    return Unread("the owner of the socket is not known") if owner is None else owner.uid != 0


def _label(owner: SocketOwner | None) -> str:
    if owner is None:
        return "podman"
    return "rootful" if owner.uid == 0 else f"rootless {visible(user_name(owner.uid), 40)}"


def _rootless_by_path(path: str) -> Known[bool]:
    user = re.match(_RUN_USER, path)
    if user:
        return int(user[1]) != 0
    if path == "/run/podman/podman.sock":
        return False
    return Unread("the socket's path does not show it and Podman was not asked")


def is_local(peer: int | None) -> bool:
    """Whether the process behind the socket is on this machine, in a pid namespace visible to us.

    A forwarder (ssh, a virtual machine's proxy) is local itself, but the engine behind it is not.
    """
    if not peer:
        return False
    try:
        with open(
            f"/proc/{peer}/comm",
            encoding="utf-8",
            errors="replace",
        ) as file:
            return file.read().strip() not in _FORWARDERS
    except OSError:
        return True  # it is in our pid namespace, but hidden (hidepid)
