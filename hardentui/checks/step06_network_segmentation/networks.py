"""The networks that the container is on."""

from __future__ import annotations

import shlex
from itertools import islice

from hardentui.checks.prelude import *
from hardentui.model.application_labels import app_of
from hardentui.model.peers import PeerGroup
from hardentui.reading.networks import (
    asked_for,
    asks_for_host_network,
    leave_pods_alone,
    mode_of,
    modes_of,
    need_own_network,
    network_names,
    other_networks,
    own_network,
    uses_network_of_pod,
)
from hardentui.reading.vendors import application_by_vendor

_SHOWN = 20


def _fix_default_network(spec: Spec, context: FixContext) -> Spec:
    leave_pods_alone(context.facts)
    if context.facts.engine.default_network not in network_names(context.facts.planned(spec)):
        return spec
    dropped = frozenset({context.facts.engine.default_network})
    return other_networks(
        spec,
        dropped,
        own_network(context.facts.name),
    )


@Check(
    gives=Gain.NETWORK.after(2),  # neighbours on it reach each other without names
    points=6,
    compares=True,
    summary="Move the container to its own network",
    remediate=_fix_default_network,
    passes=lambda: ("--network=shop-net", container(engine=rootless())),
    fails=lambda: (
        "",
        "--network=podman --network=shop-net",
        container("--network=bridge", engine=rootless()),
    ),
    references=(
        "CIS Docker 1.6 5.30",
        "NIST SP 800-190 4.3.3",
        "OWASP Docker rule 5",
        "CSVS 7.4",
    ),
)
def default_network(facts: ContainerFacts) -> Verdict:
    """Uses the default network.

    What it checks:
    Whether the container is attached to the engine's default network (`podman`, unless configured
    otherwise), either because no network was set or by name. Rootless containers that use pasta or
    slirp4netns share no network with each other and pass.

    Why it matters:
    All containers on one bridge can talk to each other on every port, published or not. The default
    network is where everything ends up that nobody thought about: the public web server next to
    someone's test database. Whoever takes over one of them looks for the others first, because
    databases and caches behind a web server often ask for no password. The default network has no
    DNS either, so people resort to fixed addresses.

    What may break:
    Containers that reached it by address on the default network lose it until they join the new
    network; there they find it by name. A fixed address (`--ip`) from the old network does not fit
    the new one. The network must exist before the container starts: use a Quadlet `.network` file
    or `podman network create`.
    """
    need_own_network(facts)
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


_OPEN = {"name": "db-net", "driver": "bridge", "internal": False}


@Check(
    gives=Gain.NETWORK.after(2),  # an intruder can download and report
    summary="Create the network as an internal one",
    parameters={"outgoing": ()},
    passes=lambda: (
        NetworkFacts(
            "db-net",
            {**_OPEN, "internal": True},
            ("db",),
            rootful(),
        ),
        NetworkFacts(
            "web-net",
            _OPEN,
            ("web", "db"),
            rootful(),
            publishers=("web",),
        ),
    ),
    fails=lambda: (
        NetworkFacts(
            "db-net",
            _OPEN,
            ("db", "worker"),
            rootful(),
            publishers=(),
        ),
    ),
    references=("NIST SP 800-190 4.4.2",),
)
def internal_capable_network(
    facts: NetworkFacts,
    parameters: Parameters,
) -> Verdict:
    """Back-end network can reach the outside.

    What it checks:
    Whether a bridge network without any member that publishes a port is closed to the outside
    (`--internal`). Such a network usually carries the back end: databases, caches, workers.
    Networks whose members need outside access, to fetch mail or feeds, can be allowed in the
    checklist (parameter `outgoing`). A network without members is left alone.

    Why it matters:
    An intruder needs a way out: to fetch tools, to send away data, to receive commands. A database
    that can connect to any address on the internet provides it. On an internal network, packets
    have nowhere to go, whatever runs in the container.

    What may break:
    Everything on the network that connects to the outside: updates, licence checks, webhooks,
    outgoing mail, DNS look-ups of outside names. Give those containers a second, open network and
    leave the rest closed. The network has to be recreated, so its containers restart.
    """
    driver = str(facts.inspect.get("driver") or "")
    if driver and driver != "bridge":
        return not_applicable(f"only bridge networks can be internal; this one is {driver}")
    if not facts.inspect:
        return unknown("the network could not be inspected")
    if facts.inspect.get("internal"):
        return passed("internal=true")
    if not facts.members:
        return not_applicable("no container is attached")
    if facts.name in parameters.texts("outgoing"):
        return passed("internal=false", reason="the checklist allows outgoing traffic")
    if facts.publishers:
        return passed(
            "internal=false",
            reason=f"{plural(len(facts.publishers), 'member publishes', 'members publish')} ports",
        )
    name = shlex.quote(facts.name)
    return failed(
        "no member publishes a port, yet all of them can reach the outside",
        "internal=false",
        evidence=(
            Evidence(
                f"network {facts.name}",
                f"members: {', '.join(sorted(facts.members))}",
            ),
        ),
        commands=(
            f"podman network rm {name}",
            f"podman network create --internal {name}",
            "# Quadlet: Internal=true",
        ),
    )


def _fix_shared_network(spec: Spec, context: FixContext) -> Spec:
    facts = context.facts.planned(spec)
    app = _app(facts)
    if (borrowed := _of_lender(facts)) is not None and borrowed.status is Status.FAIL:
        return spec.with_(NETWORK, (own_network(app),))
    shared = {
        network
        for network, group in _others(facts, frozenset(network_names(facts)))
        if app and group.application not in ("", app)
    }
    return (
        other_networks(
            spec,
            frozenset(shared),
            own_network(app),
        )
        if shared
        else spec
    )


_OTHER = Peers(
    (
        Peer(
            "2" * 64,
            "wiki",
            networks=("podman",),
            app="wiki",
        ),
    )
)


@Check(
    gives=Gain.NETWORK.after(1),  # another application is within reach
    points=2,
    compares=True,
    summary="Give each application its own network",
    remediate=_fix_shared_network,
    passes=lambda: (
        container("--network=shop-net --label=app=shop", peers=_OTHER),
        container("--label=app=wiki", peers=_OTHER),
    ),
    fails=lambda: (
        container("--label=app=shop", peers=_OTHER),
        container(
            "--network=podman --network=shop-net --label=app=shop",
            peers=_OTHER,
        ),
        container("--network=container:wiki --label=app=shop", peers=_OTHER),
    ),
    references=("NIST SP 800-190 4.3.3", "CSVS 7.9"),
)
def shared_network(facts: ContainerFacts) -> Verdict:
    """Network shared with another application.

    What it checks:
    Whether a container of another application is attached to one of this container's networks, or
    lends it its own (`--network container:NAME`), with the services on its loopback address. The
    application is identified by the compose project, Kubernetes labels, an `app` label, the tool of
    a vendor that manages it as one (docs/vendors.md), or the pod.
    Two containers of one application may share a network; a unit name proves nothing. If a
    neighbour has no such label, the answer is unknown.

    Why it matters:
    On a bridge, everybody reaches everybody on every port. If the web shop and the wiki share a
    network, a vulnerability in the wiki is a door to the shop's database, which was never published
    and asks for no password. Separate networks turn one intrusion into one lost application instead
    of all of them.

    What may break:
    Connections between the applications that someone relies on: a shared reverse proxy, a shared
    database, central monitoring. Attach such a go-between to both networks (`podman network
    connect`), instead of everybody to one.
    """
    if (of_lender := _of_lender(facts)) is not None:
        return of_lender
    need_own_network(facts)
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
        return failed(
            f"shares a network with other applications: {apps}",
            declared,
            "",
            evidence,
        )
    if unlabelled:
        who = ", ".join(visible(name, 40) for name in sorted(unlabelled)[:5])
        return unknown(
            f"it is not known whether {who} and this container are one application: label them "
            "app=…"
        )
    return passed(declared)


def _of_lender(facts: ContainerFacts) -> Verdict | None:
    """The verdict on a network borrowed from an unrelated container; None if none is."""
    words = (value.partition(":") for value in facts.spec[NETWORK] if mode_of(value) == "container")
    name = next((lender for _, _, lender in words), "")
    lender = facts.peers.called(name) if name else None
    if lender is None or related(facts, lender):
        return None
    declared, app = f"container:{name}", _app(facts)
    if app and lender.app:
        evidence = (Evidence("--network", declared),)
        return failed(
            f"uses the network of {visible(lender.app, 40)}",
            declared,
            "",
            evidence,
        )
    who = visible(lender.name, 40)
    return unknown(
        f"it is not known whether {who}, whose network it uses, and this container are one application: "
        "label them app=…",
        declared,
    )


def _others(
    facts: ContainerFacts,
    networks: frozenset[str],
) -> Iterator[tuple[str, PeerGroup]]:
    """The groups on these networks that are neither in the container's pod nor its application."""
    for network in sorted(networks):
        for group in facts.peers.on(network).values():
            if not related(facts, group) and _other_members(facts, group):
                yield network, group


def _other_members(
    facts: ContainerFacts,
    group: PeerGroup,
) -> tuple[Peer, ...]:
    return tuple(peer for peer in group.members if peer.id != facts.id)


def _app(facts: ContainerFacts) -> str:
    added = dict(label.partition("=")[::2] for label in facts.spec[LABELS])
    labelled = app_of({**facts.labels, **added}) or application_by_vendor(facts)
    members = facts.peers.apps_in(str(facts.inspect.get("Pod") or ""))
    if not labelled and len(members) == 1:  # the infra container belongs to its pod's application
        return next(iter(members))
    return labelled or app_of({}, pod_of(facts))


def _evidence(network: str, group: PeerGroup) -> Evidence:
    names = listed([peer.name for peer in group.members], 3)
    return Evidence(f"network {network}", f"{names} of {group.application}")


_UNMANAGED = "unmanaged"
_UNFILTERED = frozenset({"macvlan", "ipvlan", _UNMANAGED})

_LAN = NetworkFacts("lan", {"name": "lan", "driver": "macvlan"})

_FOREIGN = NetworkFacts(
    "br",
    {
        "name": "br",
        "driver": "bridge",
        "options": {"mode": "unmanaged"},
    },
)

_BRIDGE = NetworkFacts("shop-net", {"name": "shop-net", "driver": "bridge"})


@Check(
    gives=Gain.NETWORK.after(1),  # the host's firewall does not see it
    summary="Use a bridge network and publish the ports that are needed",
    risk=Risk.CHANGES_BEHAVIOUR,
    passes=lambda: (
        container("--network=shop-net", networks={"shop-net": _BRIDGE}),
        "",
    ),
    fails=lambda: (
        container("--network=lan", networks={"lan": _LAN}),
        container("--network=br", networks={"br": _FOREIGN}),
        "--network=container:vpn",
    ),
    references=("NIST SP 800-190 4.4.2",),
)
def unfiltered_network_driver(facts: ContainerFacts) -> Verdict:
    """Network bypasses the host firewall.

    What it checks:
    Whether one of the networks uses the driver macvlan or ipvlan or is a bridge that Podman does
    not manage (`mode=unmanaged`), or the container borrows the network namespace of another
    container (`--network container:…`) or of a path (`ns:…`) outside a pod.

    Why it matters:
    With macvlan and ipvlan, the container is on the local network like a separate machine. Every
    port that it listens on is open to the neighbours, published or not, and the host's firewall
    never sees the packets. It can also impersonate other machines there. For an unmanaged bridge,
    Podman makes no packet filter rules. A borrowed namespace puts two containers into one network
    stack: each reaches what the other offers only on
    127.0.0.1, and can listen on its ports.

    What may break:
    Machines that know the container by its own address on the local network must use the host's
    address and a published port instead. Protocols that need broadcast or multicast do not pass a
    bridge. A borrowed network is often intended (a VPN container that others go through): put both
    into one pod, or waive the finding.
    """
    if uses_network_of_pod(facts):
        return not_applicable("the network belongs to the pod; see the pod's infra container")
    kinds = modes_of(facts)
    if "none" in kinds or asks_for_host_network(facts) is True:
        return not_applicable("no network of its own that could bypass the filter")
    declared = asked_for(facts.spec)
    if kinds & {"container", "ns"}:
        return failed(
            "borrows a network namespace outside a pod",
            declared,
            commands=_COMMANDS,
        )
    attached = network_names(facts)
    drivers = {
        name: _driver(facts.networks[name].inspect) for name in attached if name in facts.networks
    }
    evidence = tuple(
        Evidence(f"network {name}", f"driver {driver}") for name, driver in drivers.items()
    )
    unfiltered = sorted(name for name, driver in drivers.items() if driver in _UNFILTERED)
    if unfiltered:
        reason = f"packets on {', '.join(unfiltered)} never pass the host's filter"
        return failed(
            reason,
            declared,
            evidence=evidence,
            commands=_COMMANDS,
        )
    unseen = sorted(set(attached) - set(drivers) - {facts.engine.default_network})
    if unseen and not is_planned(facts):  # a planned network will be a bridge
        return unknown(
            f"the driver of {', '.join(unseen)} could not be read",
            declared,
        )
    return passed(declared or ", ".join(attached) or "pasta", evidence=evidence)


def _driver(network: Mapping[str, Any]) -> str:
    """The driver, or the mode in which Podman leaves a bridge alone."""
    options = network.get("options")
    mode = options.get("mode") if isinstance(options, dict) else ""
    return _UNMANAGED if mode == _UNMANAGED else str(network.get("driver"))


_COMMANDS = (
    "podman network create NAME",
    "podman run --network NAME -p ADDRESS:PORT:PORT …",
)

_ISOLATES_BY_ITSELF = Version(6, 0)
_ON = frozenset({"true", "1", "t", "strict"})

_PLAIN = {"name": "shop-net", "driver": "bridge"}

_TWO = ("shop-net", "wiki-net")


@Check(
    gives=Gain.NETWORK.after(2),  # containers of other networks can be reached by address
    summary="Create the network with isolate=true",
    passes=lambda: (
        NetworkFacts(
            "shop-net", {**_PLAIN, "options": {"isolate": "true"}}, engine=rootful(), bridges=_TWO
        ),
        NetworkFacts(
            "shop-net",
            _PLAIN,
            engine=rootful(version=Version(6, 0, 1)),
            bridges=_TWO,
        ),
    ),
    fails=lambda: (
        NetworkFacts(
            "shop-net",
            _PLAIN,
            engine=rootful(),
            bridges=_TWO,
        ),
        NetworkFacts(
            "shop-net",
            {**_PLAIN, "options": {"isolate": "false"}},
            engine=rootful(version=Version(6, 0, 1)),
            bridges=_TWO,
        ),
    ),
    references=("NIST SP 800-190 4.3.3",),
)
def unisolated_network(facts: NetworkFacts) -> Verdict:
    """Network not isolated from other networks.

    What it checks:
    Whether a bridge network has the option `isolate` while the engine has other bridge networks.
    Podman 6.0 and newer isolates by default; older versions do not. Internal networks have no way
    out and need no isolation; a single network has nothing to be isolated from.

    Why it matters:
    Two networks look like two rooms, but up to Podman 5 the host forwards between them: whoever
    knows an address on the other bridge can talk to it. The separation that people build with one
    network per application exists only on paper until the option closes the door between the
    bridges.

    What may break:
    Connections straight from one network to an address on another. Attach a container that needs
    both to both. The network has to be recreated, so its containers restart. Isolation works only
    between networks that all have the option: set it on each of them.
    """
    if not facts.inspect:
        return unknown("the network could not be inspected")
    if str(facts.inspect.get("driver") or "bridge") != "bridge":
        return not_applicable("only bridge networks can be isolated")
    if facts.inspect.get("internal"):
        return not_applicable("the network is internal: nothing is forwarded out of it")
    option = (facts.inspect.get("options") or {}).get("isolate")
    declared = f"isolate={option}" if option is not None else "isolate not set"
    on = (
        facts.engine.version >= _ISOLATES_BY_ITSELF
        if option is None
        else str(option).lower() in _ON
    )
    if on:
        return passed(declared)
    others = sorted(set(facts.bridges) - {facts.name})
    if not others:
        return not_applicable("the only bridge network of this engine")
    name = shlex.quote(facts.name)
    return failed(
        f"the host forwards between this network and {plural(len(others), 'other network')}",
        declared,
        evidence=(Evidence("podman network ls", f"other bridges: {', '.join(others)}"),),
        commands=(
            f"podman network rm {name}",
            f"podman network create --opt isolate=true {name}",
            "# Quadlet: Options=isolate=true",
        ),
    )
