"""The API of an engine that a container reaches over the network, without a mount."""

from __future__ import annotations

import re

from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.host import ApiService
from hardentui.model.known import Unreadable
from hardentui.reading.networks import modes_of

_ALL = re.compile(r"(?:tcp:)?/*(?:0\.0\.0\.0|\[?::\]?|\*)?:[0-9]+")


def reachable_api(facts: ContainerFacts) -> ApiService | None:
    """An unprotected TCP API that this container can reach: any of them on the host's network, otherwise one
    that listens on all addresses of the host."""
    host = facts.host
    if isinstance(host, Unreadable) or isinstance(host.tcp_services, Unreadable):
        return None
    services = [service for service in host.tcp_services if not service.client_certificates]
    if not services or not facts.engine.local or "none" in modes_of(facts):
        return None
    on_host = _on_host_network(facts)
    return next((service for service in services if on_host or _ALL.fullmatch(service.address)), None)


def _on_host_network(facts: ContainerFacts) -> bool:
    kernel = facts.kernel
    if isinstance(kernel, Kernel) and not isinstance(kernel.shared_namespaces, Unreadable):
        return "net" in kernel.shared_namespaces
    return "host" in modes_of(facts)
