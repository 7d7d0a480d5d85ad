"""What the map of networks is made of: fields, never the words of the page."""

from __future__ import annotations

from hardentui.model.facts import EngineFacts, NetworkFacts
from hardentui.model.version import Version
from hardentui.workbench.pages.networks import Place, places

ENGINE = EngineFacts(version=Version(5, 4, 2))


def _places(*networks: tuple[str, dict[str, object]]) -> dict[str, Place]:
    facts = [NetworkFacts(name, inspect, ("a", "b"), ENGINE) for name, inspect in networks]
    return {place.name: place for place in places(facts, [])}


def test_a_bridge_leads_to_the_host_and_a_macvlan_past_it() -> None:
    found = _places(("bridge", {"driver": "bridge"}), ("lan", {"driver": "macvlan"}))
    assert (found["bridge"].to_host, found["bridge"].outward) == (True, True)
    assert (found["lan"].to_host, found["lan"].outward) == (False, True)
