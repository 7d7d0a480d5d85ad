"""A host port below 1024 that is not allowed.

What it checks:
Whether a published port uses a host port below 1024 other than those in the parameter `allowed` (80 and 443,
where web servers are expected).

Why it matters:
Ports below 1024 are reserved for root, because clients take whatever answers there for a service of the
machine itself: mail, DNS, SSH, file shares. A container on such a port speaks in the host's name. It also
ties the container to the rootful engine, or makes somebody lower the limit for every user on the host.

What may break:
Clients must use the new port; by default 8000 is added (25 becomes 8025, parameter `offset`). For protocols
with a fixed port, put a proxy or a forwarding rule in front, or allow the port in the checklist.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import PUBLISH, Port
from hardentui.reading.networks import leave_pods_alone, published, shown, without_own_network

_FIRST_FREE = 1024


def _low(port: Port, allowed: tuple[str, ...]) -> bool:
    first = port.host.partition("-")[0]
    return first.isascii() and first.isdigit() and 0 < int(first) < _FIRST_FREE and port.host not in allowed


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    without = without_own_network(facts)
    if without:
        return without
    ports = published(facts)
    if not ports:
        return not_applicable("no ports published by number")
    low = [port for port in ports if _low(port, parameters.texts("allowed"))]
    if low:
        return failed(f"publishes ports below 1024: {shown(low)}", shown(ports))
    return passed(shown(ports))


def remediate(spec: Spec, context: FixContext) -> Spec:
    leave_pods_alone(context.facts)
    allowed, offset = context.parameters.texts("allowed"), context.parameters.integer("offset")
    taken = {port.host for port in spec[PUBLISH]}
    moved = []
    for port in spec[PUBLISH]:
        if _low(port, allowed):
            port = Port(port.container, _free(port.host, offset, taken), port.address, port.protocol)
        moved.append(port)
    return spec.with_(PUBLISH, tuple(moved))


def _free(host: str, offset: int, taken: set[str]) -> str:
    number = max(int(host.partition("-")[0]) + offset, _FIRST_FREE)
    while str(number) in taken and number < 65535:
        number += 1
    return str(number)


CHECK = Check(
    title="Publishes a privileged host port",
    severity=Severity.LOW,  # needs a right once, at the start
    summary="Publish on host port 1024 or higher",
    fix=FixKind.RECREATE,
    risk=Risk.DECISION,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"allowed": ("80", "443"), "offset": 8000},
    takes={"offset": "offset"},
    passes=lambda: (
        container((PUBLISH, (Port(8443, "443", "127.0.0.1"), Port(80, "8080")))),
        container((PUBLISH, (Port(25),))),
    ),
    fails=lambda: (container((PUBLISH, (Port(25, "25"), Port(80, "80")))),),
    references=("CIS Docker 1.6 5.8",),
    catalogue="S6-06",
)
