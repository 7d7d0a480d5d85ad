"""The severity of a failing check in its context.

A check whose bad condition gives a compromised process more power (`Check.contextual`) moves by one step: up
for a rootful engine, a port open on all addresses or a writable host directory, down for a separate user
namespace. The steps are added up and limited to one in either direction; otherwise every finding on a rootful
host would be critical, and none would stand out. For the same reason, context alone never makes a finding
critical: a capability that can slow the host down is not the engine's socket.
"""

from __future__ import annotations

from hardentui.model.facts import ContainerFacts
from hardentui.options import Port
from hardentui.reading.mounts import host_mounts
from hardentui.reading.networks import ports_of_pod, published, uses_network_of_pod
from hardentui.reading.user_namespace import own_user_namespace


def context_shift(facts: object) -> int:
    """The shift of a contextual check's severity on these facts: -1, 0 or 1."""
    if not isinstance(facts, ContainerFacts):
        return 0
    pull = 0
    if facts.engine.rootless is False:
        pull += 1
    if any(port.on_all_addresses for port in _published(facts)):
        pull += 1
    if any(mount.written for mount in host_mounts(facts)):
        pull += 1
    if own_user_namespace(facts):
        pull -= 2
    return max(-1, min(1, pull))


def _published(facts: ContainerFacts) -> tuple[Port, ...]:
    """Its published ports, or those of the pod whose network it uses."""
    shared = facts.pod if facts.pod and uses_network_of_pod(facts) else None
    return ports_of_pod(shared) if shared else published(facts)
