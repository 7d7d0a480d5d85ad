"""Who reaches whom: places, the ways between them, and what is open to the outside. Frozen, no IO."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Gate(StrEnum):
    """What stands before a port that a container opens to the outside."""

    OPEN = "open"
    FILTERED = "filtered"
    LOCAL = "this host only"
    UNKNOWN = "not known"


class Opening(Struct, frozen=True):
    """One port by which the outside reaches a container.

    Attributes:
        address: of the host that it is bound to: `*`, `loopback` or one address.
        host_port: 0 = chosen at each start; also for every port that a container on the host's network opens.
        gate: what the firewall does with the first packet of a stranger.
        why: one sentence behind the gate.
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
            return "every port that it opens"
        return f"{self.address}:{self.host_port or 'random'} -> {self.port}/{self.protocol}"


class MapPlace(Struct, frozen=True):
    """A network, or the lack of one, with its members.

    Attributes:
        key: unique in the map.
        out, host: its members open connections to the outside, to the host.
        together: its members reach one another.
        sentence: what else there is to say of it: isolated, internal, shared.
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
    """Members of one place reach those of another; `both` = and the other way round."""

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
