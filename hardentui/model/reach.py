"""Results of real connections, and observed contacts of a container."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class ConnectOutcome(StrEnum):
    """The result of a connection attempt."""

    CONNECTED = "connected"
    REFUSED = "refused"
    NO_ANSWER = "no answer"
    NO_ROUTE = "no route"
    UNPROVEN = "not proven"


class ReachProof(Struct, frozen=True):
    """One attempt to open a TCP connection from a container's network namespace, without sending data.

    Attributes:
        start, end: source and target, as given.
        reached: the target answered; None = unknown.
        expected: the result according to the network map; None = unknown.
        why: the reason, one sentence.
    """

    start: str
    end: str
    address: str
    port: int
    outcome: ConnectOutcome
    reached: bool | None
    expected: bool | None = None
    why: str = ""

    @property
    def agrees(self) -> bool | None:
        """Whether the map agrees with the kernel; None = one of them is unknown."""
        return None if None in (self.reached, self.expected) else self.reached == self.expected


class Contact(Struct, frozen=True):
    """An address that a container contacted.

    Attributes:
        who: what it is: `container db`, `the host`; empty if unknown.
        container: name of the container with this address; empty if it is not a container.
        learned: it was observed by a trial, not now.
    """

    protocol: str
    address: str
    port: int
    who: str = ""
    learned: bool = False
    container: str = ""
