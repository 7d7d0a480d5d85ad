"""Results of real connections, and observed contacts of a container."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import force_setattr


class ConnectOutcome(StrEnum):
    CONNECTED = "connected"
    REFUSED = "refused"
    NO_ANSWER = "no answer"
    NO_ROUTE = "no route"
    UNPROVEN = "not proven"


class ReachProof(Struct, frozen=True):
    """One attempt to open a TCP connection from a container's network namespace, without sending
    data."""

    start: str  # whose namespace, as it was named
    end: str  # what was to be reached, as it was named
    address: str
    port: int
    outcome: ConnectOutcome
    reached: bool | None  # the target answered; None = unknown
    expected: bool | None = None  # the result according to the network map; None = unknown
    why: str = ""  # one sentence
    agrees: bool | None = None  # the map and the kernel say the same; null = one says nothing

    def __post_init__(self) -> None:
        unknown = self.reached is None or self.expected is None
        force_setattr(self, "agrees", None if unknown else self.reached == self.expected)


class Contact(Struct, frozen=True):
    protocol: str
    address: str
    port: int
    who: str = ""  # what it is: `container db`, `the host`; empty if unknown
    container: str = ""  # name of the container with this address; empty if it is not a container
