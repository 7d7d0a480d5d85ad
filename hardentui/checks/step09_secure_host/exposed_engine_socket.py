"""Accounts other than the owner can control an engine.

What it checks:
Every engine socket that somebody listens on now: the usual places, sockets of an API service or a forwarder
(systemd-socket-proxyd, socat…) at another path, and the link that Docker clients use. For each of them,
which accounts can write to it: the mode, the members of its group, ACLs, and all parent directories,
because nothing below a closed directory is reachable. Users may use their own socket. List accounts that
are meant to have this power in the parameter `trusted_users`.

Why it matters:
The API starts containers with any rights, and a container with the host's `/` in it is root on the host.
Write access to the rootful socket is the same as the root password, without the password and without a
trace in the log.

What may break:
Accounts that reach the engine through the group lose access. Give each of them their own rootless engine, or
an SSH connection that leaves a trace.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.configuration import Danger
from hardentui.model.host import EngineSocket
from hardentui.reading.access import EVERYBODY
from hardentui.reading.hosts import danger_evidence

_SOCKET = "/run/podman/podman.sock"
_DOCKER = "/run/docker.sock"
_SHOWN = 10


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
    sockets = facts.sockets
    if not sockets:
        return not_applicable("no engine socket is open now")
    trusted = set(parameters.texts("trusted_users"))
    evidence: list[Evidence] = []
    commands: list[str] = []
    rootful = False
    for socket in sockets:
        wrong = _judge(socket, trusted)
        if wrong:
            evidence += wrong
            commands += _repairs(socket)
            rootful = rootful or socket.rootful
    if not evidence:
        return passed(effective=", ".join(f"{socket.file.path} {socket.file.octal}" for socket in sockets))
    return failed(
        f"{evidence[0].where} {evidence[0].saw}",
        evidence=tuple(dict.fromkeys(evidence)),
        severity=None if rootful else Severity.HIGH,
        commands=tuple(dict.fromkeys(commands)),
    )


def _judge(socket: EngineSocket, trusted: set[str]) -> list[Evidence]:
    path = socket.file.path
    if path == _DOCKER and not socket.found_in and not socket.target.endswith("podman/podman.sock"):
        return []  # a separate Docker, which is not judged here
    evidence: list[Evidence] = []
    strangers = [name for name in socket.users if name not in trusted]
    if strangers:
        who = f"is open to {', '.join(strangers[:_SHOWN])}" + (" and more" if strangers[_SHOWN:] else "")
        evidence.append(Evidence(path, f"{who} (mode {socket.file.octal}){_by_way_of(socket)}"))
    return evidence + list(danger_evidence(socket.file.dangers))


def _by_way_of(socket: EngineSocket) -> str:
    if socket.through:
        return f": {socket.through} forwards to the engine ({socket.found_in})"
    if socket.target:
        return f": a link to {socket.target}"
    return f": an API service ({socket.found_in})" if socket.found_in else ""


def _repairs(socket: EngineSocket) -> tuple[str, ...]:
    if socket.found_in:
        return (f"# {socket.found_in}: stop it, or set its socket to mode 0600",)
    scope = "" if socket.rootful else " --user"
    return (
        f"systemctl{scope} edit podman.socket   # [Socket] SocketMode=0600",
        f"systemctl{scope} restart podman.socket",
    )


CHECK = Check(
    title="Engine socket open to other accounts",
    severity=Severity.CRITICAL,  # any account that can open it is root
    kind=Kind.HOST,
    summary="Restrict the socket to its owner",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        host(sockets=(EngineSocket(file(_SOCKET, 0o660)),)),
        host(sockets=(EngineSocket(file(_DOCKER, 0o660), target=_SOCKET),)),
        host(sockets=()),
    ),
    fails=lambda: (
        host(sockets=(EngineSocket(file(_SOCKET, 0o666), users=(EVERYBODY,)),)),
        host(sockets=(EngineSocket(file(_SOCKET, 0o660), users=("anna",)),)),
        host(
            sockets=(
                EngineSocket(
                    file("/srv/api.sock", 0o660), users=("ben",), found_in="process 812", through="socat"
                ),
            )
        ),
        host(
            sockets=(
                EngineSocket(
                    file(
                        _SOCKET,
                        0o660,
                        Danger("/run/podman", "world-writable (0777)", "chmod o-w"),
                    )
                ),
            )
        ),
    ),
    references=(
        "CIS Docker 1.6 3.15",
        "CIS Docker 1.6 3.16",
        "CIS Docker 1.6 1.1.2",
        "OWASP Docker rule 1",
    ),
    catalogue="S9-04",
    parameters={"trusted_users": ()},
)
