"""The network map of all engines out of what was read of networks and containers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hardentui.model.facts import ContainerFacts, NetworkFacts
from hardentui.model.network_map import MapPlace, MapWay, NetworkMap
from hardentui.reading.openings import openings
from hardentui.workbench.pages.networks import Place, connected, places


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
        missing: names of containers that could not be looked at.
    """
    networks = sorted(
        networks, key=lambda network: (network.engine.label, network.name)
    )  # engines list them in any order
    containers = tuple(containers)
    map_places = tuple(_place(place, networks, containers) for place in places(networks, containers))
    notes = tuple(f"{name} could not be looked at, so its ways are not known" for name in missing)
    return NetworkMap(host, map_places, tuple(_ways(networks, map_places)), notes, simulated)


def _key(engine: str, name: str) -> str:
    return f"{engine}\0{name}"


def _place(place: Place, networks: Sequence[NetworkFacts], containers: Sequence[ContainerFacts]) -> MapPlace:
    mine = {*place.members}
    here = [
        container
        for container in containers
        if container.engine.label == place.engine
        and (place.name in container.networks or container.name in mine)
    ]
    network = any(known.name == place.name and known.engine.label == place.engine for known in networks)
    first = [container for container in here if not container.networks or _entrance(container) == place.name]
    return MapPlace(
        key=_key(place.engine, place.name),
        engine=place.engine,
        name=place.name,
        members=place.members,
        subnets=place.subnets,
        openings=tuple(opening for container in first for opening in openings(container)),
        out=place.outward,
        host=place.to_host,
        together=network,
        sentence=_sentence(place, network),
    )


def _entrance(facts: ContainerFacts) -> str:
    """A container on several networks opens its ports once; they do not answer on an internal one."""
    return min(facts.networks, key=lambda name: (bool(facts.networks[name].inspect.get("internal")), name))


def _sentence(place: Place, network: bool) -> str:
    if not network:
        return {
            "(host)": "the host's own network: no wall to the host's services",
            "(none)": "no network at all",
        }.get(place.name, "no network shared with others" if not place.name.startswith("(in ") else "")
    parts = [place.driver]
    if place.internal:
        parts.append("internal, no way out")
    if place.isolated in ("yes", "strict"):
        parts.append("isolated" if place.isolated == "yes" else "strictly isolated")
    if place.driver in ("macvlan", "ipvlan"):
        parts.append("past the host's firewall")
    return ", ".join(parts)


def _ways(networks: Sequence[NetworkFacts], map_places: Sequence[MapPlace]) -> Iterable[MapWay]:
    for at, network in enumerate(networks):
        for other in networks[at + 1 :]:
            if network.engine.label == other.engine.label and connected(network, other):
                yield MapWay(_key(network.engine.label, network.name), _key(other.engine.label, other.name))
    for place in map_places:
        if place.name != "(host)":
            continue
        for network in networks:
            # rootless bridges live in a network namespace of their own, where the host cannot look in
            bridge = str(network.inspect.get("driver") or "bridge") == "bridge"
            if network.engine.label == place.engine and bridge and network.engine.rootless is False:
                yield MapWay(
                    place.key,
                    _key(network.engine.label, network.name),
                    both=not network.inspect.get("internal"),
                )
