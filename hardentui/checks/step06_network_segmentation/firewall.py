"""The host's firewall in front of published ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hardentui.checks.prelude import *
from hardentui.reading.exposure import hook_of, is_public, ways_in
from hardentui.reading.low_ports import about_one_address, bound_to_one_address
from hardentui.reading.networks import (
    leave_pods_alone,
    need_own_network,
    published,
    publishes_more,
    shown,
)
from hardentui.reading.packets import DROPPED, Packet, fate

if TYPE_CHECKING:
    from hardentui.reading.packets import Rules


def _fix_unfirewalled_port(spec: Spec, context: FixContext) -> Spec:
    leave_pods_alone(context.facts)
    if spec[PUBLISH_ALL]:
        raise CannotFix(
            "--publish-all has no list of ports to bind",
            "Fix wildcard-port, which lists the ports.",
        )
    return bound_to_one_address(spec, context, is_public)


def _dropping(hook: str) -> HostFacts:
    chain = {
        "family": "inet",
        "table": "filter",
        "name": hook,
        "type": "filter",
        "hook": hook,
        "policy": "drop",
    }
    return HostFacts(
        firewall=Firewall(
            rules=({"chain": chain},),
            outside=("eth0",),
        )
    )


_OPEN, _CLOSED = _dropping("input"), _dropping("forward")


@Check(
    gives=Gain.NETWORK.after(1, Origin.NETWORK),  # a layer is missing for all published ports
    scope=Kind.SITE,
    summary="Bind the port to one address, or filter forwarded traffic",
    risk=Risk.DECISION,
    remediate=_fix_unfirewalled_port,
    advise=about_one_address,
    parameters={"address": "127.0.0.1"},
    takes={"address": "address"},
    passes=lambda: (
        container("-p 8080:80", host=_CLOSED),
        container(
            "-p 8080:80",
            host=_OPEN,
            engine=rootless(),
        ),
        container("-p 8080:80", host=_prerouting(8080, -300)),
        container("-p 8080:80", host=_prerouting(80, 0)),
        container("-p 8080:80", host=_prerouting(8080, 0, "ingress")),
        container("-p 10.1.2.3:8080:80", host=_OPEN),
    ),
    fails=lambda: (
        container("-p 8080:80", host=_OPEN),
        container(
            "-p 8080:80",
            host=_CLOSED,
            engine=rootless(),
        ),
        container("-p 8080:80", host=_prerouting(80, -300)),
        container("-p 8.8.8.8:8080:80", host=_OPEN),
    ),
    references=("OWASP Docker rule 5a",),
)
def unfirewalled_port(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Published port without a firewall in front.

    What it checks:
    For ports published on all addresses or on a public one: what nftables does with the first
    packet from outside, on each interface that leads outside. Filters at the hooks `ingress` and
    `prerouting`, which come first, count. Rootful Podman forwards packets to the container, so a
    filter at the hook `forward` is needed; the usual rules at `input` are never consulted. Rootless
    ports are opened by a program on the host, so there a filter at `input` counts. Rules written by
    Podman's own network helper are left out, because they allow everything. A port that a rule
    allows by number, while others are filtered, passes: that is a decision.

    Why it matters:
    Many admins believe that a port is closed because the firewall does not list it. For published
    ports of the rootful engine, that is wrong: the address is rewritten first, and the packet takes
    another path. What the firewall tool shows as closed is open to everyone who can reach the host.
    firewalld accepts every packet with a rewritten destination unless its configuration has
    StrictForwardPorts=yes.

    What may break:
    Clients on other machines can no longer reach the port once it is bound to 127.0.0.1 (see
    wildcard-port, which asks for the same change; decide once for both). With a filter that allows
    chosen clients, the port may stay open. A forward filter on the host also affects other
    forwarded traffic: virtual machines, VPNs, other containers. Keep a way back, such as a console,
    when you try it.
    """
    need_own_network(facts)
    ports = published(facts)
    wide = [port for port in ports if is_public(port)]
    more = publishes_more(facts)
    if not wide and not more:
        if ports:
            return passed(
                shown(ports), reason="no port is open on all addresses or on a public one"
            )
        return not_applicable("no published ports")
    declared = shown(wide) or more
    if not facts.engine.local:
        return unknown(
            f"the firewall could not be read: {facts.engine.unseen}",
            declared,
        )
    if isinstance(facts.engine.rootless, Unread):
        return unknown(
            f"which rules apply is not known: {facts.engine.rootless.reason}",
            declared,
        )
    hook = hook_of(facts)
    firewall = facts.host.firewall
    if isinstance(firewall.rules, Unread):
        return unknown(
            f"the packet filter could not be read: {firewall.rules.reason}",
            declared,
        )
    if isinstance(firewall.outside, Unread):
        return unknown(
            f"which interfaces lead outside is not known: {firewall.outside.reason}", declared
        )
    open_ways, unclear = ways_in(
        firewall.rules,
        firewall.outside,
        hook,
        wide,
    )
    if open_ways:
        evidence = (Evidence("nftables", f"hook {hook}: {', '.join(open_ways)} accepted"),)
        return failed(
            _reason(hook, firewall, firewall.rules), declared, f"no filter at {hook}", evidence
        )
    if unclear:
        return unknown(
            f"the rules at {hook} match on more than is known about a packet: {', '.join(unclear)}",
            declared,
        )
    return passed(
        declared, f"filtered at {hook}", (Evidence("nftables", f"hook {hook}: filtered"),)
    )


def _reason(
    hook: str,
    firewall: Firewall,
    rules: Rules,
) -> str:
    if hook == "input":
        return "no packet filter in front of the port"
    if firewall.firewalld is True:
        return "firewalld allows packets to a published port, regardless of its zones"
    interfaces = () if isinstance(firewall.outside, Unread) else firewall.outside
    if any(
        fate(
            rules,
            Packet(
                "input",
                interface,
                "tcp",
                0,
            ),
        )
        == {DROPPED}
        for interface in interfaces or ("",)
    ):
        return "the firewall filters only at input, which packets to a published port never pass"
    return "no packet filter in front of the port"


def _prerouting(
    port: int,
    priority: int,
    hook: str = "prerouting",
) -> HostFacts:
    family = "netdev" if hook == "ingress" else "inet"
    chain = {
        "family": family,
        "table": "t",
        "name": "c",
        "type": "filter",
        "hook": hook,
        "prio": priority,
    }
    chain |= {"dev": "eth0"} if hook == "ingress" else {}
    match = {
        "op": "==",
        "left": {"payload": {"protocol": "tcp", "field": "dport"}},
        "right": port,
    }
    rule = {
        "family": family,
        "table": "t",
        "chain": "c",
        "expr": [{"match": match}, {"drop": None}],
    }
    return HostFacts(
        firewall=Firewall(
            rules=({"chain": chain}, {"rule": rule}),
            outside=("eth0",),
        )
    )
