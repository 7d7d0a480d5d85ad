"""Sockets of the host inside the container."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.mount import HostMount, Listener, ReachableSocket
from hardentui.reading.foothold import Foothold, foothold
from hardentui.reading.mounts import came_from, shown
from hardentui.reading.socket_services import Power
from hardentui.reading.sockets import (
    OpenSocket,
    control_sockets,
    engine_mounts,
    open_sockets,
    reachable_api,
)

_GIVES = {
    Power.UNITS: Gain.HOST.at_once,
    Power.MACHINES: Gain.HOST.at_once,
    Power.PACKAGES: Gain.HOST.at_once,
    Power.COMMANDS: Gain.HOST.after(1),
    Power.KEYS: Gain.SECRETS.at_once,
    Power.SCREEN: Gain.OTHERS_DATA.after(1),
    Power.DEVICES: Gain.NETWORK.after(1),
}
_ASKS_FOR_ROOT = frozenset({Power.UNITS, Power.MACHINES, Power.PACKAGES})
"""These obey root alone: polkit refuses what an ordinary user asks for without a session, and the
sockets of LXD, Incus and libvirt belong to root and a group."""
_OF_USERS = "/run/user/"


def _fix_mounted_control_socket(spec: Spec, context: FixContext) -> Spec:
    sockets: set[Mount] = set()
    for socket in control_sockets(context.facts.planned(spec)):
        mount = socket.mount
        if not mount.declared:
            raise CannotFix(
                f"the mount at {mount.destination} {came_from(mount)}",
                "Remove the socket there, then recreate this container.",
            )
        if socket.path not in mount.paths:
            raise CannotFix(
                f"the socket is in {mount.path}, which may be mounted for other reasons as well",
                "Mount only the files that the service needs.",
            )
        sockets.add(mount.asked)
    return spec.with_(
        MOUNTS,
        tuple(mount for mount in spec[MOUNTS] if mount not in sockets),
    )


_BUS = "/run/dbus/system_bus_socket"

_LINKED = ReachableSocket("/app", "/srv/app", Listener(_BUS))

_AGENT = ReachableSocket(
    "/a",
    "/srv/work/a",
    Listener("/srv/work/a", "ssh-agent"),
)

_FROM_POD = HostMount(
    "/run/dbus",
    ("/run/dbus",),
    "bind",
    "/run/dbus",
    (),
    MountOrigin.POD,
    "shop",
)


@Check(
    gives=Gain.HOST.at_once,  # the socket starts services or programs as root
    points=2,
    summary="Remove the mount of the host's control socket",
    risk=Risk.CHANGES_BEHAVIOUR,
    remediate=_fix_mounted_control_socket,
    passes=lambda: (
        "",
        "-v /run/postgresql:/run/postgresql",
        container(
            "-v /run/db.sock:/db.sock",
            sockets=(
                ReachableSocket(
                    "/db.sock",
                    "/run/db.sock",
                    Listener("/run/db.sock", "postgres"),
                ),
            ),
        ),
    ),
    fails=lambda: (
        "-v /var/run/dbus/system_bus_socket:/bus:ro",
        container("-v /srv/app:/app", sockets=(_LINKED,)),
        container("-v /srv/work/a:/a", sockets=(_AGENT,)),
        container("-v /run:/run/host", sockets=Unread("the engine is far")),
        container(
            "--volumes-from=x",
            mounted=(_FROM_POD,),
            sockets=(ReachableSocket("/run/dbus", _BUS, Listener(_BUS)),),
        ),
    ),
    references=("NIST SP 800-190 4.4.3", "OWASP Docker rule 1"),
)
def mounted_control_socket(facts: ContainerFacts) -> Verdict:
    """Host control socket reachable.

    What it checks:
    Whether any mount is, or contains, a socket on which a host service takes commands: the D-Bus
    system bus and systemd (start units), LXD, Incus and libvirt (start machines), snapd (install
    software), tmux and editors (run commands as their user), agents and key rings (use keys), X11
    and Wayland (read the screen, type), CUPS, udev and network services (configure hardware). A
    socket is identified by who listens on it, whatever its name; if that cannot be seen, its name
    decides. The sockets of container engines have their own check.

    Why it matters:
    Such a socket is a door that no capability, seccomp profile or user namespace closes, and that a
    read-only mount does not lock. Through the system bus or systemd, a container starts a unit that
    runs as root on the host; through libvirt or LXD, it starts a machine with the host's disk;
    through an agent's socket, it logs in to other machines as you. The service alone decides which
    requests it accepts, often just by the UID that connects.

    What may break:
    Whatever the socket was mounted for: desktop programs, monitoring that asks systemd, tools that
    manage machines, builds that fetch from private repositories. Run those on the host, or give
    them a proxy that passes only what they need (xdg-dbus-proxy for D-Bus).
    """
    bad = sorted(
        control_sockets(facts),
        key=lambda socket: -_gained(facts, socket).severity,
    )
    if not bad:
        unclear = [
            facts.hidden_mounts,
            *(socket.unknown for socket in open_sockets(facts)),
        ]
        unclear = [reason for reason in unclear if reason]
        return (
            unknown(unclear[0])
            if unclear
            else sure(
                passed("no control socket is mounted"),
                known(lambda: facts.sockets),
            )
        )
    through = {socket.mount.destination: socket.mount for socket in bad}
    evidence = tuple(Evidence("Mounts", _seen(socket)) for socket in bad)
    powers = dict.fromkeys(socket.service.power.value for socket in bad if socket.service)
    paths = listed(list(dict.fromkeys(socket.path for socket in bad)))
    gained = _gained(facts, bad[0])
    can = "can" if gained.severity >= Severity.HIGH else "its user may ask, and not"
    reason = f"{can} {', '.join(powers)} through {paths}"
    declared = shown([mount.asked for mount in through.values()])
    return failed(
        reason,
        declared,
        evidence=evidence,
        gives=gained,
    )


def _gained(facts: ContainerFacts, socket: OpenSocket) -> Gained:
    """By what the service lets this very user do, who is known to it by the UID that connects."""
    power = socket.service.power if socket.service else Power.NOTHING
    gives = _GIVES.get(power, Gain.HOST.after(2))
    if power in _ASKS_FOR_ROOT:
        return gives.later(_steps_to_root(facts, socket))
    shut_out = socket.openable is False and foothold(facts) is Foothold.NOBODY
    return gives.later(int(shut_out and power in _GIVES and power is not Power.DEVICES))


def _steps_to_root(facts: ContainerFacts, socket: OpenSocket) -> int:
    of_account = socket.path.startswith(_OF_USERS)
    if facts.engine.rootless is True and not of_account:
        return 2  # the engine's user is not root
    standing = foothold(facts)
    if standing is Foothold.OWNER:
        return 0
    as_owner = of_account and socket.openable is True
    return 1 if standing is Foothold.USER or as_owner else 2


def _seen(socket: OpenSocket, otherwise: str = "a service") -> str:
    """The mount, who answers, and where the mount comes from; `otherwise` where nobody is known."""
    name = socket.service.name if socket.service else otherwise
    answers = f"{name} listens on {socket.made_as or socket.path}" if name else ""
    parts = (shown([socket.mount.asked]), answers, came_from(socket.mount))
    return "; ".join(part for part in parts if part)


def _fix_mounted_engine_socket(spec: Spec, context: FixContext) -> Spec:
    sources = engine_mounts(context.facts.planned(spec))
    directories = [
        source.path for source in sources if source.mount.declared and not source.is_whole_mount
    ]
    if directories:
        raise CannotFix(
            f"the socket is in {listed(directories)}, which may be mounted for other reasons as "
            "well",
            "Mount only the files that the service needs.",
        )
    if not sources and isinstance(
        api := reachable_api(context.facts.planned(spec)),
        ApiService,
    ):
        raise CannotFix(
            f"the engine accepts requests from anyone at {api.address}",
            "Turn that off on the host (see tcp-api-without-tls).",
        )
    sockets = {source.mount.asked for source in sources if source.mount.declared}
    others = [source for source in sources if not source.mount.declared]
    if others and not sockets:
        other = others[0]
        raise CannotFix(
            f"the mount at {other.mount.destination} {came_from(other.mount)}",
            "Remove the socket there, then recreate this container.",
        )
    return spec.with_(
        MOUNTS,
        tuple(mount for mount in spec[MOUNTS] if mount not in sockets),
    )


_FROM_ANOTHER = HostMount(
    "/s",
    ("/run/podman/podman.sock",),
    "bind",
    "/run/podman/podman.sock",
    (),
    MountOrigin.CONTAINER,
    "proxy",
)

_NO_TCP = HostFacts(tcp_services=())

_LISTENS_ON_TCP = HostFacts(tcp_services=(ApiService("process 812", "tcp:127.0.0.1:2375", False),))

_RENAMED = ReachableSocket(
    "/app",
    "/srv/app.link",
    Listener("/srv/api", "podman"),
)


@Check(
    gives=Gain.HOST.at_once,  # whoever talks to the engine starts a privileged container
    points=2,
    summary="Remove the mount of the engine's socket",
    remediate=_fix_mounted_engine_socket,
    passes=lambda: (
        container(host=_NO_TCP),
        "--network=none",
        container("-v /run/postgresql:/run/postgresql", host=_NO_TCP),
        container("-v /run/user/1000/pulse:/pulse", host=_NO_TCP),
        container(
            "-v /srv/docker.sock:/var/run/docker.sock",
            host=_NO_TCP,
            sockets=(
                ReachableSocket(
                    "/var/run/docker.sock",
                    "/srv/docker.sock",
                    Listener("/srv/docker.sock", "haproxy"),
                ),
            ),
        ),
    ),
    fails=lambda: (
        container("--network=host", host=_LISTENS_ON_TCP),
        container("-v /var/run/docker.sock:/d.sock:ro -v a:/a", host=_NO_TCP),
        container(
            "-v /run/user/1000/podman/podman.sock:/run/podman/podman.sock",
            host=_NO_TCP,
        ),
        container("-v /var/run:/host/run", host=_NO_TCP),
        container("-v /srv/alias:/var/run/docker.sock", host=_NO_TCP),
        container(
            "-v /srv/app.link:/app",
            sockets=(_RENAMED,),
            host=_NO_TCP,
        ),
        container(
            "--volumes-from=proxy",
            mounted=(_FROM_ANOTHER,),
            host=_NO_TCP,
        ),
    ),
    references=("CIS Docker 1.6 5.32", "NIST SP 800-190 4.4.3", "OWASP Docker rule 1"),
)
def mounted_engine_socket(facts: ContainerFacts) -> Verdict:
    """Container engine socket reachable.

    What it checks:
    Whether any mount is, or contains, the API socket of an engine: Podman, Docker, containerd,
    CRI-O, BuildKit. A socket is identified by who listens on it, under whatever name it is mounted:
    hard links, bind mounts and a second Podman service count. Directories in which an engine
    creates its socket (/run, /run/podman, /run/user/1000) count too, and so does what other
    containers (--volumes-from) and the pod bring along. If the listener cannot be seen, the name
    decides. Read-only makes no difference: connecting to a socket is not writing to a file. An
    engine that accepts requests on TCP without client certificates counts if the container can
    reach it: on the host's own network, or at an address of the host other than loopback. If such a
    service may be hidden from the account that runs the check, the result is unknown.

    Why it matters:
    Whoever can talk to that socket is the engine. A single request starts a privileged container
    with the whole host mounted, so a vulnerability in this container is a takeover of the host, or,
    with a rootless engine, of everything the user owns. No capability, seccomp profile or user
    namespace stands in the way.

    What may break:
    Everything that manages or lists containers from inside: dashboards, reverse proxies that
    discover services by label, update watchers, build agents. Let them talk to a filtering proxy
    that passes only what they need, to a separate rootless engine, or run them on the host.
    """
    bad = engine_mounts(facts)
    declared = (
        shown([engine_mount.mount.asked for engine_mount in bad]) or "no engine socket is mounted"
    )
    if bad:
        evidence = tuple(Evidence("Mounts", _seen(engine_mount, "")) for engine_mount in bad)
        paths = listed(list(dict.fromkeys(engine_mount.path for engine_mount in bad)))
        steps = min(_steps_to_engine(facts, engine_mount) for engine_mount in bad)
        may = "can control the engine through" if steps < _SHUT_OUT else _SHUT
        return failed(
            f"{may} {paths}",
            declared,
            "",
            evidence,
            Gain.HOST.after(steps),
        )
    api = reachable_api(facts)
    if isinstance(api, ApiService):
        evidence = (Evidence(api.where, f"{api.address} without client certificates"),)
        return failed(
            f"can control the engine through {api.address}",
            declared,
            "",
            evidence,
        )
    unclear = [
        facts.hidden_mounts,
        *(socket.unknown for socket in open_sockets(facts)),
    ]
    unclear += [api.reason] if api is not None else []
    unclear = [reason for reason in unclear if reason]
    if unclear:
        return unknown(unclear[0], declared)
    return sure(passed(declared), known(lambda: facts.sockets))


_SHUT_OUT = 2
"""The steps to the engine for whoever may not open its socket."""
_SHUT = "its user may not open the engine's socket, which is mounted:"


def _steps_to_engine(
    facts: ContainerFacts,
    engine_mount: OpenSocket,
) -> int:
    """By whether this very user may connect: the permissions of the socket say so.

    Where a directory is mounted and the socket in it was not seen, an engine's own permissions
    count: podman.socket gives its socket to root and its group, and the directory of a user's
    engine is closed to all others.
    """
    by_default = engine_mount.openable is None and not engine_mount.is_whole_mount
    if engine_mount.openable is not False and not by_default:
        return 0
    standing = foothold(facts)
    if standing is Foothold.OWNER and facts.engine.rootless is not True:
        return 0
    return 1 if standing is Foothold.USER else _SHUT_OUT
