"""Who can reach whom: the map of networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hardentui.features.networks.page import NetworkPlace, PlaceKind, connected, places
from hardentui.features.views import Row, without_originals
from hardentui.model.facts import ContainerFacts, NetworkFacts
from hardentui.model.network import MapPlace, MapWay, NetworkMap

if TYPE_CHECKING:
    from hardentui.features.workbench import Workbench
from hardentui.features.networks.openings import openings


def network_map(
    networks: Iterable[NetworkFacts],
    containers: Iterable[ContainerFacts],
    *,
    host: str,
    simulated: bool = False,
    missing: Iterable[str] = (),
) -> NetworkMap:
    """The map.

    Args:
        missing: names of containers that could not be checked.
    """
    networks = sorted(
        networks, key=lambda network: (network.engine.label, network.name)
    )  # engines list them in any order
    containers = tuple(containers)
    known = places(networks, containers)
    notes = tuple(f"{name} could not be checked, so its routes are unknown" for name in missing)
    map_places = tuple(_place(place, containers) for place in known)
    return NetworkMap(
        host,
        map_places,
        tuple(_ways(networks, known)),
        notes,
        simulated,
    )


def _key(engine: str, name: str) -> str:
    return f"{engine}\0{name}"


def _place(
    place: NetworkPlace,
    containers: Sequence[ContainerFacts],
) -> MapPlace:
    mine = {*place.members}
    here = [
        container
        for container in containers
        if container.engine.label == place.engine
        and (place.name in container.networks or container.name in mine)
    ]
    first = [
        container
        for container in here
        if not container.networks or _entrance(container) == place.name
    ]
    return MapPlace(
        key=_key(place.engine, place.name),
        engine=place.engine,
        name=place.name,
        members=place.members,
        subnets=place.subnets,
        openings=tuple(
            opening for container in first if container.running for opening in openings(container)
        ),
        out=place.outward,
        host=place.to_host,
        together=place.kind is PlaceKind.NETWORK,
        sentence=_sentence(place),
    )


def _entrance(facts: ContainerFacts) -> str:
    """A container on several networks opens its ports once; they do not answer on an internal one."""
    return min(
        facts.networks,
        key=lambda name: (
            bool(facts.networks[name].inspect.get("internal")),
            name,
        ),
    )


_NO_NETWORK = {
    PlaceKind.HOST: "the host's network, not isolated from its services",
    PlaceKind.NONE: "no network at all",
    PlaceKind.OWN: "no network shared with others",
    PlaceKind.SHARED: "",
}


def _sentence(place: NetworkPlace) -> str:
    if place.kind is not PlaceKind.NETWORK:
        return _NO_NETWORK[place.kind]
    parts = [place.driver]
    if place.internal:
        parts.append("internal, no route out")
    if place.isolated in ("yes", "strict"):
        parts.append("isolated" if place.isolated == "yes" else "strictly isolated")
    if place.driver in ("macvlan", "ipvlan"):
        parts.append("past the host's firewall")
    return ", ".join(parts)


def _ways(
    networks: Sequence[NetworkFacts],
    known: Iterable[NetworkPlace],
) -> Iterable[MapWay]:
    for at, network in enumerate(networks):
        for other in networks[at + 1 :]:
            if network.engine.label == other.engine.label and connected(network, other):
                yield MapWay(
                    _key(network.engine.label, network.name), _key(other.engine.label, other.name)
                )
    for place in known:
        if place.kind is not PlaceKind.HOST:
            continue
        for network in networks:
            # rootless bridges are in a separate network namespace, which the host cannot read
            bridge = str(network.inspect.get("driver") or "bridge") == "bridge"
            if network.engine.label == place.engine and bridge and network.engine.rootless is False:
                yield MapWay(
                    _key(place.engine, place.name),
                    _key(network.engine.label, network.name),
                    both=not network.inspect.get("internal"),
                )


def whole_map(bench: Workbench, rows: Iterable[Row]) -> NetworkMap:
    """Who can reach whom among these containers."""
    rows = without_originals(rows)
    networks = [
        network.about
        for network in bench.surroundings.networks()
        if isinstance(network.about, NetworkFacts)
    ]
    return network_map(
        networks,
        [row.report.facts for row in rows if row.report and row.report.facts],
        host=bench.opened.place,
        simulated=bench.opened.simulated,
        missing=[row.name for row in rows if not (row.report and row.report.facts)],
    )
