"""What the host's firewall lets through to published ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.model.spec import Port
from hardentui.reading.networks import reach
from hardentui.reading.packets import ACCEPTED, DROPPED, Packet, fate

if TYPE_CHECKING:
    from hardentui.reading.packets import Rules


def hook_of(facts: ContainerFacts) -> str:
    """Where its packets are filtered: the rootful engine forwards them, a rootless port is opened
    by a program of the host."""
    return "input" if facts.engine.rootless is True else "forward"


def is_filtered(facts: ContainerFacts, ports: list[Port]) -> bool:
    """Whether it is proven that the firewall stops the first packet to each of these ports."""
    if not facts.engine.local or isinstance(facts.engine.rootless, Unread):
        return False
    firewall = known(lambda: facts.host.firewall)
    if (
        isinstance(firewall, Unread)
        or isinstance(firewall.rules, Unread)
        or isinstance(firewall.outside, Unread)
        or not firewall.outside
    ):
        return False
    open_ways, unclear = ways_in(
        firewall.rules,
        firewall.outside,
        hook_of(facts),
        ports,
    )
    return not open_ways and not unclear


def is_public(port: Port) -> bool:
    """Whether it is bound to all addresses or to a public one, so that anyone can send to it."""
    if reach(port) != "one":
        return reach(port) == "all"
    from ipaddress import ip_address  # takes 2 ms; only needed for ports bound to one address

    try:
        return ip_address(port.address.strip("[]").partition("%")[0]).is_global
    except ValueError:
        return False


def ways_in(
    rules: Rules,
    outside: tuple[str, ...],
    hook: str,
    ports: list[Port],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(ways that are open to everyone, ways of which that is not known), such as `eth0 8080/tcp`."""
    open_ways: list[str] = []
    unclear: list[str] = []
    accepted, dropped = frozenset({ACCEPTED}), frozenset({DROPPED})
    for interface in outside or ("",):
        for port in ports or [Port(0)]:
            number = (
                port.container
                if hook == "forward"
                else int(port.host)
                if port.host.isdecimal()
                else 0
            )
            in_host = int(port.host) if port.host.isdecimal() else 0
            family = "ip6" if ":" in port.address else "ip"
            packet = Packet(
                hook,
                interface,
                port.protocol,
                number,
                family,
                in_host,
            )
            ends = fate(rules, packet), fate(rules, replace(packet, port=0, host_port=0))
            if dropped in ends:
                continue  # filtered, or opened by number while others are filtered
            way = f"{interface} {number or 'any port'}/{port.protocol}".strip()
            (open_ways if ends == (accepted, accepted) else unclear).append(way)
    return tuple(open_ways), tuple(unclear)
