"""A port that is open on every address of the host.

What it checks:
Whether a published port is bound to all addresses: `0.0.0.0`, `::` (also written `[::]`), or no address,
which means the same. `--publish-all` always does that. Ports that options of pasta open (`--network
pasta:-t,8080`) count too, although `podman port` does not list them.

Why it matters:
`-p 8080:80` looks harmless and opens the port on every interface: the office network, the wireless network,
the VPN, and the internet if the host has a public address. Rootful Podman forwards such a port before the
firewall's usual INPUT rules apply, so a host with a closed firewall is still open there. Scanners find a new
port within minutes. A service that only a reverse proxy on the same host talks to needs none of this.

What may break:
Clients on other machines can no longer reach the port once it is bound to 127.0.0.1. If such a client was
seen, the fix asks for the host address that clients use (parameter `address`). The same goes for
unfirewalled-port, which asks for the same change.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import NETWORK, PUBLISH, PUBLISH_ALL, Port
from hardentui.reading.behaviour import about_one_address, bound_to_one_address
from hardentui.reading.networks import (
    leave_pods_alone,
    published,
    publishes_more,
    reach,
    shown,
    spelled_out,
    without_own_network,
)


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    without = without_own_network(facts)
    if without:
        return without
    ports = published(facts)
    if more := publishes_more(facts):
        which = "exposed port" if facts.spec[PUBLISH_ALL] else "port that the container listens on"
        return failed(f"every {which} is published on all addresses", more)
    if not ports:
        return not_applicable("no published ports")
    wide = [port for port in ports if reach(port) == "all"]
    if wide:
        return failed(f"open on all host addresses: {shown(wide)}", shown(ports))
    return passed(shown(ports))


def remediate(spec: Spec, context: FixContext) -> Spec:
    leave_pods_alone(context.facts)
    return bound_to_one_address(spelled_out(spec, context.facts), context, lambda port: reach(port) == "all")


def advise(before: Spec, after: Spec, context: FixContext) -> Advice:
    return about_one_address(before, after, context.facts)


_IMAGE = image(inspect={"Config": {"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}})

CHECK = Check(
    title="Port published on all host addresses",
    severity=Severity.LOW,  # a public service needs it; databases have exposed-admin-port
    points=8,
    summary="Bind published ports to one address",
    fix=FixKind.RECREATE,
    risk=Risk.DECISION,
    evaluate=evaluate,
    remediate=remediate,
    advise=advise,
    parameters={"address": "127.0.0.1"},
    takes={"address": "address"},
    passes=lambda: (
        container((PUBLISH, (Port(80, "8080", "127.0.0.1"),))),
        container((PUBLISH, (Port(80, "8080", "::1"), Port(443, "8443", "192.0.2.7")))),
        container(
            (PUBLISH_ALL, True),
            (PUBLISH, (Port(80, "8080", "127.0.0.1"), Port(53, "5300", "127.0.0.1", "udp"))),
            image=_IMAGE,
        ),
        container((NETWORK, ("pasta:-t,127.0.0.1/8080:80,-u,none",)), engine=rootless()),
    ),
    fails=lambda: (
        container((PUBLISH, (Port(80, "8080"),))),
        container((PUBLISH, (Port(80, "8080", "0.0.0.0"), Port(80, "8080", "[::]")))),  # noqa: S104
        container((PUBLISH_ALL, True), image=_IMAGE),
        container((PUBLISH_ALL, True), (PUBLISH, (Port(80, "8080", "127.0.0.1"),)), image=_IMAGE),
        container((NETWORK, ("pasta:--mtu,1400,-t,8080:80",)), engine=rootless()),
    ),
    references=("CIS Docker 1.6 5.14", "OWASP Docker rule 5a", "CSVS 7.7"),
    catalogue="S6-03",
)
