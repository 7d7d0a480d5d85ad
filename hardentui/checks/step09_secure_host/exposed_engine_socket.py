"""Others than root can command an engine.

What it checks:
Every engine socket that exists: whether its mode is wider than 0660, whether its group has members who
are not on the trusted list (parameter `trusted_users`), whether a folder above it is open, and whether
`/run/docker.sock` leads to the rootful engine. A user's own socket may be used by that user only.

Why it matters:
The API starts containers with any rights, and a container with `/` of the host in it is root on the
host. Being able to write to the rootful socket is the same as a root password, without the password and
without a trace in the log. The docker link is dangerous in its own way: tools that expect a Docker
socket there find it without being told.

What may break:
Accounts that talk to the engine through the group lose that way. Give each of them an engine of their
own (rootless), or an ssh connection that leaves a trace.
"""

from __future__ import annotations

from hardentui.checks.examples import file, host
from hardentui.model.check import Check, Parameters
from hardentui.model.configuration import Danger
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Kind,
    Risk,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.host import EngineSocket, HostFacts
from hardentui.model.known import Unreadable
from hardentui.reading.hosts import danger_evidence

_SOCKET = "/run/podman/podman.sock"
_DOCKER = "/run/docker.sock"
_OTHERS = 0o007


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
    sockets = facts.sockets
    if isinstance(sockets, Unreadable):
        return unknown(sockets.reason)
    if not sockets:
        return not_applicable("no engine has a socket now")
    trusted = set(parameters.texts("trusted_users"))
    evidence: list[Evidence] = []
    commands: list[str] = []
    for socket in sockets:
        found, fixes = _judge(socket, trusted)
        evidence += found
        commands += fixes
    if not evidence:
        return passed(effective=", ".join(f"{one.file.path} {one.file.octal}" for one in sockets))
    first = evidence[0]
    rootful = any(one.rootful for one in sockets if any(one.file.path == seen.where for seen in evidence))
    return failed(
        f"{first.where} {first.saw}",
        evidence=tuple(evidence),
        severity=None if rootful else Severity.HIGH,
        commands=tuple(dict.fromkeys(commands)),
    )


def _judge(socket: EngineSocket, trusted: set[str]) -> tuple[list[Evidence], list[str]]:
    path = socket.file.path
    found: list[Evidence] = []
    commands: list[str] = []
    if path == _DOCKER:
        if not socket.target.endswith("podman/podman.sock"):
            return [], []  # a Docker of its own: not ours to judge
        found.append(Evidence(path, f"leads to the rootful engine ({socket.target})"))
        commands.append(
            "rm /run/docker.sock   # and remove the package podman-docker, or mask its tmpfiles.d entry"
        )
        return found, commands
    if socket.file.mode & _OTHERS:
        found.append(Evidence(path, f"can be used by every account (mode {socket.file.octal})"))
    strangers = [member for member in socket.members if member not in trusted]
    if strangers:
        found.append(Evidence(path, f"can be used by {', '.join(strangers)} through group {socket.group}"))
    found += danger_evidence(socket.file.dangers)
    if found:
        scope = "" if socket.rootful else " --user"
        commands += [
            f"systemctl{scope} edit podman.socket   # [Socket] SocketMode=0600",
            f"systemctl{scope} restart podman.socket",
        ]
    return found, commands


CHECK = Check(
    id="exposed-engine-socket",
    title="Accounts other than root can command the engine",
    step=9,
    severity=Severity.CRITICAL,
    kind=Kind.HOST,
    doc=__doc__ or "",
    summary="Close the socket to everybody but its owner",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        host(sockets=(EngineSocket(file(_SOCKET, 0o660), group="root"),)),
        host(sockets=()),
    ),
    fails=lambda: (
        host(sockets=(EngineSocket(file(_SOCKET, 0o666)),)),
        host(sockets=(EngineSocket(file(_SOCKET, 0o660), group="podman", members=("anna",)),)),
        host(sockets=(EngineSocket(file(_DOCKER, 0o660), target=_SOCKET),)),
        host(
            sockets=(
                EngineSocket(
                    file(
                        _SOCKET,
                        0o660,
                        Danger("/run/podman", "can be written by everybody (0777)", "chmod o-w"),
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
