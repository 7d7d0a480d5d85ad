"""The container can reach the socket of a container engine.

What it checks:
Whether any mount is, or contains, the API socket of an engine: Podman, Docker, containerd, CRI-O, BuildKit.
A socket is identified by who listens on it, under whatever name it is mounted: hard links, bind mounts and
a second Podman service count. Directories in which an engine creates its socket (/run, /run/podman,
/run/user/1000) count too, and so does what other containers (--volumes-from) and the pod bring along. If
the listener cannot be seen, the name decides. Read-only makes no difference: connecting to a socket is not
writing to a file. An engine that accepts requests on TCP without client certificates counts if the
container can reach it: on the host's own network, or at an address of the host other than loopback. If such a
service may be hidden from the account that runs the check, the result is unknown.

Why it matters:
Whoever can talk to that socket is the engine. A single request starts a privileged container with the whole
host mounted, so a vulnerability in this container is a takeover of the host, or, with a rootless engine, of
everything the user owns. No capability, seccomp profile or user namespace stands in the way.

What may break:
Everything that manages or lists containers from inside: dashboards, reverse proxies that discover services by
label, update watchers, build agents. Let them talk to a filtering proxy that passes only what they need, to
a separate rootless engine, or run them on the host.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.host import ApiService
from hardentui.model.known import known
from hardentui.model.mounts import Listener, MountedPath, MountOrigin, ReachableSocket
from hardentui.options import MOUNTS, NETWORK, VOLUMES_FROM, Mount
from hardentui.reading.containers import sure
from hardentui.reading.engine_api import reachable_api
from hardentui.reading.mounts import came_from, shown
from hardentui.reading.sockets import EngineMount, engine_mounts, open_sockets


def evaluate(facts: ContainerFacts) -> Verdict:
    bad = engine_mounts(facts)
    declared = shown([engine_mount.mount.mount for engine_mount in bad]) or "no engine socket is mounted"
    if bad:
        evidence = tuple(Evidence("Mounts", _seen(engine_mount)) for engine_mount in bad)
        paths = listed([engine_mount.path for engine_mount in bad])
        return failed(f"can control the engine through {paths}", declared, "", evidence)
    api = reachable_api(facts)
    if isinstance(api, ApiService):
        evidence = (Evidence(api.where, f"{api.address} without client certificates"),)
        return failed(f"can control the engine through {api.address}", declared, "", evidence)
    unclear = [facts.hidden_mounts, *(socket.unknown for socket in open_sockets(facts))]
    unclear += [api.reason] if api is not None else []
    unclear = [reason for reason in unclear if reason]
    if unclear:
        return unknown(unclear[0], declared)
    return sure(passed(declared), known(lambda: facts.sockets))


def _seen(engine_mount: EngineMount) -> str:
    who = (
        f"{engine_mount.service} listens on {engine_mount.made_as or engine_mount.path}"
        if engine_mount.service
        else ""
    )
    return "; ".join(
        part for part in (shown([engine_mount.mount.mount]), who, came_from(engine_mount.mount)) if part
    )


def remediate(spec: Spec, context: FixContext) -> Spec:
    sources = engine_mounts(context.facts.planned(spec))
    directories = [source.path for source in sources if source.mount.declared and not source.is_socket]
    if directories:
        raise CannotFix(
            f"the socket is in {listed(directories)}, which may be mounted for other reasons as well",
            "Mount only the files that the service needs.",
        )
    if not sources and isinstance(api := reachable_api(context.facts.planned(spec)), ApiService):
        raise CannotFix(
            f"the engine accepts requests from anyone at {api.address}",
            "Turn that off on the host (see tcp-api-without-tls).",
        )
    sockets = {source.mount.mount for source in sources if source.mount.declared}
    others = [source for source in sources if not source.mount.declared]
    if others and not sockets:
        other = others[0]
        raise CannotFix(
            f"the mount at {other.mount.mount.destination} {came_from(other.mount)}",
            "Remove the socket there, then recreate this container.",
        )
    return spec.with_(MOUNTS, tuple(mount for mount in spec[MOUNTS] if mount not in sockets))


_FROM_ANOTHER = MountedPath(
    "/s", ("/run/podman/podman.sock",), "bind", "/run/podman/podman.sock", (), MountOrigin.CONTAINER, "proxy"
)
_NO_TCP = HostFacts(tcp_services=())
_LISTENS_ON_TCP = HostFacts(tcp_services=(ApiService("process 812", "tcp:127.0.0.1:2375", False),))
_RENAMED = ReachableSocket("/app", "/srv/app.link", Listener("/srv/api", "podman"))

CHECK = Check(
    title="Container engine socket reachable",
    severity=Severity.CRITICAL,  # whoever talks to the engine starts a privileged container
    points=2,
    takes_over=True,
    summary="Remove the mount of the engine's socket",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(host=_NO_TCP),
        container((NETWORK, ("none",))),
        container((MOUNTS, (Mount("bind", "/run/postgresql", "/run/postgresql"),)), host=_NO_TCP),
        container((MOUNTS, (Mount("bind", "/run/user/1000/pulse", "/pulse"),)), host=_NO_TCP),
        container(
            (MOUNTS, (Mount("bind", "/srv/docker.sock", "/var/run/docker.sock"),)),
            host=_NO_TCP,
            sockets=(
                ReachableSocket(
                    "/var/run/docker.sock", "/srv/docker.sock", Listener("/srv/docker.sock", "haproxy")
                ),
            ),
        ),
    ),
    fails=lambda: (
        container((NETWORK, ("host",)), host=_LISTENS_ON_TCP),
        container(
            (MOUNTS, (Mount("bind", "/var/run/docker.sock", "/d.sock", ("ro",)), Mount("volume", "a", "/a"))),
            host=_NO_TCP,
        ),
        container(
            (MOUNTS, (Mount("bind", "/run/user/1000/podman/podman.sock", "/run/podman/podman.sock"),)),
            host=_NO_TCP,
        ),
        container((MOUNTS, (Mount("bind", "/var/run", "/host/run"),)), host=_NO_TCP),
        container((MOUNTS, (Mount("bind", "/srv/alias", "/var/run/docker.sock"),)), host=_NO_TCP),
        container((MOUNTS, (Mount("bind", "/srv/app.link", "/app"),)), sockets=(_RENAMED,), host=_NO_TCP),
        container((VOLUMES_FROM, ("proxy",)), mounted=(_FROM_ANOTHER,), host=_NO_TCP),
    ),
    references=("CIS Docker 1.6 5.32", "NIST SP 800-190 4.4.3", "OWASP Docker rule 1"),
    catalogue="S5-12",
)
