"""Where to look for Podman.

`candidates` is pure: it decides from an `Environment` value where to look, in which order. `probe`
looks.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui import account
from hardentui.engine.connection import Connection, Listener, UnixConnection
from hardentui.engine.read import Engine, version_of
from hardentui.errors import EngineDenied, EngineError, InputError, NoEngine, NotFound
from hardentui.model.facts import HOST_ROOTS, STOCK_CAPABILITIES, EngineFacts, SocketOwner
from hardentui.model.known import Known, Unread
from hardentui.regular_files import names_in, read_regular
from hardentui.toml_document import TomlFault, read_toml
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.engine.ssh import Tunnel


ROOTFUL_SOCKET = "/run/podman/podman.sock"
_DOCKER_SOCKET = "docker.sock"
"""In /run: a Docker, which is named rather than overlooked, or Podman under Docker's name."""
_LONGEST_FILE = 1 << 20


class Environment(Struct, frozen=True):
    """Everything that decides where to look."""

    environ: Mapping[str, str] = field(default_factory=dict)
    uid: int = 1000
    home: str = "/root"
    # the text of a file; None if it is absent or unreadable
    read: Callable[[str], str | None] = lambda path: None
    # the names in a directory, sorted; empty if it is absent or unreadable
    files: Callable[[str], tuple[str, ...]] = lambda path: ()
    host_roots: tuple[str, ...] = ()  # where the host's root directory may be seen, in a container

    @classmethod
    def here(cls) -> Environment:
        """The real environment."""
        uid = os.getuid()
        roots = HOST_ROOTS if account.container_around() else ()
        return cls(
            account.environment(),
            uid,
            account.home(),
            _read,
            _files,
            roots,
        )


class Candidate(Struct, frozen=True):
    """A place where an engine may be."""

    label: str  # its given name; empty if the place itself shows it (rootful, rootless)
    url: str  # `unix:///path`, `ssh://user@host:port/path`, or as given
    origin: str  # its source, in a user's words: `--url`, `$CONTAINER_HOST`, `connection prod`
    identity: str = ""  # the ssh key of a named connection, or empty
    # the options that lead here; empty = it is found without being named
    found_with: tuple[str, ...] = ()


def candidates(
    environment: Environment,
    url: str = "",
    connection: str = "",
) -> tuple[Candidate, ...]:
    """Where to look, in order. An explicitly named place is the only one.

    Raises:
        InputError: there is no connection of that name.
    """
    environ = environment.environ
    if url:
        return (_addressed(url, "--url"),)
    if connection:
        return (_named(environment, connection, "--connection"),)
    if host := environ.get("CONTAINER_HOST"):
        return (_addressed(host, "$CONTAINER_HOST"),)
    if name := environ.get("CONTAINER_CONNECTION"):
        return (_named(environment, name, "$CONTAINER_CONNECTION"),)
    in_order = [
        *_default_connection(environment),
        *_sockets(environment),
    ]
    if _DOCKER_SOCKET in environment.files("/run"):
        in_order.append(
            Candidate(
                "",
                f"unix:///run/{_DOCKER_SOCKET}",
                "Docker's socket",
            )
        )
    return tuple({candidate.url: candidate for candidate in reversed(in_order)}.values())[::-1]


def known_candidates(environment: Environment) -> tuple[tuple[str, Candidate], ...]:
    """Every place to choose from: (name of the connection, or empty for a socket, the place)."""
    named, _ = connections(environment)
    by_url = {candidate.url: ("", candidate) for candidate in reversed(_sockets(environment))}
    sockets = [place for url, place in reversed(by_url.items())]
    return (
        *((name, named[name]) for name in sorted(named)),
        *sockets,
    )


def _sockets(environment: Environment) -> list[Candidate]:
    """The usual sockets: of this user, of the user behind sudo, and the rootful one."""
    places: list[tuple[str, str]] = []
    runtime = environment.environ.get("XDG_RUNTIME_DIR", "")
    if environment.uid != 0:
        if runtime.startswith("/"):
            places.append(
                (
                    f"{runtime.rstrip('/')}/podman/podman.sock",
                    "$XDG_RUNTIME_DIR",
                )
            )
        places.append(
            (
                f"/run/user/{environment.uid}/podman/podman.sock",
                "the user's socket",
            )
        )
    else:
        behind = environment.environ.get("SUDO_UID", "")
        if behind.isascii() and behind.isdigit() and int(behind) != 0:
            places.append(
                (
                    f"/run/user/{int(behind)}/podman/podman.sock",
                    "the socket of the user behind sudo",
                )
            )
    places.append((ROOTFUL_SOCKET, "the rootful socket"))
    here = [Candidate("", f"unix://{path}", origin) for path, origin in places]
    return here + [
        Candidate(
            "",
            f"unix://{root}{path}",
            f"{origin} of the host",
        )
        for path, origin in places
        for root in environment.host_roots
    ]


def _default_connection(environment: Environment) -> list[Candidate]:
    named, default = connections(environment)
    return [named[default]] if default in named else []


def _addressed(url: str, origin: str) -> Candidate:
    url = _as_url(url)
    return Candidate(
        "",
        url,
        origin,
        found_with=("--url", url),
    )


def _named(
    environment: Environment,
    name: str,
    origin: str,
) -> Candidate:
    named, _ = connections(environment)
    if name not in named:
        known = ", ".join(visible(other, 60) for other in sorted(named)) or "none"
        raise InputError(
            f"{origin}: there is no connection called {visible(name, 60)!r}.",
            f"Known connections: {known}. See: podman system connection list",
        )
    place = named[name]
    # a socket of this machine is named by its address: another account, as behind sudo, has other
    # connections
    here = place.url.startswith("unix://")
    return replace(
        place,
        found_with=("--url", place.url) if here else ("--connection", name),
    )


def connections(environment: Environment) -> tuple[dict[str, Candidate], str]:
    """The connections of `podman system connection list` by name, and the name of the default one.

    Podman 5 keeps them in podman-connections.json, older ones in containers.conf; the former wins.
    A file that cannot be read as such counts as absent, as it does for Podman's own default.
    """
    named: dict[str, Candidate] = {}
    default = ""
    for path in _settings_files(environment):
        text = environment.read(path)
        if text and ("service_destinations" in text or "active_service" in text):
            engine = _object(_toml(text).get("engine"))
            named.update(
                _destinations(
                    _object(engine.get("service_destinations")),
                    "uri",
                    "identity",
                )
            )
            default = _text(engine.get("active_service")) or default
    section = _object(
        _json(environment.read(_connections_file(environment)) or "").get("Connection")
    )
    named.update(
        _destinations(
            _object(section.get("Connections")),
            "URI",
            "Identity",
        )
    )
    return named, _text(section.get("Default")) or default


def _destinations(
    table: Mapping[str, Any],
    uri: str,
    identity: str,
) -> dict[str, Candidate]:
    destinations: dict[str, Candidate] = {}
    for name, entry in table.items():
        url = _text(_object(entry).get(uri))
        if url:
            key = _text(_object(entry).get(identity))
            destinations[name] = Candidate(
                name, _as_url(url), f"connection {visible(name, 60)}", key
            )
    return destinations


def _config_home(environment: Environment) -> str:
    return environment.environ.get("XDG_CONFIG_HOME") or f"{environment.home}/.config"


def _connections_file(environment: Environment) -> str:
    given = environment.environ.get("PODMAN_CONNECTIONS_CONF")
    return given or f"{_config_home(environment)}/containers/podman-connections.json"


def _settings_files(environment: Environment) -> tuple[str, ...]:
    """The containers.conf files, the weakest first."""
    if given := environment.environ.get("CONTAINERS_CONF"):
        return (given,)
    paths: list[str] = []
    for directory in (
        "/usr/share/containers",
        "/etc/containers",
        f"{_config_home(environment)}/containers",
    ):
        drop_ins = f"{directory}/containers.conf.d"
        paths.append(f"{directory}/containers.conf")
        paths += [
            f"{drop_ins}/{name}" for name in environment.files(drop_ins) if name.endswith(".conf")
        ]
    return tuple(paths)


def _as_url(text: str) -> str:
    return f"unix://{text}" if text.startswith("/") else text


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _toml(text: str) -> Mapping[str, Any]:
    try:
        return read_toml(text)
    except TomlFault:
        return {}


def _json(text: str) -> Mapping[str, Any]:
    try:
        return _object(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _read(path: str) -> str | None:
    with suppress(OSError, ValueError):
        return read_regular(path, _LONGEST_FILE).decode()
    return None


def _files(path: str) -> tuple[str, ...]:
    try:
        return names_in(path)
    except OSError:
        return ()


def user_name(uid: int) -> str:
    """The login name of a user; the number if there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def user_home(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return "/"


# Probe a place where an engine may be: an `Engine` if one answers, else a `NoAnswer` with the
# reason.

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
