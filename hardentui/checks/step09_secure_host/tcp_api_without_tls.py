"""The engine's API can be reached over the network without a client certificate.

What it checks:
Unit files, their drop-ins and the running processes: whether a `podman system service` listens on TCP
without asking for client certificates (`--tls-client-ca`), whether a socket unit of Podman opens a TCP port,
and whether a forwarder (systemd-socket-proxyd, socat…) passes connections from TCP on to an engine's socket.

Why it matters:
There is no password in the API. Everybody who can reach the port can start a privileged container and is
root on this host. Such ports are searched for all over the internet, and found within hours. Bound to
127.0.0.1 it is still open to every account and every container on the host's network, and to web pages
that talk to local ports.

What may break:
Clients that use the TCP address. Forward the unix socket over ssh instead (`podman system connection
add`), which brings log-in, encryption and a trace; or, from Podman 5.7 on, use TLS with client
certificates.
"""

from __future__ import annotations

from hardentui.checks.examples import host
from hardentui.model.check import Check
from hardentui.model.finding import Evidence, FixKind, Kind, Risk, Severity, Verdict, failed, passed, unknown
from hardentui.model.host import ApiService, HostFacts
from hardentui.model.known import Unreadable

_UNIT = "/etc/systemd/system/podman.service.d/tcp.conf"


def evaluate(facts: HostFacts) -> Verdict:
    services = facts.tcp_services
    if isinstance(services, Unreadable):
        return unknown(services.reason)
    open_ones = [one for one in services if not one.client_certificates]
    if not open_ones:
        return passed(
            f"{len(services)} on TCP, all with client certificates" if services else "nothing on TCP"
        )
    return failed(
        f"the API at {open_ones[0].address} asks nobody who they are",
        effective=", ".join(one.address for one in open_ones),
        evidence=tuple(
            Evidence(one.where, f"{one.address} without client certificates{_by_way_of(one)}")
            for one in open_ones
        ),
        commands=(
            "systemctl revert podman.socket podman.service && systemctl restart podman.socket",
            "podman system connection add HOST ssh://USER@HOST   # on the client",
        ),
    )


def _by_way_of(service: ApiService) -> str:
    return f", passed on to the engine's socket by {service.through}" if service.through else ""


CHECK = Check(
    title="Engine API on TCP without client certificates",
    severity=Severity.CRITICAL,
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
