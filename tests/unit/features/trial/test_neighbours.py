"""Twins find each other by name without a name server."""

from hardentui.features.trial.twins import TwinAddresses
from hardentui.model.network import MadeNetwork

FRONT, BACK = MadeNetwork("front", subnet="10.1.0.0/24"), MadeNetwork("back", subnet="10.2.0.0/24")


def test_names_are_those_on_the_same_networks() -> None:
    around = TwinAddresses({"front": FRONT, "back": BACK})
    around.add("web", ("web", "www"), ("front", "back"))
    around.add("db", ("db",), ("back",))
    around.add("proxy", ("proxy",), ("front",))
    assert around.addresses("web") == {"front": "10.1.0.10", "back": "10.2.0.10"}
    assert around.addresses("proxy") == {"front": "10.1.0.11"}
    assert around.hosts("db") == ("web:10.2.0.10", "www:10.2.0.10", "db:10.2.0.11")
    assert around.hosts("proxy") == ("web:10.1.0.10", "www:10.1.0.10", "proxy:10.1.0.11")
    assert around.hosts("stranger") == ()


def test_members_of_a_pod_share_an_address() -> None:
    around = TwinAddresses({"front": FRONT})
    around.add("pod", ("shop",), ("front",))
    around.add("pod", ("shop", "cart"), ("front",))
    around.add("db", ("db",), ("front",))
    assert around.addresses("pod") == {"front": "10.1.0.10"}
    assert around.hosts("db") == ("shop:10.1.0.10", "cart:10.1.0.10", "db:10.1.0.11")
