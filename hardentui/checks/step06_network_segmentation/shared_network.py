"""One network for containers of different applications.

What it checks:
Whether a container of another application is attached to one of this container's networks. Which
application a container belongs to is told by its compose project, its Kubernetes labels, an `app` label or
its pod. Two containers of one application belong on one network; a unit name proves nothing. Where a
neighbour carries no such label, the answer is unknown.

Why it matters:
On one bridge everybody reaches everybody on every port. If the web shop and the wiki share a network, a
hole in the wiki is a door to the shop's database, which was never published and asks for no password.
Separate networks turn one intrusion into one lost application instead of all of them.

What may break:
Connections between the applications that somebody relies on: a shared reverse proxy, a shared database,
central monitoring. Attach such a go-between to both networks (`podman network connect`), instead of
everybody to one.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.model.apps import app_of
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, Peer
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Kind,
    Risk,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.spec import Spec
from hardentui.options import LABELS, NETWORK
from hardentui.reading.containers import pod_of, related
from hardentui.reading.networks import (
    asked_for,
    network_names,
    other_networks,
    own_network,
    without_own_network,
)
from hardentui.visible import visible


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    without = without_own_network(facts)
    if without:
        return without
    attached = frozenset(network_names(facts))
    declared = ", ".join(sorted(attached)) or asked_for(facts.spec) or "pasta"
    if not attached:
        return not_applicable("it is on no network that others could join")
    app = _app(facts)
    others = [peer for peer in facts.peers if not related(facts, peer)]
    neighbours = [peer for peer in others if attached & set(peer.networks)]
    strangers = [peer for peer in neighbours if _foreign(app, peer)]
    evidence = tuple(_evidence(peer, attached) for peer in strangers)
    if strangers:
        apps = sorted({visible(_app_of_peer(peer), 40) for peer in strangers})
        return failed(
            f"it shares a network with other applications: {', '.join(apps)}", declared, "", evidence
        )
    untold = [visible(peer.name, 40) for peer in neighbours if not (app and _app_of_peer(peer))]
    if untold:
        who = ", ".join(sorted(untold)[:5])
        return unknown(
            f"nothing tells whether {who} and this container are one application: label them app=…"
        )
    return passed(declared)


def _app(facts: ContainerFacts) -> str:
    added = dict(label.partition("=")[::2] for label in facts.spec[LABELS])
    labelled = app_of({**facts.labels, **added})
    pod = str(facts.inspect.get("Pod") or "")
    members = {peer.app for peer in facts.peers if pod and peer.pod == pod and peer.app}
    if not labelled and len(members) == 1:  # the infra container is of the application of its pod
        return members.pop()
    return labelled or app_of({}, pod_of(facts))


def _app_of_peer(peer: Peer) -> str:
    return peer.app or (f"pod {peer.pod}" if peer.pod else "")


def _foreign(app: str, peer: Peer) -> bool:
    return bool(app and _app_of_peer(peer)) and _app_of_peer(peer) != app


def _evidence(peer: Peer, attached: frozenset[str]) -> Evidence:
    return Evidence(
        f"network {', '.join(sorted(attached & set(peer.networks)))}", f"{peer.name} of {_app_of_peer(peer)}"
    )


def remediate(spec: Spec, context: FixContext) -> Spec:
    facts = context.facts.planned(spec)
    app = _app(facts)
    shared = {
        name
        for name in network_names(facts)
        for peer in facts.peers
        if name in peer.networks and not related(facts, peer) and _foreign(app, peer)
    }
    return other_networks(spec, frozenset(shared), own_network(app)) if shared else spec


_OTHER = Peer("2" * 64, "wiki", networks=("podman",), app="wiki")

CHECK = Check(
    id="shared-network",
    title="It shares a network with another application",
    step=6,
    severity=Severity.MEDIUM,
    kind=Kind.CONTAINER,
    compares=True,
    doc=__doc__ or "",
    summary="Give each application a network of its own",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container((NETWORK, ("shop-net",)), (LABELS, ("app=shop",)), peers=(_OTHER,)),
        container((LABELS, ("app=wiki",)), peers=(_OTHER,)),
    ),
    fails=lambda: (
        container((LABELS, ("app=shop",)), peers=(_OTHER,)),
        container((NETWORK, ("podman", "shop-net")), (LABELS, ("app=shop",)), peers=(_OTHER,)),
    ),
    references=("NIST SP 800-190 4.3.3", "NIST SP 800-190 4.3.4", "CSVS 7.9"),
    catalogue="S6-07",
)
