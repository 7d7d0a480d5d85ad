"""A network that bypasses the host's packet filter.

What it checks:
Whether one of the networks uses the driver macvlan or ipvlan or is a bridge that Podman does not manage
(`mode=unmanaged`), or the container borrows the network namespace
of another container (`--network container:…`) or of a path (`ns:…`) outside a pod.

Why it matters:
With macvlan and ipvlan, the container is on the local network like a separate machine. Every port that it
listens on is open to the neighbours, published or not, and the host's firewall never sees the packets. It can
also impersonate other machines there. For an unmanaged bridge, Podman makes no packet filter rules. A
borrowed namespace puts two containers into one network stack: each reaches what the other offers only on
127.0.0.1, and can listen on its ports.

What may break:
Machines that know the container by its own address on the local network must use the host's address and a
published port instead. Protocols that need broadcast or multicast do not pass a bridge. A borrowed network is
often intended (a VPN container that others go through): put both into one pod, or waive the finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.checks.prelude import *
from hardentui.model.facts import NetworkFacts
from hardentui.options import NETWORK
from hardentui.reading.containers import is_planned
from hardentui.reading.networks import (
    asked_for,
    asks_for_host_network,
    modes_of,
    network_names,
    uses_network_of_pod,
)

_UNMANAGED = "unmanaged"
_UNFILTERED = frozenset({"macvlan", "ipvlan", _UNMANAGED})


def evaluate(facts: ContainerFacts) -> Verdict:
    if uses_network_of_pod(facts):
        return not_applicable("the network belongs to the pod; see the pod's infra container")
    kinds = modes_of(facts)
    if "none" in kinds or asks_for_host_network(facts) is True:
        return not_applicable("no network of its own that could bypass the filter")
    declared = asked_for(facts.spec)
    if kinds & {"container", "ns"}:
        return failed("borrows a network namespace outside a pod", declared, commands=_COMMANDS)
    attached = network_names(facts)
    drivers = {name: _driver(facts.networks[name].inspect) for name in attached if name in facts.networks}
    evidence = tuple(Evidence(f"network {name}", f"driver {driver}") for name, driver in drivers.items())
    unfiltered = sorted(name for name, driver in drivers.items() if driver in _UNFILTERED)
    if unfiltered:
        reason = f"packets on {', '.join(unfiltered)} never pass the host's filter"
        return failed(reason, declared, evidence=evidence, commands=_COMMANDS)
    unseen = sorted(set(attached) - set(drivers) - {facts.engine.default_network})
    if unseen and not is_planned(facts):  # a planned network will be a bridge
        return unknown(f"the driver of {', '.join(unseen)} could not be read", declared)
    return passed(declared or ", ".join(attached) or "pasta", evidence=evidence)


def _driver(network: Mapping[str, Any]) -> str:
    """The driver, or the mode in which Podman leaves a bridge alone."""
    options = network.get("options")
    mode = options.get("mode") if isinstance(options, dict) else ""
    return _UNMANAGED if mode == _UNMANAGED else str(network.get("driver"))


_COMMANDS = ("podman network create NAME", "podman run --network NAME -p ADDRESS:PORT:PORT …")
_LAN = NetworkFacts("lan", {"name": "lan", "driver": "macvlan"})
_FOREIGN = NetworkFacts("br", {"name": "br", "driver": "bridge", "options": {"mode": "unmanaged"}})
_BRIDGE = NetworkFacts("shop-net", {"name": "shop-net", "driver": "bridge"})

CHECK = Check(
    title="Network bypasses the host firewall",
    severity=Severity.MEDIUM,  # the host's firewall does not see it
    summary="Use a bridge network and publish the ports that are needed",
    fix=FixKind.DECISION,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    passes=lambda: (container((NETWORK, ("shop-net",)), networks={"shop-net": _BRIDGE}), container()),
    fails=lambda: (
        container((NETWORK, ("lan",)), networks={"lan": _LAN}),
        container((NETWORK, ("br",)), networks={"br": _FOREIGN}),
        container((NETWORK, ("container:vpn",))),
    ),
    references=("NIST SP 800-190 4.4.2",),
    catalogue="S6-10",
)
