"""The network map: who can reach whom, and what is open to the outside."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Gate(StrEnum):
    """What protects a port that a container opens to the outside."""

    OPEN = "open"
    FILTERED = "filtered"
    LOCAL = "this host only"
    UNKNOWN = "not known"


class Opening(Struct, frozen=True):
    """One port through which a container can be reached from outside.

    Attributes:
        address: the host address that it is bound to: `*`, `loopback` or one address.
        host_port: 0 = random, or all ports of a container on the host's network.
        gate: what the firewall does with the first packet from an unknown address.
        why: the reason, one sentence.
    """

    container: str
    address: str
    host_port: int
    port: int
    protocol: str
    gate: Gate
    why: str = ""

    @property
    def words(self) -> str:
        """`*:8080 -> 80/tcp`."""
        if not self.port:
            return "all its listening ports"
        return f"{self.address}:{self.host_port or 'random'} -> {self.port}/{self.protocol}"


class MapPlace(Struct, frozen=True):
    """A network, or the lack of one, with its members.

    Attributes:
        key: unique in the map.
        out, host: its members can connect to the outside, to the host.
        together: its members can reach one another.
        sentence: other properties: isolated, internal, shared.
    """

    key: str
    engine: str
    name: str
    members: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    openings: tuple[Opening, ...] = ()
    out: bool = True
    host: bool = True
    together: bool = True
    sentence: str = ""


class MapWay(Struct, frozen=True):
    """Members of one place can reach those of another; `both` = in both directions."""

    start: str
    end: str
    both: bool = True


class NetworkMap(Struct, frozen=True):
    """The places of all engines and the ways between them.

    Attributes:
        notes: what the map does not know.
    """

    host: str
    places: tuple[MapPlace, ...] = ()
    ways: tuple[MapWay, ...] = ()
    notes: tuple[str, ...] = ()
    simulated: bool = False
