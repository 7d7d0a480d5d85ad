"""The engine's API is on the network without client certificates.

What it checks:
Unit files, their drop-ins and running processes: whether `podman system service` listens on TCP without
requiring client certificates (`--tls-client-ca`), whether a Podman socket unit opens a TCP port, and
whether a forwarder (systemd-socket-proxyd, socat…) passes TCP connections on to an engine's socket.

Why it matters:
The API has no password. Everyone who can reach the port can start a privileged container and is root on this
host. The whole internet is searched for such ports, and they are found within hours. Even on 127.0.0.1, the
port is open to every account, to every container on the host's network, and to web pages that talk to local
ports.

What may break:
Clients that use the TCP address. Forward the unix socket over SSH instead (`podman system connection add`),
which adds a login, encryption and a trace; or, from Podman 5.7 on, use TLS with client certificates.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.host import ApiService

_UNIT = "/etc/systemd/system/podman.service.d/tcp.conf"


def evaluate(facts: HostFacts) -> Verdict:
    services = facts.tcp_services
    unprotected = [service for service in services if not service.client_certificates]
    if not unprotected and (hidden := facts.tcp_unread or facts.tcp_unseen):
        return unknown(hidden)
    if not unprotected:
        return passed(
            f"{len(services)} on TCP, all with client certificates" if services else "nothing on TCP"
        )
    return failed(
        f"the API at {unprotected[0].address} accepts anyone",
        effective=", ".join(service.address for service in unprotected),
        evidence=tuple(
            Evidence(service.where, f"{service.address} without client certificates{_by_way_of(service)}")
            for service in unprotected
        ),
        commands=(
            "systemctl revert podman.socket podman.service && systemctl restart podman.socket",
            "podman system connection add HOST ssh://USER@HOST   # on the client",
        ),
    )


def _by_way_of(service: ApiService) -> str:
    return f", forwarded to the engine's socket by {service.through}" if service.through else ""


CHECK = Check(
    title="Engine API on TCP without client certificates",
    severity=Severity.CRITICAL,  # whoever reaches the port is root
    kind=Kind.HOST,
    summary="Turn off the TCP socket and reach the unix socket over ssh",
    fix=FixKind.HOST_FILE,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    passes=lambda: (
        host(tcp_services=()),
        host(tcp_services=(ApiService(_UNIT, "tcp://0.0.0.0:2376", True),)),
    ),
    fails=lambda: (
        host(tcp_services=(ApiService(_UNIT, "tcp://0.0.0.0:2375", False),)),
        host(tcp_services=(ApiService("process 812", "tcp:127.0.0.1:8888", False),)),
        host(tcp_services=(ApiService("process 813", "tcp:0.0.0.0:2375", False, "socat"),)),
    ),
    references=("CIS Docker 1.6 2.7", "OWASP Docker rule 1"),
    catalogue="S9-05",
)
