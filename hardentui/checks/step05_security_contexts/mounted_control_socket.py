"""The container can reach a control socket of the host.

What it checks:
Whether any mount is, or contains, a socket on which a host service takes commands: the D-Bus system bus and
systemd (start units), LXD, Incus and libvirt (start machines), snapd (install software), tmux and editors
(run commands as their user), agents and key rings (use keys), X11 and Wayland (read the screen, type), CUPS,
udev and network services (configure hardware). A socket is identified by who listens on it, whatever its
name; if that cannot be seen, its name decides. The sockets of container engines have their own check.

Why it matters:
Such a socket is a door that no capability, seccomp profile or user namespace closes, and that a read-only
mount does not lock. Through the system bus or systemd, a container starts a unit that runs as root on the
host; through libvirt or LXD, it starts a machine with the host's disk; through an agent's socket, it logs in
to other machines as you. The service alone decides which requests it accepts, often just by the UID that
connects.

What may break:
Whatever the socket was mounted for: desktop programs, monitoring that asks systemd, tools that manage
machines, builds that fetch from private repositories. Run those on the host, or give them a proxy that
passes only what they need (xdg-dbus-proxy for D-Bus).
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.known import known
from hardentui.model.mounts import Listener, MountedPath, MountOrigin, ReachableSocket
from hardentui.options import MOUNTS, VOLUMES_FROM, Mount
from hardentui.reading.containers import sure
from hardentui.reading.mounts import HostMount, came_from, shown
from hardentui.reading.sockets import OpenSocket, Power, connectable_mounts, control_sockets, open_sockets

_SEVERITIES = {
    Power.UNITS: Severity.CRITICAL,
    Power.MACHINES: Severity.CRITICAL,
    Power.PACKAGES: Severity.CRITICAL,
    Power.COMMANDS: Severity.HIGH,
    Power.KEYS: Severity.HIGH,
    Power.SCREEN: Severity.HIGH,
    Power.DEVICES: Severity.MEDIUM,
}


def evaluate(facts: ContainerFacts) -> Verdict:
    bad = sorted(control_sockets(facts), key=lambda socket: -_severity(socket))
    if not bad:
        unclear = [facts.hidden_mounts, *(socket.unknown for socket in open_sockets(facts))]
        unclear = [reason for reason in unclear if reason]
        return (
            unknown(unclear[0])
            if unclear
            else sure(passed("no control socket is mounted"), known(lambda: facts.sockets))
        )
    mounts = {host_mount.mount.destination: host_mount for host_mount in connectable_mounts(facts)}
    through = [mounts[destination] for destination in dict.fromkeys(socket.destination for socket in bad)]
    evidence = tuple(Evidence("Mounts", _seen(socket, mounts[socket.destination])) for socket in bad)
    powers = dict.fromkeys(socket.service.power.value for socket in bad if socket.service)
    paths = listed([socket.path for socket in bad])
    reason = f"can {', '.join(powers)} through {paths}"
    declared = shown([host_mount.mount for host_mount in through])
    return failed(reason, declared, evidence=evidence, severity=_severity(bad[0]))


def _severity(socket: OpenSocket) -> Severity:
    return _SEVERITIES[socket.service.power] if socket.service else Severity.MEDIUM


def _seen(socket: OpenSocket, mount: HostMount) -> str:
    name = socket.service.name if socket.service else "a service"
    answers = f"{name} listens on {socket.made_as or socket.path}"
    return "; ".join(part for part in (shown([mount.mount]), answers, came_from(mount)) if part)


def remediate(spec: Spec, context: FixContext) -> Spec:
    facts = context.facts.planned(spec)
    mounts = {host_mount.mount.destination: host_mount for host_mount in connectable_mounts(facts)}
    sockets: set[Mount] = set()
    for socket in control_sockets(facts):
        mount = mounts[socket.destination]
        if not mount.declared:
            raise CannotFix(
                f"the mount at {socket.destination} {came_from(mount)}",
                "Remove the socket there, then recreate this container.",
            )
        if socket.path not in mount.paths:
            raise CannotFix(
                f"the socket is in {mount.path}, which may be mounted for other reasons as well",
                "Mount only the files that the service needs.",
            )
        sockets.add(mount.mount)
    return spec.with_(MOUNTS, tuple(mount for mount in spec[MOUNTS] if mount not in sockets))


_BUS = "/run/dbus/system_bus_socket"
_LINKED = ReachableSocket("/app", "/srv/app", Listener(_BUS))
_AGENT = ReachableSocket("/a", "/srv/work/a", Listener("/srv/work/a", "ssh-agent"))
_FROM_POD = MountedPath("/run/dbus", ("/run/dbus",), "bind", "/run/dbus", (), MountOrigin.POD, "shop")

CHECK = Check(
    title="Host control socket reachable",
    severity=Severity.CRITICAL,  # the socket starts services or programs as root
    points=2,
    summary="Remove the mount of the host's control socket",
    fix=FixKind.RECREATE,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container((MOUNTS, (Mount("bind", "/run/postgresql", "/run/postgresql"),))),
        container(
            (MOUNTS, (Mount("bind", "/run/db.sock", "/db.sock"),)),
            sockets=(ReachableSocket("/db.sock", "/run/db.sock", Listener("/run/db.sock", "postgres")),),
        ),
    ),
    fails=lambda: (
        container((MOUNTS, (Mount("bind", "/var/run/dbus/system_bus_socket", "/bus", ("ro",)),))),
        container((MOUNTS, (Mount("bind", "/srv/app", "/app"),)), sockets=(_LINKED,)),
        container((MOUNTS, (Mount("bind", "/srv/work/a", "/a"),)), sockets=(_AGENT,)),
        container((MOUNTS, (Mount("bind", "/run", "/run/host"),)), sockets=Unread("the engine is far")),
        container(
            (VOLUMES_FROM, ("x",)),
            mounted=(_FROM_POD,),
            sockets=(ReachableSocket("/run/dbus", _BUS, Listener(_BUS)),),
        ),
    ),
    references=("CIS Docker 1.6 5.32", "NIST SP 800-190 4.4.3", "OWASP Docker rule 1"),
    catalogue="S5-12",
)
