"""Networks and volumes of a compose project, as the engine would show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from hardentui.features.at_rest.compose_options import TRUE, Stack
from hardentui.features.at_rest.trees import Tree
from hardentui.model.facts import NetworkFacts, VolumeFacts

_OF_DOCKER = "com.docker.network."
_AS_PODMAN = {"com.docker.network.driver.mtu": "mtu"}
_NAME = "com.docker.network.bridge.name"


def is_carried(option: str) -> bool:
    """Whether Podman has the option of a network driver too."""
    return option in (_NAME, *_AS_PODMAN) or not option.startswith(_OF_DOCKER)


def networks_of(stack: Stack) -> Iterator[tuple[str, NetworkFacts]]:
    """Those that the project makes, by the names that they get."""
    declared = stack.tree.get("networks")
    names: Iterable[str] = declared.entries if declared is not None else ()
    for name in (
        "default",
        *(name for name in names if name != "default"),
    ):
        full = stack.network(name)
        if full == name and name != "default":
            continue  # external: somebody else made it
        yield full, NetworkFacts(full, _network(full, stack.tree.get("networks", name)))


def _network(name: str, tree: Tree | None) -> Mapping[str, Any]:
    document = {"name": name, "driver": "bridge", "internal": False}
    if tree is None:
        return document
    options = dict(_pairs(tree.get("driver_opts")))
    document |= {
        "driver": tree.word("driver") or "bridge",
        "internal": tree.word("internal").lower() in TRUE,
        "ipv6_enabled": tree.word("enable_ipv6").lower() in TRUE,
        "labels": dict(_pairs(tree.get("labels"))),
        "network_interface": options.pop(_NAME, ""),
        "options": {
            _AS_PODMAN.get(key, key): value for key, value in options.items() if is_carried(key)
        },
    }
    ipam = tree.get("ipam", "config")
    if ipam is not None:
        document["subnets"] = [_subnet(each) for each in ipam.items if each.word("subnet")]
    return document


def _subnet(tree: Tree) -> Mapping[str, Any]:
    subnet: dict[str, Any] = {
        "subnet": tree.word("subnet"),
        "gateway": tree.word("gateway"),
    }
    if range_ := tree.word("ip_range"):
        try:
            addresses = ip_network(range_)
        except ValueError:
            return subnet
        subnet["lease_range"] = {
            "start_ip": str(addresses.network_address + 1),
            "end_ip": str(addresses.broadcast_address),
        }
    return subnet


def volumes_of(stack: Stack) -> Iterator[tuple[str, VolumeFacts]]:
    """Those that the project names, by the names that they get."""
    declared = stack.tree.get("volumes")
    for name, tree in declared.entries.items() if declared is not None else ():
        full = stack.volume(name)
        document = {
            "Name": full,
            "Driver": tree.word("driver") or "local",
            "Options": dict(_pairs(tree.get("driver_opts"))),
            "Labels": dict(_pairs(tree.get("labels"))),
        }
        yield full, VolumeFacts(full, document)


def _pairs(tree: Tree | None) -> Iterator[tuple[str, str]]:
    for key, text, _ in tree.pairs() if tree is not None else ():
        yield key, text or ""
