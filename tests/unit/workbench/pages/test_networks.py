"""What the map of networks is made of: fields, never the words of the page."""

import pytest

from hardentui.checks.examples import container
from hardentui.features.networks.page import NetworkPlace, PlaceKind, places
from hardentui.features.networks.splitting import network_map
from hardentui.model.facts import EngineFacts, NetworkFacts
from hardentui.model.spec import Version
from hardentui.options import NETWORK

ENGINE = EngineFacts(version=Version(5, 4, 2))


def _places(*networks: tuple[str, dict[str, object]]) -> dict[str, NetworkPlace]:
    facts = [NetworkFacts(name, inspect, ("a", "b"), ENGINE) for name, inspect in networks]
    return {place.name: place for place in places(facts, [])}


def test_a_bridge_leads_to_the_host_and_a_macvlan_past_it() -> None:
    result = _places(("bridge", {"driver": "bridge"}), ("lan", {"driver": "macvlan"}))
    assert (result["bridge"].to_host, result["bridge"].outward) == (True, True)
    assert (result["lan"].to_host, result["lan"].outward) == (False, True)


@pytest.mark.parametrize(
    ("network", "name", "kind", "to_host"),
    [
        ("host", "(host)", PlaceKind.HOST, True),
        ("none", "(none)", PlaceKind.NONE, False),
        ("pasta", "(pasta)", PlaceKind.OWN, True),
        ("container:db", "(shares with another container)", PlaceKind.SHARED, False),
        ("ns:/run/netns/x", "(joined namespace)", PlaceKind.SHARED, False),
    ],
)
def test_a_container_without_a_network_stands_where_its_mode_puts_it(
    network: str, name: str, kind: PlaceKind, to_host: bool
) -> None:
    facts = container((NETWORK, (network,)), inspect={}, networks={})
    (place,) = places([], [facts])
    assert (place.name, place.kind, place.to_host) == (name, kind, to_host)
    (drawn,) = network_map([], [facts], host="here").places
    assert drawn.together is False
