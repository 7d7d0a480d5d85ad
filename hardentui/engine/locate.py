"""Where to look for Podman.

`candidates` is pure: it decides from an `Environment` value where to look, in which order. `probe.py`
looks.
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui import account
from hardentui.errors import InputError
from hardentui.model.facts import HOST_ROOTS
from hardentui.regular_files import names_in, read_regular
from hardentui.toml_document import TomlFault, read_toml
from hardentui.visible import visible

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
