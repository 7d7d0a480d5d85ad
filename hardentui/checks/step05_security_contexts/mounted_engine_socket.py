"""The socket of a container engine is reachable from the container.

What it checks:
Whether any mount is, or contains, the API socket of an engine: podman.sock, docker.sock, containerd.sock,
crio.sock. A folder above it (/run, /run/podman, /run/user/1000) counts as well, and so does a socket that is
only called like that inside. Read-only makes no difference: connecting to a socket is not writing to a file.

Why it matters:
Whoever talks to that socket is the engine. One request starts a privileged container with the whole host
mounted, so a hole in this container is a takeover of the host, or of everything the user owns when the engine
is rootless. No capability, no seccomp profile and no user namespace stands in the way.

What may break:
Everything that manages or lists containers from inside: dashboards, reverse proxies that find services by
labels, update watchers, build agents. Let them talk to a filtering proxy that passes only what they need, to
a rootless engine of its own, or run them on the host.
"""

from __future__ import annotations

import posixpath
from functools import lru_cache

from hardentui.checks.examples import container
from hardentui.errors import CannotFix
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, EngineFacts
from hardentui.model.finding import Evidence, FixKind, Kind, Risk, Severity, Verdict, failed, passed
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, Mount
from hardentui.reading.containers import listed
from hardentui.reading.mounts import HostMount, at_or_above, host_mounts, normal, shown

_SOCKETS = frozenset({"podman.sock", "docker.sock", "containerd.sock", "crio.sock", "buildkitd.sock"})
_PLACES = ("/run/podman", "/run/docker.sock", "/run/containerd", "/run/crio", "/run/user")


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    own = _own_socket(facts.engine)
    bad = [one for one in host_mounts(facts) if _is_socket(one) or _holds_socket(one, own)]
    declared = shown([one.mount for one in bad]) or "no engine socket is mounted"
    if not bad:
        return passed(declared)
    evidence = tuple(Evidence("Mounts", shown([one.mount])) for one in bad)
    return failed(
        f"it can command the engine through {listed([o.path for o in bad])}", declared, "", evidence
    )


def _is_socket(one: HostMount) -> bool:
    return bool({posixpath.basename(one.path), posixpath.basename(normal(one.mount.destination))} & _SOCKETS)


def _own_socket(engine: EngineFacts) -> str:
    """Where this engine's own socket lies, wherever that is; empty for an engine on another machine."""
    path = engine.url.removeprefix("unix://")
    return normal(path) if engine.local and path.startswith("/") else ""


def _holds_socket(one: HostMount, own: str) -> bool:
    return _holds_sockets(one.path) or bool(own and at_or_above(one.path, own))


@lru_cache(maxsize=4096)
def _holds_sockets(path: str) -> bool:
    """A folder that engine sockets live in or below: at or above a known place, or of one user."""
    parts = path.split("/")
    of_user = path.startswith("/run/user/") and (len(parts) == 4 or parts[4:] in (["podman"], ["docker"]))
    return of_user or any(at_or_above(path, place) for place in _PLACES)


def remediate(spec: Spec, context: FixContext) -> Spec:
    mounts = host_mounts(context.facts.planned(spec))
    own = _own_socket(context.facts.engine)
    sockets = {one.mount for one in mounts if _is_socket(one)}
    folders = [one.path for one in mounts if one.mount not in sockets and _holds_socket(one, own)]
    if folders:
        raise CannotFix(
            f"the socket lies in {listed(folders)}, which may be mounted for other things too",
            "Mount the files of it that the service needs, one by one.",
        )
    return spec.with_(MOUNTS, tuple(mount for mount in spec[MOUNTS] if mount not in sockets))


CHECK = Check(
    id="mounted-engine-socket",
    title="The socket of a container engine is reachable from the container",
    step=5,
    severity=Severity.CRITICAL,
    kind=Kind.CONTAINER,
    doc=__doc__ or "",
    summary="Remove the mount of the engine's socket",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container(),
        container((MOUNTS, (Mount("bind", "/run/postgresql", "/run/postgresql"),))),
        container((MOUNTS, (Mount("bind", "/run/user/1000/pulse", "/pulse"),))),
    ),
    fails=lambda: (
        container(
            (MOUNTS, (Mount("bind", "/var/run/docker.sock", "/d.sock", ("ro",)), Mount("volume", "a", "/a")))
        ),
        container((MOUNTS, (Mount("bind", "/run/user/1000/podman/podman.sock", "/run/podman/podman.sock"),))),
        container((MOUNTS, (Mount("bind", "/var/run", "/host/run"),))),
        container((MOUNTS, (Mount("bind", "/srv/alias", "/var/run/docker.sock"),))),
    ),
    references=("CIS Docker 1.6 5.32", "NIST SP 800-190 4.4.3", "OWASP Docker rule 1"),
    catalogue="S5-12",
)
