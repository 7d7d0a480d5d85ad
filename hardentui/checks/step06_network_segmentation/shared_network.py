"""Containers of different applications share a network.

What it checks:
Whether a container of another application is attached to one of this container's networks, or lends it its
own (`--network container:NAME`), with the services on its loopback address. The application
is identified by the compose project, Kubernetes labels, an `app` label or the pod. Two containers of one
application may share a network; a unit name proves nothing. If a neighbour has no such label, the answer is
unknown.

Why it matters:
On a bridge, everybody reaches everybody on every port. If the web shop and the wiki share a network, a
vulnerability in the wiki is a door to the shop's database, which was never published and asks for no
password. Separate networks turn one intrusion into one lost application instead of all of them.

What may break:
Connections between the applications that somebody relies on: a shared reverse proxy, a shared database,
central monitoring. Attach such a go-between to both networks (`podman network connect`), instead of
everybody to one.
"""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.checks.prelude import *
from hardentui.model.network import Peer, PeerGroup, Peers, app_of
from hardentui.options import LABELS, NETWORK
from hardentui.reading.containers import peer_called, pod_of, related
from hardentui.reading.networks import (
    asked_for,
    mode_of,
    network_names,
    other_networks,
    own_network,
    without_own_network,
)

_SHOWN = 20


def evaluate(facts: ContainerFacts) -> Verdict:
    without = _of_lender(facts) or without_own_network(facts)
    if without:
        return without
    attached = frozenset(network_names(facts))
    declared = ", ".join(sorted(attached)) or asked_for(facts.spec) or "pasta"
    if not attached:
        return not_applicable("not on a network that others could join")
    app = _app(facts)
    strangers: list[tuple[str, PeerGroup]] = []
    unlabelled: set[str] = set()
    for network, group in _others(facts, attached):
        if not (app and group.application):
            unlabelled.update(peer.name for peer in _other_members(facts, group))
        elif group.application != app:
            strangers.append((network, group))
            if len(strangers) > _SHOWN:
                break
    if strangers:
        apps = listed(frozenset(visible(group.application, 40) for _, group in strangers))
        evidence = tuple(_evidence(network, group) for network, group in strangers[:_SHOWN])
        return failed(f"shares a network with other applications: {apps}", declared, "", evidence)
    if unlabelled:
        who = ", ".join(visible(name, 40) for name in sorted(unlabelled)[:5])
        return unknown(
            f"it is not known whether {who} and this container are one application: label them app=…"
        )
    return passed(declared)


def _of_lender(facts: ContainerFacts) -> Verdict | None:
    """The verdict on a network borrowed from an unrelated container; None if none is."""
    words = (value.partition(":") for value in facts.spec[NETWORK] if mode_of(value) == "container")
    name = next((lender for _, _, lender in words), "")
    lender = peer_called(facts, name) if name else None
    if lender is None or related(facts, lender):
        return None
    declared, app = f"container:{name}", _app(facts)
    if app and lender.app:
        evidence = (Evidence("--network", declared),)
        return failed(f"uses the network of {visible(lender.app, 40)}", declared, "", evidence)
    who = visible(lender.name, 40)
    return unknown(
        f"it is not known whether {who}, whose network it uses, and this container are one application: "
        "label them app=…",
        declared,
    )


def _others(facts: ContainerFacts, networks: frozenset[str]) -> Iterator[tuple[str, PeerGroup]]:
    """The groups on these networks that are neither in the container's pod nor its application."""
    for network in sorted(networks):
        for group in facts.peers.on(network).values():
            if not related(facts, group) and _other_members(facts, group):
                yield network, group


def _other_members(facts: ContainerFacts, group: PeerGroup) -> tuple[Peer, ...]:
    return tuple(peer for peer in group.members if peer.id != facts.id)


def _app(facts: ContainerFacts) -> str:
    added = dict(label.partition("=")[::2] for label in facts.spec[LABELS])
    labelled = app_of({**facts.labels, **added})
    members = facts.peers.apps_in(str(facts.inspect.get("Pod") or ""))
    if not labelled and len(members) == 1:  # the infra container belongs to its pod's application
        return next(iter(members))
    return labelled or app_of({}, pod_of(facts))


def _evidence(network: str, group: PeerGroup) -> Evidence:
    names = listed([peer.name for peer in group.members], 3)
    return Evidence(f"network {network}", f"{names} of {group.application}")


def remediate(spec: Spec, context: FixContext) -> Spec:
    facts = context.facts.planned(spec)
    app = _app(facts)
    if (borrowed := _of_lender(facts)) is not None and borrowed.status is Status.FAIL:
        return spec.with_(NETWORK, (own_network(app),))
    shared = {
        network
        for network, group in _others(facts, frozenset(network_names(facts)))
        if app and group.application not in ("", app)
    }
    return other_networks(spec, frozenset(shared), own_network(app)) if shared else spec


_OTHER = Peers((Peer("2" * 64, "wiki", networks=("podman",), app="wiki"),))

CHECK = Check(
    title="Network shared with another application",
    severity=Severity.MEDIUM,  # another application is within reach
    points=2,
    compares=True,
    summary="Give each application its own network",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container((NETWORK, ("shop-net",)), (LABELS, ("app=shop",)), peers=_OTHER),
        container((LABELS, ("app=wiki",)), peers=_OTHER),
    ),
    fails=lambda: (
        container((LABELS, ("app=shop",)), peers=_OTHER),
        container((NETWORK, ("podman", "shop-net")), (LABELS, ("app=shop",)), peers=_OTHER),
        container((NETWORK, ("container:wiki",)), (LABELS, ("app=shop",)), peers=_OTHER),
    ),
    references=("NIST SP 800-190 4.3.3", "NIST SP 800-190 4.3.4", "CSVS 7.9"),
    catalogue="S6-07",
)
