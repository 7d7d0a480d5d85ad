"""What `networks --format json` prints; the schemas are made from these structs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import asdict

from hardentui.features.networks.page import NetworkPlace, PlaceKind
from hardentui.features.networks.splitting import Split
from hardentui.model.network import NetworkMap
from hardentui.model.network_split import MemberTried, SplitResult, SplitTrial, WayTried
from hardentui.model.reach import ReachProof

if TYPE_CHECKING:
    from collections.abc import Iterable


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


class ProofEntry(ReachProof, frozen=True, rename={"agreement": "agrees"}):
    """One attempt to open a TCP connection from a container's network namespace, without sending
    data."""

    agreement: bool | None = None  # the map and the kernel say the same; null = one says nothing


class ProofDocument(Struct, frozen=True, tag_field="schema", tag="hardentui/proof/1"):
    """Real connections that were tried."""

    proofs: tuple[ProofEntry, ...]


class WayEntry(WayTried, frozen=True, rename={"as_required": "holds"}):
    """Connections from the network namespace of one twin to the ports of another."""

    as_required: bool | None = None  # the result is as required; null = unknown


class SplitTrialEntry(Struct, frozen=True):
    """The results of the trial of one split."""

    network: str
    engine: str
    result: SplitResult
    members: tuple[MemberTried, ...]
    ways: tuple[WayEntry, ...]
    untried: int  # number of connections beyond the limit, which were not tried
    seconds: float


class SplitDocument(Struct, frozen=True, tag_field="schema", tag="hardentui/split/1"):
    """Separate networks for applications that share one."""

    simulated: bool  # it is the simulated host, not a real one
    splits: tuple[Split, ...]
    trials: tuple[SplitTrialEntry, ...]


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


def proof_document(proofs: Iterable[ReachProof]) -> ProofDocument:
    """The attempts, each with whether the map agrees."""
    return ProofDocument(
        tuple(ProofEntry(**asdict(proof), agreement=proof.agrees) for proof in proofs)
    )


def trial_entry(trial: SplitTrial) -> SplitTrialEntry:
    """A trial, each connection with whether it is as required."""
    return SplitTrialEntry(
        network=trial.network,
        engine=trial.engine,
        result=trial.result,
        members=trial.members,
        ways=tuple(WayEntry(**asdict(way), as_required=way.holds) for way in trial.ways),
        untried=trial.untried,
        seconds=trial.seconds,
    )
