"""The engines' API: existing sockets, who may use them, and what starts them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TypeAlias

from msgspec import Struct

from hardentui.errors import InputError
from hardentui.host.files import ROOT_ONLY, Files, names, reached, text_or, there
from hardentui.host.network.listening import Listening, settled, sockets_of
from hardentui.host.process import HostProcess
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.host import EngineSocket, User
from hardentui.model.known import Known, Unread, known
from hardentui.model.path_steps import Accounts
from hardentui.reading.access import WRITE, Way, open_spots, who_may
from hardentui.systemd.unit_text import split_command, unit_settings

ROOTFUL_SOCKET = "/run/podman/podman.sock"
DOCKER_SOCKET = "/run/docker.sock"
_DIRECTORIES = tuple(
    "/run/systemd/transient /etc/systemd/system /run/systemd/system /run/systemd/generator "
    "/usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system".split()
)
_ENGINES = ("podman", "podman-remote")

_Directories: TypeAlias = Mapping[str, Known[tuple[str, ...]]]
"""Each directory of units with its names, listed once: most names are in none of them."""


class Endpoint(Struct, frozen=True):
    """An address at which an engine can be reached."""

    address: str  # `tcp:0.0.0.0:2375`, or the path of a socket
    where: str
    uid: int = 0
    certificates: bool = False
    of_process: bool = False

    @property
    def on_tcp(self) -> bool:
        return self.address.startswith("tcp:")


def read_endpoints(
    files: Files,
    processes: tuple[HostProcess, ...],
    listening: Listening | None,
    uids: Iterable[int],
) -> tuple[Endpoint, ...]:
    """Every API service found in units and processes, except the engines' standard sockets. `uids`:
    accounts that may run their own engine.
    """
    usual = {
        ROOTFUL_SOCKET,
        *(f"/run/user/{uid}/podman/podman.sock" for uid in uids),
    }
    by_address: dict[str, Endpoint] = {}
    for endpoint in (
        *_of_units(files),
        *_of_processes(files, processes, listening),
    ):
        if endpoint.address not in usual:
            by_address.setdefault(endpoint.address, endpoint)
    return tuple(by_address.values())


def _of_units(files: Files) -> Iterator[Endpoint]:
    for path, addresses, commands in socket_units(files):
        for words in filter(is_api, commands):
            certificates = "--tls-client-ca" in " ".join(words)
            yield from (
                Endpoint(
                    address,
                    path,
                    0,
                    certificates,
                )
                for address in addresses
            )


def socket_units(
    files: Files,
    root: str = "",
) -> Iterator[tuple[str, list[str], list[tuple[str, ...]]]]:
    """(path, addresses, commands of its service) of each socket unit. `root`: where the root
    directory is."""
    directories = {f"{root}{at}": known(names, files, f"{root}{at}") for at in _DIRECTORIES}
    seen: set[str] = set()
    for directory, inside in directories.items():
        for name in () if isinstance(inside, Unread) else sorted(inside):
            if name.endswith(".socket") and name not in seen:
                seen.add(name)
                path = f"{directory}/{name}"
                yield (
                    path,
                    *_socket_unit(
                        files,
                        directories,
                        path,
                        name,
                    ),
                )


def _socket_unit(
    files: Files,
    directories: _Directories,
    path: str,
    name: str,
) -> tuple[list[str], list[tuple[str, ...]]]:
    addresses: list[str] = []
    service = name.removesuffix(".socket") + ".service"
    for section, key, value in _settings(
        files,
        directories,
        path,
        name,
    ):
        if section == "Socket" and key in ("ListenStream", "ListenSequentialPacket"):
            addresses = [*addresses, _address(value)] if value else []
        elif section == "Socket" and key == "Service" and value:
            service = value
        elif (
            section == "Socket" and key == "Accept" and value.lower() in ("yes", "true", "1", "on")
        ):
            service = name.removesuffix(".socket") + "@.service"
    commands: list[tuple[str, ...]] = []
    place = next(
        (place for place in _places(directories, service) if there(files, place)),
        "",
    )
    for section, key, value in (
        _settings(
            files,
            directories,
            place,
            service,
        )
        if place
        else ()
    ):
        if section == "Service" and key == "ExecStart":
            commands = [*commands, command_words(value)] if value else []
    return addresses, commands


def _places(directories: _Directories, name: str) -> list[str]:
    """Directories that contain this name, or may: one that cannot be listed may contain it."""
    return [
        f"{directory}/{name}"
        for directory, inside in directories.items()
        if isinstance(inside, Unread) or name in inside
    ]


def _settings(
    files: Files,
    directories: _Directories,
    path: str,
    name: str,
) -> list[tuple[str, str, str]]:
    """The texts of a unit and its drop-ins, in the order in which systemd reads them."""
    parts: dict[str, str] = {}
    for directory in reversed(_places(directories, f"{name}.d")):
        for drop_in in known(
            names,
            files,
            directory,
            else_=(),
        ):
            if drop_in.endswith(".conf"):
                parts[drop_in] = f"{directory}/{drop_in}"
    settings: list[tuple[str, str, str]] = []
    for place in (path, *(parts[drop_in] for drop_in in sorted(parts))):
        settings += unit_settings(text_or(files, place))
    return settings


def command_words(value: str) -> tuple[str, ...]:
    """The words of an Exec…= line without the prefixes of the program; none if systemd refuses the
    line."""
    try:
        words = split_command(value)
    except InputError:
        return ()
    first = words[0].lstrip("-@:+!|") if words else ""
    return (first, *words[1:]) if first else ()


def _address(value: str) -> str:
    """`ListenStream=` as an address: a path, `@name`, or `tcp:HOST:PORT`."""
    value = value.replace("%t", "/run").replace("%%", "%")
    if value.startswith(("/", "@", "vsock:")):
        return settled(value)
    return f"tcp:{value if ':' in value or '.' in value else f'[::]:{value}'}"


def is_api(words: tuple[str, ...]) -> bool:
    """`podman … system service …`"""
    if not words or posixpath.basename(words[0]) not in _ENGINES:
        return False
    return any(word == "system" and following == "service" for word, following in pairwise(words))


def _of_processes(
    files: Files,
    processes: Iterable[HostProcess],
    listening: Listening | None,
) -> Iterator[Endpoint]:
    for process in processes:
        words = process.words
        if not is_api(words):
            continue
        shares = {kind: _shares_with_host(files, process.pid, kind) for kind in ("net", "mnt")}
        if not any(shares.values()):
            continue
        where, uid = f"process {process.pid}", _uid(files, process.pid)
        certificates = any(word.startswith("--tls-client-ca") for word in words)
        named = (_api_address(word) for word in words if word.startswith(("tcp:", "unix:")))
        inside = [
            address for address in named if shares["net" if address.startswith("tcp:") else "mnt"]
        ]
        for address in (*inside, *_held(files, process.pid, listening)):
            yield Endpoint(
                address,
                where,
                uid,
                certificates,
                of_process=True,
            )


def _api_address(word: str) -> str:
    """The address on the command line of `podman system service`."""
    return (
        word if word.startswith("tcp:") else settled(f"/{word.removeprefix('unix:').lstrip('/')}")
    )


def _held(
    files: Files,
    pid: int,
    listening: Listening | None,
) -> Iterator[str]:
    """The addresses of the sockets on which the process listens."""
    if listening is None:
        return
    for number in sockets_of(files, pid):
        if number in listening.unix and listening.unix[number].startswith("/"):
            yield listening.unix[number]
        elif number in listening.tcp:
            yield f"tcp:{listening.tcp[number]}"


def _shares_with_host(
    files: Files,
    pid: int,
    kind: str,
) -> bool:
    """Whether its ports (`net`) or its paths (`mnt`) are those of the host, unlike in most
    containers."""
    try:
        return files.read_link(f"/proc/{pid}/ns/{kind}") == files.read_link(f"/proc/1/ns/{kind}")
    except OSError:
        return True


def _uid(files: Files, pid: int) -> int:
    try:
        return files.stat(f"/proc/{pid}").uid
    except OSError:
        return 0


def read_sockets(
    files: Files,
    people: tuple[User, ...],
    accounts: Accounts | None,
    listening: Listening | None,
    endpoints: Iterable[Endpoint] = (),
) -> tuple[EngineSocket, ...]:
    """Sockets of the rootful engine, of every user's engine, the link for docker clients, and
    others where an engine was found.

    A leftover socket file without a listener, as systemd leaves it, does not count. The API service
    of a running process does: it is reached by its path from every network namespace, but listed
    only in its own.
    """
    sockets = []
    usual = [
        Endpoint(ROOTFUL_SOCKET, ""),
        Endpoint(DOCKER_SOCKET, ""),
    ]
    usual += [
        Endpoint(
            f"/run/user/{user.uid}/podman/podman.sock",
            "",
            user.uid,
        )
        for user in people
    ]
    places = {
        place.address: place
        for place in (
            *usual,
            *(endpoint for endpoint in endpoints if not endpoint.on_tcp),
        )
    }
    for place in places.values():
        seen = reached(files, place.address)
        if isinstance(seen, Unread) and place.uid:
            continue  # another user's runtime directory is closed to us, and its socket to others
        if isinstance(seen, Unread):
            raise seen
        if isinstance(seen, Missing):
            continue
        socket = _socket(
            files,
            place,
            seen[0],
            accounts,
        )
        served = listening is None or settled(place.address) in listening.paths
        if served or socket.target or place.of_process:
            sockets.append(socket)
    return tuple(sockets)


def _socket(
    files: Files,
    place: Endpoint,
    way: Way,
    accounts: Accounts | None,
) -> EngineSocket:
    try:
        target = files.read_link(place.address)
    except OSError:
        target = ""
    last = way[-1]
    owners = ROOT_ONLY | {place.uid}
    dangers = open_spots(
        way,
        accounts,
        owners,
        contents=False,
    )
    fact = FileFact(
        place.address,
        last.uid,
        last.gid,
        last.mode,
        last.kind,
        dangers,
    )
    return EngineSocket(
        file=fact,
        rootful=place.uid == 0,
        users=who_may(
            WRITE,
            way,
            accounts,
            owners,
        ),
        target=target,
        found_in=place.where,
    )


def read_socket_enabled(files: Files) -> str:
    """The link that makes systemd open the rootful socket at boot; empty if there is none."""
    for directory in ("/etc/systemd/system", "/run/systemd/system"):
        for name in names(files, directory):
            wants = f"{directory}/{name}"
            if name.endswith((".wants", ".requires")) and "podman.socket" in names(files, wants):
                return f"{wants}/podman.socket"
    return ""
