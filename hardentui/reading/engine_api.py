"""The API of an engine that a container reaches over the network, without a mount."""

from __future__ import annotations

from hardentui.model.facts import ContainerFacts
from hardentui.model.host import ApiService
from hardentui.model.known import Known, Unread, known
from hardentui.options.values import Port
from hardentui.reading.networks import (
    gateways,
    internal_networks,
    leads_to_host,
    modes_of,
    on_host_network,
    reach,
)


def reachable_api(facts: ContainerFacts) -> Known[ApiService | None]:
    """An API on TCP that takes anyone's requests and that this container reaches: on the host's own network
    every one, else one that listens beyond the loopback addresses of the host.

    Unread where there may be one that could not be seen.
    """
    services, hidden = _open_services(facts)
    if not services and hidden is None:
        return None
    on_host = on_host_network(facts)
    if on_host is not True and "none" in modes_of(facts):
        return None
    for service in services:
        reached = on_host is True or _reaches(facts, service.address)
        if reached is True:
            return service
        if isinstance(reached, Unread):
            hidden = reached
    return on_host if services and isinstance(on_host, Unread) else hidden


def _reaches(facts: ContainerFacts, address: str) -> Known[bool]:
    """Whether a container with a network of its own reaches what listens at `tcp:HOST:PORT` of the host."""
    host = address.removeprefix("tcp:").lstrip("/").rpartition(":")[0].strip("[]")
    if host == "localhost":
        return False
    where = "all" if host in ("", "*") else reach(Port(1, "", host))
    if where != "one":
        return where == "all"
    if ":" in host or not host.strip("0123456789."):
        internal = internal_networks(facts)
        cut_off = bool(internal) and len(internal) == len(facts.networks)
        at_gateways = [gateways(network) for network in internal if leads_to_host(network)]
        return not cut_off or any(host in addresses for addresses in at_gateways)
    return Unread(f"which address {host} is, where an engine listens, is not known")


def _open_services(facts: ContainerFacts) -> tuple[tuple[ApiService, ...], Unread | None]:
    """Engine APIs on the host's TCP ports that ask for no client certificate, and why there may be more."""
    if not facts.engine.local:
        return (), Unread(facts.engine.unseen)
    listening = known(lambda: facts.host.tcp_services)
    if isinstance(listening, Unread):
        return (), Unread(f"the host's TCP listeners are not known: {listening.reason}")
    services = tuple(service for service in listening if not service.client_certificates)
    return services, Unread(facts.host.tcp_unseen) if facts.host.tcp_unseen else None
