"""The container is on the default network.

What it checks:
Whether the container is attached to the engine's default network (`podman`, unless configured otherwise),
either because no network was set or by name. Rootless containers that use pasta or slirp4netns share no
network with each other and pass.

Why it matters:
All containers on one bridge can talk to each other on every port, published or not. The default network is
where everything ends up that nobody thought about: the public web server next to somebody's test database.
Whoever takes over one of them looks for the others first, because databases and caches behind a web server
often ask for no password. The default network has no DNS either, so people resort to fixed addresses.

What may break:
Containers that reached it by address on the default network lose it until they join the new network; there
they find it by name. A fixed address (`--ip`) from the old network does not fit the new one. The network
must exist before the container starts: use a Quadlet `.network` file or `podman network create`.
"""

from __future__ import annotations

from itertools import islice

from hardentui.checks.prelude import *
from hardentui.options import NETWORK
from hardentui.reading.networks import (
    asked_for,
    leave_pods_alone,
    network_names,
    other_networks,
    own_network,
    without_own_network,
)

_SHOWN = 20


def evaluate(facts: ContainerFacts) -> Verdict:
    without = without_own_network(facts)
    if without:
        return without
    attached = network_names(facts)
    declared = ", ".join(attached) or asked_for(facts.spec) or "pasta"
    default = facts.engine.default_network
    if default not in attached:
        return passed(declared)
    groups = facts.peers.on(default).values()
    names = (peer.name for group in groups for peer in group.members if peer.id != facts.id)
    shown = sorted(islice(names, _SHOWN))
    reason, evidence = "on the default network", tuple[Evidence, ...]()
    if shown:
        count = facts.peers.count_on(default, besides=facts.id)
        reason += f" with {plural(count, 'other container')}"
        more = f" and {count - len(shown)} more" if count > len(shown) else ""
        evidence = (Evidence(f"network {default}", ", ".join(shown) + more),)
    return failed(reason, declared, evidence=evidence)


def remediate(spec: Spec, context: FixContext) -> Spec:
    leave_pods_alone(context.facts)
    if context.facts.engine.default_network not in network_names(context.facts.planned(spec)):
        return spec
    dropped = frozenset({context.facts.engine.default_network})
    return other_networks(spec, dropped, own_network(context.facts.name))


CHECK = Check(
    title="Uses the default network",
    severity=Severity.LOW,  # neighbours on it reach each other without names
    points=6,
    compares=True,
    summary="Move the container to its own network",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (container((NETWORK, ("shop-net",))), container(engine=rootless())),
    fails=lambda: (
        container(),
        container((NETWORK, ("podman", "shop-net"))),
        container((NETWORK, ("bridge",)), engine=rootless()),
    ),
    references=("CIS Docker 1.6 5.30", "NIST SP 800-190 4.3.3", "OWASP Docker rule 5", "CSVS 7.4"),
    catalogue="S6-02",
)
