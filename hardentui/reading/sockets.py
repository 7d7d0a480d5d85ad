"""What a client of a host socket can do through it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from hardentui.model.facts import ContainerFacts
from hardentui.model.host import ApiService
from hardentui.model.known import Known, Unread, known
from hardentui.model.mount import HostMount, Listener, ReachableSocket
from hardentui.model.spec import Port
from hardentui.options import MOUNTS
from hardentui.reading.foothold import may_connect
from hardentui.reading.mounts import at_or_above, host_mounts, normal, not_mounted
from hardentui.reading.networks import (
    gateways,
    internal_networks,
    leads_to_host,
    modes_of,
    on_host_network,
    reach,
)
from hardentui.reading.socket_services import (
    INTERPRETER,
    PATHS,
    PROGRAMS,
    RELAYS,
    SPEAKS_FOR_OTHERS,
    Power,
    Service,
)


def reachable_api(facts: ContainerFacts) -> Known[ApiService | None]:
    """An API on TCP that takes anyone's requests and that this container reaches: on the host's own
    network every one, else one that listens beyond the loopback addresses of the host.

    Unread where there may be one that could not be seen.
    """
    services, hidden = _open_services(facts)
    if not services and hidden is None:
        return None
    on_host = on_host_network(facts)
    if on_host is not True and "none" in modes_of(facts):
        return None
    for service in services:
        reached = on_host is True or _reaches(facts, service.address)
        if reached is True:
            return service
        if isinstance(reached, Unread):
            hidden = reached
    return on_host if services and isinstance(on_host, Unread) else hidden


def _reaches(facts: ContainerFacts, address: str) -> Known[bool]:
    """Whether a container with a network of its own reaches what listens at `tcp:HOST:PORT` of the
    host."""
    host = address.removeprefix("tcp:").lstrip("/").rpartition(":")[0].strip("[]")
    if host == "localhost":
        return False
    where = "all" if host in ("", "*") else reach(Port(1, "", host))
    if where != "one":
        return where == "all"
    if ":" in host or not host.strip("0123456789."):
        internal = internal_networks(facts)
        cut_off = bool(internal) and len(internal) == len(facts.networks)
        at_gateways = [gateways(network) for network in internal if leads_to_host(network)]
        return not cut_off or any(host in addresses for addresses in at_gateways)
    return Unread(f"which address {host} is, where an engine listens, is not known")


def _open_services(facts: ContainerFacts) -> tuple[tuple[ApiService, ...], Unread | None]:
    """Engine APIs on the host's TCP ports that ask for no client certificate, and why there may be
    more."""
    if not facts.engine.local:
        return (), Unread(facts.engine.unseen)
    listening = known(lambda: facts.host.tcp_services)
    if isinstance(listening, Unread):
        return (), Unread(f"the host's TCP listeners are not known: {listening.reason}")
    services = tuple(service for service in listening if not service.client_certificates)
    return services, Unread(facts.host.tcp_unseen) if facts.host.tcp_unseen else None


class OpenSocket(Struct, frozen=True):
    """A socket of the host that a mount gives, or the directory in which it will be."""

    mount: HostMount
    path: str  # on the host, as mounted; `made_as` is the listener's own path if it differs
    # the service behind it; None if no process listens or the service is not known
    service: Service | None = None
    made_as: str = ""
    unknown: str = ""  # why the service is not known; empty if it is
    # whether the container's user, as it is, may connect; None if that is not known
    openable: bool | None = None

    @property
    def is_whole_mount(self) -> bool:
        """Whether the mount is the socket itself, not a directory with other content."""
        return self.service is not None and self.path in self.mount.paths


def open_sockets(facts: ContainerFacts) -> tuple[OpenSocket, ...]:
    """Every socket of the host that the container reaches, with the service that answers.

    The listening program determines the service; if it is not known, the path of the socket does.
    With an unknown path, the service stays unknown.
    """
    return _sockets_of(facts, connectable_mounts(facts))


def connectable_mounts(facts: ContainerFacts) -> tuple[HostMount, ...]:
    """Mounts through which a socket can be reached, also volumes of its own in which the host has
    made one. Sockets do not work through an overlay."""
    mounts = host_mounts(facts)
    if mounts:
        mounts = tuple(mount for mount in mounts if not mount.layered and not mount.beneath)
    return (
        *mounts,
        *_volumes_with_sockets(
            facts,
            {mount.destination for mount in mounts},
        ),
    )


def _volumes_with_sockets(
    facts: ContainerFacts,
    listed: set[str],
) -> Iterator[HostMount]:
    """Volumes that show nothing of the host but sockets that its programs have made in them."""
    sockets = known(lambda: facts.sockets, else_=())
    paths = {socket.destination: posixpath.dirname(socket.path) for socket in sockets}
    for mount in facts.spec[MOUNTS]:
        if (
            mount.type == "volume"
            and mount.destination in paths
            and mount.destination not in listed
        ):
            yield not_mounted(mount, (paths[mount.destination],))


def _sockets_of(
    facts: ContainerFacts,
    mounts: tuple[HostMount, ...],
) -> tuple[OpenSocket, ...]:
    if not mounts:
        return ()
    destinations = {mount.destination: mount for mount in mounts}
    seen = known(lambda: facts.sockets, else_=())
    sockets = [
        replace(
            _judged(socket, destinations[socket.destination]),
            openable=may_connect(facts, socket),
        )
        for socket in seen
        if socket.destination in destinations
    ]
    looked_at = {socket.mount.destination for socket in sockets}
    for destination, mount in destinations.items():
        if destination not in looked_at:
            sockets += _by_name(facts, mount)
    return tuple(sockets)


_ENGINE_DIRECTORIES = (
    "/run/podman",
    "/run/docker.sock",
    "/run/containerd",
    "/run/crio",
    "/run/user",
)


def engine_mounts(facts: ContainerFacts) -> tuple[OpenSocket, ...]:
    """Mounts that are, or hold, the API socket of an engine; one for each mount.

    A directory in which an engine creates its socket counts even while the socket does not exist:
    the next start of the engine creates it.
    """
    mounts = connectable_mounts(facts)
    if not mounts:
        return ()
    sockets = {
        socket.mount.destination: socket
        for socket in reversed(_sockets_of(facts, mounts))
        if socket.service is not None and socket.service.power is Power.ENGINE
    }
    own = normal(facts.engine.socket) if facts.engine.local and facts.engine.socket else ""
    engine_sockets = []
    for mount in mounts:
        socket = sockets.get(mount.destination)
        if socket is not None:
            engine_sockets.append(socket)
        elif any(_holds_sockets(path) or (own and at_or_above(path, own)) for path in mount.paths):
            engine_sockets.append(OpenSocket(mount, mount.path))
    return tuple(engine_sockets)


@lru_cache(maxsize=512)
def _holds_sockets(path: str) -> bool:
    """Whether engine sockets are in or below this directory: at or above a known place, or of one
    user."""
    parts = path.split("/")
    of_user = path.startswith("/run/user/") and (
        len(parts) == 4 or parts[4:] in (["podman"], ["docker"])
    )
    return of_user or any(at_or_above(path, place) for place in _ENGINE_DIRECTORIES)


_CONTROL_DIRECTORIES = tuple(
    "/run/dbus /run/systemd /run/libvirt /run/lxd.socket /run/incus /run/snapd.socket /var/lib/lxd".split()
)
"""Directories with control sockets, used if the listening programs could not be read."""


def control_sockets(facts: ContainerFacts) -> tuple[OpenSocket, ...]:
    """Control sockets of the host, except those of container engines."""
    sockets = [
        socket
        for socket in open_sockets(facts)
        if socket.service is not None and socket.service.power not in (Power.ENGINE, Power.NOTHING)
    ]
    if isinstance(known(lambda: facts.sockets), Unread):
        seen = {socket.mount.destination for socket in sockets}
        sockets += [
            OpenSocket(mount, directory, Service("systemd or another service", Power.UNITS))
            for mount in connectable_mounts(facts)
            if mount.destination not in seen
            for directory in _CONTROL_DIRECTORIES
            if at_or_above(mount.path, directory)
        ]
    return tuple(sockets)


def _judged(socket: ReachableSocket, mount: HostMount) -> OpenSocket:
    listener = socket.listener
    named = known_path(socket.path)
    if isinstance(listener, Listener):
        service = service_of(listener)
        if service is not None:
            made_as = listener.path if listener.path != socket.path else ""
            return OpenSocket(
                mount,
                socket.path,
                service,
                made_as,
            )
        why = f"it is not known who listens on {socket.path}"
        if listener.program:
            why = (
                f"{listener.program} listens on {socket.path}, and what it lets its clients do "
                "is not known"
            )
        if listener.program in RELAYS:
            why = f"{listener.program} forwards connections to {socket.path} to an unknown service"
        if _is_interpreter(listener.program):
            named = None  # a filtering proxy has the name of the engine's socket too
        return OpenSocket(
            mount,
            socket.path,
            named,
            "",
            "" if named else why,
        )
    if named is not None:
        return OpenSocket(mount, socket.path, named)
    why = (
        listener.reason
        if isinstance(listener, Unread)
        else f"no process listens on {socket.path} now"
    )
    return OpenSocket(
        mount,
        socket.path,
        None,
        "",
        why,
    )


def _by_name(facts: ContainerFacts, mount: HostMount) -> list[OpenSocket]:
    """The control sockets that the paths of a mount suggest, if no socket was found behind it."""
    service = known_path(mount.path) or known_path(mount.destination)
    if service is not None and service.power is not Power.NOTHING:
        return [OpenSocket(mount, mount.path, service)]
    if mount.path.endswith((".sock", ".socket")) and isinstance(
        unread := known(lambda: facts.sockets), Unread
    ):
        return [OpenSocket(mount, mount.path, unknown=unread.reason)]
    return []


def service_of(listener: Listener) -> Service | None:
    """The service behind a listener; None if neither its program nor its path is known.

    An unknown program counts as a service without power over the host, but an interpreter says
    nothing about the service: only a well-known path below /run does.
    """
    program = listener.program
    known = PROGRAMS.get(program)
    if known is not None:
        by_path = known_path(listener.path)
        return by_path if by_path is not None and by_path.power is known.power else known
    if program.startswith("qemu-"):
        return Service("QEMU", Power.MACHINES)
    if not program or program in SPEAKS_FOR_OTHERS or program in RELAYS:
        return known_path(listener.path)
    if _is_interpreter(program):
        return known_path(listener.path, in_run=True)
    return Service(program.removesuffix(".socket"), Power.NOTHING)


def _is_interpreter(program: str) -> bool:
    return re.fullmatch(INTERPRETER, program) is not None


@lru_cache(maxsize=512)
def is_own_path(path: str) -> bool:
    """Whether only the service itself can create a socket there, so that the process need not be
    checked."""
    return any(
        fnmatchcase(path, pattern) and power is not Power.NOTHING
        for pattern, _, power in PATHS
        if pattern.startswith("/run/") and "*" not in pattern
    )


@lru_cache(maxsize=512)
def known_path(path: str, *, in_run: bool = False) -> Service | None:
    """The service that creates sockets with this name; None if the name is not known. `in_run`:
    only below /run, where services make their sockets; elsewhere anybody may use the name.
    """
    name = posixpath.normpath(path)
    name = name.removeprefix("/var") if name.startswith("/var/run/") else name
    if in_run and not name.startswith("/run/"):
        return None
    for pattern, service, power in PATHS:
        if fnmatchcase(name, pattern):
            return Service(service, power)
    return None
