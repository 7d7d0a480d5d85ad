"""Who has which address on the networks of a trial, for /etc/hosts: these networks have no name server. Pure.

A name server would listen on an address of the host, and could ask others outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_network

from hardentui.model.network_made import MadeNetwork

_FIRST = 10
"""The first address given to a twin, counted from the start of a network."""


class Neighbours:
    """The addresses of the twins of one trial, by a key of each: they stay the same for every new twin of it.

    Args:
        networks: of the trial, by name.
    """

    def __init__(self, networks: Mapping[str, MadeNetwork]) -> None:
        self.networks = networks
        self._on: dict[str, dict[str, str]] = {}
        self._names: dict[str, tuple[str, ...]] = {}

    def add(self, key: str, names: Iterable[str], networks: Iterable[str]) -> None:
        """Give a twin an address on each of these networks. A key that is known gets more names."""
        addresses = self._on.setdefault(key, {})
        self._names[key] = tuple(dict.fromkeys((*self._names.get(key, ()), *names)))
        for name in networks:
            if name not in addresses:
                taken = sum(name in others for others in self._on.values())
                subnet = self.networks[name].subnet
                addresses[name] = str(ip_network(subnet)[_FIRST + taken]) if subnet else ""

    def addresses(self, key: str) -> Mapping[str, str]:
        """Network -> address."""
        return self._on.get(key, {})

    def hosts(self, key: str) -> tuple[str, ...]:
        """`name:address` of itself and of each twin that shares a network with it."""
        own = self.addresses(key)
        lines = [
            f"{name}:{address}"
            for other, addresses in self._on.items()
            for network, address in addresses.items()
            if network in own and address
            for name in self._names[other]
        ]
        return tuple(dict.fromkeys(lines))
