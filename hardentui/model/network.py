"""The network map: who can reach whom, and what is open to the outside."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from msgspec import Struct

K = TypeVar("K")
V = TypeVar("V")


class MadeNetwork(Struct, frozen=True):
    name: str
    interface: str = ""
    subnet: str = ""  # its first one; empty if it has none
    closed: bool = True  # the host has no address on it


class Gate(StrEnum):
    """What protects a port that a container opens to the outside."""

    OPEN = "open"
    FILTERED = "filtered"
    LOCAL = "this host only"
    UNKNOWN = "not known"


class Opening(Struct, frozen=True):
    """One port through which a container can be reached from outside."""

    container: str
    address: str  # the host address that it is bound to: `*`, `loopback` or one address
    host_port: int  # 0 = random, or all ports of a container on the host's network
    port: int
    protocol: str
    gate: Gate  # what the firewall does with the first packet from an unknown address
    why: str = ""

    @property
    def words(self) -> str:
        """`*:8080 -> 80/tcp`."""
        if not self.port:
            return "all its listening ports"
        return f"{self.address}:{self.host_port or 'random'} -> {self.port}/{self.protocol}"


class MapPlace(Struct, frozen=True):
    """A network, or the lack of one, with its members."""

    key: str  # of this place in `ways`
    engine: str
    name: str
    members: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    openings: tuple[Opening, ...] = ()
    out: bool = True  # its members can connect to the outside
    host: bool = True  # its members can connect to the host
    together: bool = True  # its members can reach one another
    sentence: str = ""  # other properties: isolated, internal, shared


class MapWay(Struct, frozen=True):
    """Members of one place can reach those of another; `both` = in both directions."""

    start: str
    end: str
    both: bool = True


class NetworkMap(Struct, frozen=True):
    """The places of all engines and the ways between them."""

    host: str
    places: tuple[MapPlace, ...] = ()
    ways: tuple[MapWay, ...] = ()
    notes: tuple[str, ...] = ()  # what the map does not know
    simulated: bool = False
