"""Ports below the first that an ordinary account may listen on, and who connects from outside."""

from __future__ import annotations

from collections.abc import Callable

from hardentui.errors import CannotFix
from hardentui.model.check import Advice, FixContext
from hardentui.model.facts import ContainerFacts, capability_name
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.reading.behaviour import listening, runs_as_root
from hardentui.reading.containers import ask_or, image_config
from hardentui.reading.networks import (
    exposed,
    mode_of,
    opened_by_pasta,
    reach,
    rebound,
    shown,
    uses_network_of_pod,
)

_LOW_PORTS = "net.ipv4.ip_unprivileged_port_start"


_FIRST_HIGH_PORT = 1024


_BIND = "CAP_NET_BIND_SERVICE"


def low_ports(facts: ContainerFacts) -> tuple[tuple[int, str], ...]:
    """(port, reason) for each port below 1024 that it serves, lowest first."""
    reasons: dict[int, str] = {}
    for socket in listening(facts) or ():
        reasons.setdefault(socket.port, "it listens now")
    for port in facts.spec[PUBLISH]:
        reasons.setdefault(port.container, "published")
    if listening(facts) is None:
        for word in image_config(facts).get("ExposedPorts") or ():
            for number, _ in exposed(str(word)):
                reasons.setdefault(number, "declared by the image")
    return tuple(
        (port, why) for port, why in sorted(reasons.items()) if 0 < port < _FIRST_HIGH_PORT
    )


def with_low_ports(spec: Spec, facts: ContainerFacts) -> Spec:
    """The spec with what an ordinary user needs to serve a low port; unchanged for root and for
    high ports.

    In its own network namespace, a sysctl lowers the first unprivileged port, so no capability is
    needed. On a shared network, only NET_BIND_SERVICE helps.
    """
    wanted = low_ports(facts)
    if not wanted or runs_as_root(facts, spec):
        return spec
    if any(_low_port_start(setting) <= wanted[0][0] for setting in spec[SYSCTL]):
        return spec
    if any(capability_name(word) in (_BIND, "all") for word in spec[CAP_ADD]):
        return spec
    if _borrowed_network(facts, spec):
        return spec.with_(CAP_ADD, (*spec[CAP_ADD], _BIND))
    kept = tuple(setting for setting in spec[SYSCTL] if setting.partition("=")[0] != _LOW_PORTS)
    return spec.with_(SYSCTL, (*kept, f"{_LOW_PORTS}={wanted[0][0]}"))


def about_low_ports(
    before: Spec,
    after: Spec,
    facts: ContainerFacts,
) -> tuple[str, ...]:
    """The changes of `with_low_ports`, with the evidence."""
    wanted = low_ports(facts)
    if not wanted or (before[SYSCTL] == after[SYSCTL] and before[CAP_ADD] == after[CAP_ADD]):
        return ()
    port, why = wanted[0]
    if before[SYSCTL] != after[SYSCTL]:
        return (
            f"port {port} is served ({why}), so unprivileged ports start at {port} in its network",
        )
    if any(capability_name(word) == _BIND for word in after[CAP_ADD]):
        return (f"port {port} is served ({why}) on a shared network, so NET_BIND_SERVICE is kept",)
    return ()


def _low_port_start(sysctl: str) -> int:
    name, _, value = sysctl.partition("=")
    return int(value) if name == _LOW_PORTS and value.strip().isdecimal() else 65536


def _borrowed_network(facts: ContainerFacts, spec: Spec) -> bool:
    if uses_network_of_pod(facts):
        return True
    return any(mode_of(value) in ("host", "container", "ns") for value in spec[NETWORK])


def clients_from_outside(facts: ContainerFacts) -> tuple[tuple[int, str], ...] | None:
    """(port, address) of clients connected from other machines; None if that could not be read.

    Addresses in its own networks belong to other containers, and the first of each to the host. A
    rootless engine forwards connections under its own address, so its clients are not visible.
    """
    clients = ask_or(facts, lambda kernel: kernel.clients, None)
    if facts.engine.rootless is not False or clients is None:
        return None
    if not clients:
        return ()
    from ipaddress import ip_address, ip_network

    own = [
        ip_network(str(subnet.get("subnet")), strict=False)
        for network in facts.networks.values()
        for subnet in network.inspect.get("subnets") or ()
        if subnet.get("subnet")
    ]
    outside = []
    for client in clients:
        address = ip_address(client.address.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if not address.is_loopback and not any(address in network for network in own):
            outside.append((client.port, str(address)))
    return tuple(outside)


def bound_to_one_address(
    spec: Spec,
    context: FixContext,
    is_wide: Callable[[Port], bool],
) -> Spec:
    """The spec with these published ports bound to one address, for all checks that require it.

    Raises:
        CannotFix: a client on another machine is connected and no address was chosen, or the
            address is not valid.
    """
    if opening := opened_by_pasta(context.facts.planned(spec)):
        raise CannotFix(
            f"{opening} opens ports by itself",
            "Replace this option by --publish 127.0.0.1:PORT:PORT for each port that is needed.",
        )
    wide = frozenset(port for port in spec[PUBLISH] if is_wide(port))
    address = context.parameters.text("address")
    if "address" not in context.chosen and reach(Port(1, "", address)) == "loopback":
        served = {port.container for port in wide}
        outside = [
            client for client in clients_from_outside(context.facts) or () if client[0] in served
        ]
        if outside:
            port, client = outside[0]
            raise CannotFix(
                f"{client} is connected to port {port} from another machine; {address} would cut "
                "it off",
                "Choose the host address that such clients use (parameter address), or restrict clients with "
                "a firewall.",
                needs="address",
            )
    return rebound(spec, address, wide)


def about_one_address(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    """Who can no longer reach a port that is bound to one address."""
    facts = context.facts
    new = [port for port in after[PUBLISH] if port not in before[PUBLISH]]
    if not new:
        return Advice()
    where = shown(new)
    if reach(new[0]) != "loopback":
        return Advice(
            notes=(f"{where}: after this, only clients that use this host address can connect",)
        )
    if clients_from_outside(facts) is None:
        seen = "its clients are not known"
    else:
        seen = "no other machine was connected when checked"
    return Advice(notes=(f"{where}: {seen}; after this, only this host and its proxy can connect",))
