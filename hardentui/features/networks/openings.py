"""Ways into a container that stay open after a split."""

from __future__ import annotations

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.model.network import Gate, Opening
from hardentui.options import Port
from hardentui.reading.networks import modes_of, published, reach
from hardentui.reading.packets import ACCEPTED, DROPPED, Packet, fate


def openings(facts: ContainerFacts) -> tuple[Opening, ...]:
    """One for each published port; a container on the host's network has one for all its ports."""
    if "host" in modes_of(facts):
        gate, why = _gate(facts, "input", "tcp", 0, 0, "ip")
        return (
            Opening(
                facts.name,
                "*",
                0,
                0,
                "tcp",
                gate,
                why,
            ),
        )
    return tuple(_opening(facts, port) for port in published(facts))


def _opening(facts: ContainerFacts, port: Port) -> Opening:
    where = reach(port)
    number = int(port.host) if port.host.isdecimal() else 0
    address = {"all": "*", "loopback": "loopback"}.get(where, port.address)
    if where == "loopback":
        gate, why = Gate.LOCAL, "bound to the loopback address of the host"
    else:
        hook = "input" if facts.engine.rootless is True else "forward"
        family = "ip6" if ":" in port.address else "ip"
        gate, why = _gate(
            facts,
            hook,
            port.protocol,
            port.container if hook == "forward" else number,
            number,
            family,
        )
    return Opening(
        facts.name,
        address,
        number,
        port.container,
        port.protocol,
        gate,
        why,
    )


def _gate(
    facts: ContainerFacts,
    hook: str,
    protocol: str,
    port: int,
    in_host: int,
    family: str,
) -> tuple[Gate, str]:
    if not facts.engine.local:
        return Gate.UNKNOWN, f"the firewall could not be read: {facts.engine.unseen}"
    firewall = known(lambda: facts.host.firewall)
    if isinstance(firewall, Unread):
        return Gate.UNKNOWN, f"the firewall could not be read: {firewall.reason}"
    if isinstance(firewall.rules, Unread):
        return Gate.UNKNOWN, f"the packet filter could not be read: {firewall.rules.reason}"
    if isinstance(firewall.outside, Unread):
        return (
            Gate.UNKNOWN,
            f"which interfaces lead outside is not known: {firewall.outside.reason}",
        )
    ends = {
        interface: fate(
            firewall.rules,
            Packet(
                hook,
                interface,
                protocol,
                port,
                family,
                in_host,
            ),
        )
        for interface in firewall.outside or ("",)
    }
    if all(end == {DROPPED} for end in ends.values()):
        return (
            Gate.FILTERED,
            f"the packet filter drops packets from unknown addresses (hook {hook})",
        )
    through = [interface for interface, end in ends.items() if end == {ACCEPTED}]
    if through:
        at = f" at {', '.join(through)}" if any(through) else ""
        return (
            Gate.OPEN,
            f"the packet filter accepts packets from unknown addresses{at} (hook {hook})",
        )
    return (
        Gate.UNKNOWN,
        "the rules of the packet filter match on more than is known about the packet",
    )
