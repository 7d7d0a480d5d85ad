"""The rootful engine's API is enabled, but no program is known to need it.

What it checks:
Whether systemd opens `/run/podman/podman.sock` at boot, or the socket exists now. List the programs that need
it in the checklist's parameter `consumers` (for example `["cockpit"]`), and the check passes.

Why it matters:
Podman needs no daemon; the socket is only for programs that use its API. Whoever can write to it is root on
this host: there is no login, no list of allowed requests and no read-only mode. A door that nobody uses is
best kept shut.

What may break:
Programs that use the rootful engine's API: Cockpit, compose tools, dashboards, monitoring agents, build
runners. HardenTUI itself uses the socket while it looks at the rootful engine. Containers and Quadlets do not
need it.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.host import EngineSocket
from hardentui.model.known import Unread, known
from hardentui.reading.containers import sure

_SOCKET = "/run/podman/podman.sock"
_LINK = "/etc/systemd/system/sockets.target.wants/podman.socket"


def evaluate(facts: HostFacts, parameters: Parameters) -> Verdict:
    enabled, sockets = known(lambda: facts.socket_enabled_by), known(lambda: facts.sockets)
    link = "" if isinstance(enabled, Unread) else enabled
    live = not isinstance(sockets, Unread) and any(socket.file.path == _SOCKET for socket in sockets)
    if live or link:
        return _enabled(link, live, parameters.texts("consumers"))
    return sure(passed("not enabled", "no socket"), enabled, sockets)


def _enabled(link: str, live: bool, consumers: tuple[str, ...]) -> Verdict:
    declared = "enabled at boot" if link else "not enabled at boot"
    effective = f"{_SOCKET} exists" if live else "no socket now"
    if consumers:
        return passed(declared, effective, reason=f"needed by {', '.join(consumers)}")
    evidence = [Evidence(link, "systemd opens the socket at boot")] if link else []
    evidence += [Evidence(_SOCKET, "exists")] if live else []
    return failed(
        "the rootful API socket is available, but no program is on record that needs it",
        declared,
        effective,
        tuple(evidence),
        commands=("systemctl disable --now podman.socket",),
    )


CHECK = Check(
    title="Rootful API enabled without a recorded need",
    severity=Severity.LOW,  # root's socket that nobody needs
    kind=Kind.HOST,
    summary="Disable the rootful socket, or record which program needs it",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (host(socket_enabled_by="", sockets=()),),
    fails=lambda: (
        host(socket_enabled_by=_LINK, sockets=()),
        host(socket_enabled_by="", sockets=(EngineSocket(file(_SOCKET, 0o660)),)),
    ),
    references=("CIS Docker 1.6 2.1", "NIST SP 800-190 4.4.3", "OWASP Docker rule 1"),
    catalogue="S9-03",
    parameters={"consumers": ()},
)
