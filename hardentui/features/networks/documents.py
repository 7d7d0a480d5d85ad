"""What `networks --format json` prints; the schemas are made from these structs."""

from __future__ import annotations

from msgspec import Struct

from hardentui.features.networks.page import NetworkPlace, PlaceKind
from hardentui.features.networks.splitting import Split
from hardentui.model.network import NetworkMap
from hardentui.model.network_split import SplitTrial
from hardentui.model.reach import ReachProof


class PlaceEntry(Struct, frozen=True):
    """A network, or the lack of one."""

    engine: str  # label; places of two engines reach one another only over published ports
    name: str  # of the network; for other places a word in brackets: `(host)`, `(none)`, `(pasta)`
    kind: PlaceKind
    driver: str
    internal: bool
    isolated: str  # `no`, `yes` or `strict`; empty where the word has no meaning
    subnets: tuple[str, ...]
    members: tuple[str, ...]
    outside: tuple[str, ...]  # published ports, `container address:port -> port/protocol` each
    reaches: tuple[str, ...]  # where its members can open connections to, in words
    to_host: bool  # its members reach the host
    outward: bool  # its members reach what is beyond the host


class NetworksDocument(Struct, frozen=True, tag_field="schema", tag="hardentui/networks/1"):
    """Who is where, what is open, and who reaches whom."""

    simulated: bool  # it is the simulated host, not a real one
    places: tuple[PlaceEntry, ...]
    map: NetworkMap


class ProofDocument(Struct, frozen=True, tag_field="schema", tag="hardentui/proof/1"):
    """Real connections that were tried."""

    proofs: tuple[ReachProof, ...]


class SplitDocument(Struct, frozen=True, tag_field="schema", tag="hardentui/split/1"):
    """Separate networks for applications that share one."""

    simulated: bool  # it is the simulated host, not a real one
    splits: tuple[Split, ...]
    trials: tuple[SplitTrial, ...]


def place_entry(place: NetworkPlace) -> PlaceEntry:
    """A place with its published ports in words."""
    on_host = place.kind is PlaceKind.HOST
    return PlaceEntry(
        engine=place.engine,
        name=place.name,
        kind=place.kind,
        driver=place.driver,
        internal=place.internal,
        isolated=place.isolated,
        subnets=place.subnets,
        members=place.members,
        outside=("every port they open",) if on_host else tuple(port.words for port in place.ports),
        reaches=place.reaches,
        to_host=place.to_host,
        outward=place.outward,
    )
