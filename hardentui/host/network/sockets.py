"""The engines' API: existing sockets, who may use them, and what starts them."""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.host.files.config import ROOT_ONLY, names, reached
from hardentui.host.files.reader import Files
from hardentui.host.network.endpoints import DOCKER_SOCKET, ROOTFUL_SOCKET, Endpoint
from hardentui.host.network.listening import Listening, settled
from hardentui.model.access import Accounts
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.host import EngineSocket, User
from hardentui.model.known import Known, Unread
from hardentui.reading.access import WRITE, Way, open_spots, who_may


def read_sockets(
    files: Files,
    users: Known[tuple[User, ...]],
    accounts: Accounts | None,
    listening: Listening | None,
    endpoints: Iterable[Endpoint] = (),
) -> Known[tuple[EngineSocket, ...]]:
    """Sockets of the rootful engine, of every user's engine, the link for docker clients, and others where
    an engine was found.

    A leftover socket file without a listener, as systemd leaves it, does not count. The API service of a
    running process does: it is reached by its path from every network namespace, but listed only in its own.
    """
    sockets = []
    people = () if isinstance(users, Unread) else users
    usual = [Endpoint(ROOTFUL_SOCKET, ""), Endpoint(DOCKER_SOCKET, "")]
    usual += [Endpoint(f"/run/user/{user.uid}/podman/podman.sock", "", user.uid) for user in people]
    places = {
        place.address: place
        for place in (*usual, *(endpoint for endpoint in endpoints if not endpoint.on_tcp))
    }
    for place in places.values():
        seen = reached(files, place.address)
        if isinstance(seen, Unread) and place.uid:
            continue  # another user's runtime directory is closed to us, and its socket to others
        if isinstance(seen, Unread):
            return seen
        if isinstance(seen, Missing):
            continue
        socket = _socket(files, place, seen[0], accounts)
        served = listening is None or settled(place.address) in listening.paths
        if served or socket.target or place.of_process:
            sockets.append(socket)
    return tuple(sockets)


def _socket(files: Files, place: Endpoint, way: Way, accounts: Accounts | None) -> EngineSocket:
    try:
        target = files.read_link(place.address)
    except OSError:
        target = ""
    last = way[-1]
    owners = ROOT_ONLY | {place.uid}
    dangers = open_spots(way, accounts, owners, contents=False)
    fact = FileFact(place.address, last.uid, last.gid, last.mode, last.kind, dangers)
    return EngineSocket(
        file=fact,
        rootful=place.uid == 0,
        users=who_may(WRITE, way, accounts, owners),
        target=target,
        found_in=place.where,
        through=place.through,
    )


def read_socket_enabled(files: Files) -> Known[str]:
    """The link that makes systemd open the rootful socket at boot; empty if there is none."""
    for directory in ("/etc/systemd/system", "/run/systemd/system"):
        inside = names(files, directory)
        if isinstance(inside, Unread):
            return inside
        for name in inside:
            if name.endswith((".wants", ".requires")):
                started = names(files, f"{directory}/{name}")
                if isinstance(started, Unread):
                    return started
                if "podman.socket" in started:
                    return f"{directory}/{name}/podman.socket"
    return ""
