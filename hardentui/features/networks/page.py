"""Who can reach whom: the places that containers have in the network, and results as pages to read.
Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct

from hardentui.model.facts import ContainerFacts, EngineFacts, NetworkFacts
from hardentui.model.podman_version import Version
from hardentui.options import NETWORK
from hardentui.reading.networks import (
    leads_to_host,
    modes,
    network_names,
    published,
    reach,
    uses_network_of_pod,
)

_ISOLATES_BY_ITSELF = Version(6, 0)
_SHARED_BY_MODE = {"container": "shares with another container", "ns": "joined namespace"}


class PlaceKind(StrEnum):
    """The kind of a place. SHARED: another container's network; OWN: one that nobody else uses."""

    NETWORK = "network"
    HOST = "host"
    NONE = "none"
    SHARED = "shared"
    OWN = "own"


class PublishedPort(Struct, frozen=True):
    """A port of a container that the host publishes."""

    container: str
    outer: str  # the host's address and port: `*:8080`, `loopback:random`
    inner: str  # the container's: `80/tcp`

    @property
    def words(self) -> str:
        """`shop-web *:8080 -> 80/tcp`."""
        return f"{self.container} {self.outer} -> {self.inner}"


class NetworkPlace(Struct, frozen=True):
    """A network, or the lack of one, with the containers that are there."""

    # label of the engine; places of two engines reach one another only over published ports
    engine: str
    name: str  # of the network; for other places a word in brackets: `(host)`, `(none)`, `(pasta)`
    kind: PlaceKind = PlaceKind.NETWORK
    driver: str = ""
    internal: bool = False
    isolated: str = ""  # `no`, `yes` or `strict`; empty if not applicable
    subnets: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    # published ones; empty for the host's network, where every port that they open is reachable
    ports: tuple[PublishedPort, ...] = ()
    reaches: tuple[str, ...] = ()  # where its members can open connections to, in words
    to_host: bool = False  # they include the host; outward: they include what is beyond it
    outward: bool = False

    @property
    def about(self) -> str:
        """Its name and what is special about it."""
        if not self.driver:
            return self.name
        kind = "" if self.driver == "bridge" else self.driver
        internal = "internal" if self.internal else ""
        isolated = {"yes": "isolated", "strict": "strictly isolated"}.get(
            self.isolated,
            "",
        )
        return ", ".join(filter(None, (self.name, kind, internal, isolated, *self.subnets)))


class _Reach(Struct, frozen=True):
    """Where connections can be opened to: in words, and whether that includes the host, and what is
    beyond it.
    """

    words: tuple[str, ...] = ()
    host: bool = False
    outward: bool = False


def places(
    networks: Iterable[NetworkFacts],
    containers: Iterable[ContainerFacts],
) -> tuple[NetworkPlace, ...]:
    """The places of all engines, with who can reach whom.

    Args:
        containers: as far as known; only they show ports and places that are not networks.
    """
    containers = tuple(containers)
    result: list[NetworkPlace] = []
    engines = dict.fromkeys(
        [
            *(network.engine.label for network in networks),
            *(container.engine.label for container in containers),
        ]
    )
    for label in engines:
        ours = [network for network in networks if network.engine.label == label]
        on_it = [container for container in containers if container.engine.label == label]
        result += [_network(network, ours, on_it) for network in ours]
        result += _others(label, ours, on_it)
    return tuple(result)


def _network(
    facts: NetworkFacts,
    all_networks: Sequence[NetworkFacts],
    known: list[ContainerFacts],
) -> NetworkPlace:
    inspect = facts.inspect
    here = [container for container in known if facts.name in container.networks]
    subnets = inspect.get("subnets")
    reach = _reached_from(facts, all_networks)
    return NetworkPlace(
        engine=facts.engine.label,
        name=facts.name,
        driver=_driver(facts),
        internal=bool(inspect.get("internal")),
        isolated=isolation(facts),
        subnets=tuple(
            str(subnet.get("subnet", "")) for subnet in subnets or () if isinstance(subnet, dict)
        ),
        members=facts.members,
        ports=_ports(here),
        reaches=reach.words,
        to_host=reach.host,
        outward=reach.outward,
    )


def _driver(facts: NetworkFacts) -> str:
    return str(facts.inspect.get("driver") or "bridge")


def isolation(facts: NetworkFacts) -> str:
    """Whether netavark drops traffic from other networks: `no`, `yes`, `strict`; empty if not a
    bridge."""
    if _driver(facts) != "bridge":
        return ""
    options = facts.inspect.get("options")
    value = options.get("isolate") if isinstance(options, dict) else None
    if value is None:
        return "yes" if facts.engine.version >= _ISOLATES_BY_ITSELF else "no"
    word = str(value).lower()
    return "strict" if word == "strict" else "yes" if word in ("true", "1", "t") else "no"


def connected(network: NetworkFacts, other: NetworkFacts) -> bool:
    """The host forwards between two networks of one engine."""
    if any(_driver(net) != "bridge" or net.inspect.get("internal") for net in (network, other)):
        return False
    kinds = {isolation(network), isolation(other)}
    return "strict" not in kinds and kinds != {"yes"}


def _reached_from(
    facts: NetworkFacts,
    all_networks: Sequence[NetworkFacts],
) -> _Reach:
    words = ["one another"] if len(facts.members) > 1 else []
    words += [
        other.name for other in all_networks if other.name != facts.name and connected(facts, other)
    ]
    if _driver(facts) in ("macvlan", "ipvlan"):
        return _Reach(
            (*words, "the physical network, past the host's firewall"),
            outward=True,
        )
    host = leads_to_host(facts)
    words += ["the host"] if host else []
    if facts.inspect.get("internal"):
        return _Reach(tuple(words), host=host)
    return _Reach(
        (*words, "the outside"),
        host=host,
        outward=True,
    )


def _ports(containers: Iterable[ContainerFacts]) -> tuple[PublishedPort, ...]:
    ports = []
    for container in containers:
        for port in published(container):
            address = {"all": "*", "loopback": "loopback"}.get(reach(port), port.address)
            outer, inner = f"{address}:{port.host or 'random'}", f"{port.container}/{port.protocol}"
            ports.append(PublishedPort(container.name, outer, inner))
    return tuple(ports)


def _others(
    label: str,
    networks: Sequence[NetworkFacts],
    known: list[ContainerFacts],
) -> list[NetworkPlace]:
    """Containers without a network of their own, by what they use instead."""
    groups: dict[tuple[PlaceKind, str], list[ContainerFacts]] = {}
    for container in known:
        place = _place_without_network(container)
        if place is not None:
            groups.setdefault(place, []).append(container)
    return [
        _without_network(
            label,
            kind,
            name,
            networks,
            members,
        )
        for (kind, name), members in groups.items()
    ]


def _without_network(
    label: str,
    kind: PlaceKind,
    name: str,
    networks: Sequence[NetworkFacts],
    members: Sequence[ContainerFacts],
) -> NetworkPlace:
    reach = _reached_without_network(
        kind,
        members[0].engine,
        networks,
    )
    return NetworkPlace(
        engine=label,
        name=f"({name})",
        kind=kind,
        members=tuple(member.name for member in members),
        ports=() if kind is PlaceKind.HOST else _ports(members),
        reaches=reach.words,
        to_host=reach.host,
        outward=reach.outward,
    )


def _place_without_network(facts: ContainerFacts) -> tuple[PlaceKind, str] | None:
    """Kind and name: `host`, `pasta`…; None for a container on a network of its own."""
    if facts.networks:
        return None
    kinds = modes(facts.spec)
    if uses_network_of_pod(facts):
        return PlaceKind.SHARED, "in the network of its pod"
    for mode, words in _SHARED_BY_MODE.items():
        if mode in kinds:
            return PlaceKind.SHARED, words
    for kind in (PlaceKind.HOST, PlaceKind.NONE):
        if kind.value in kinds:
            return kind, kind.value
    for mode in ("pasta", "slirp4netns"):
        if mode in kinds:
            return PlaceKind.OWN, mode
    if network_names(facts):
        return None
    # the default of a rootless container
    pasta = facts.engine.version >= Version(5, 0) and not facts.spec[NETWORK]
    return PlaceKind.OWN, "pasta" if pasta else "private"


def _reached_without_network(
    kind: PlaceKind,
    engine: EngineFacts,
    networks: Sequence[NetworkFacts],
) -> _Reach:
    if kind is PlaceKind.NONE:
        return _Reach()
    if kind is PlaceKind.HOST:
        # rootless bridges are in a separate network namespace, which the host cannot read
        inside = [
            network.name
            for network in networks
            if _driver(network) == "bridge" and engine.rootless is False
        ]
        words = (*inside, "the host and what listens on its loopback", "the outside")
        return _Reach(words, host=True, outward=True)
    if kind is PlaceKind.SHARED:
        return _Reach(("whatever the owner of the network can reach",))
    return _Reach(
        ("the host", "the outside"),
        host=True,
        outward=True,
    )
