"""What a real connection proved, and what a container was seen to contact. Frozen, no IO."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class ConnectOutcome(StrEnum):
    """How an attempt to connect ended."""

    CONNECTED = "connected"
    REFUSED = "refused"
    NO_ANSWER = "no answer"
    NO_ROUTE = "no route"
    UNPROVEN = "not proven"


class ReachProof(Struct, frozen=True):
    """One attempt to open a TCP connection out of a container's network namespace; nothing was sent.

    Attributes:
        start, end: whose namespace, and what was to be reached; as they were named.
        reached: packets went there and back; None = it could not be told.
        expected: what the network map says; None = it says nothing about this.
        why: one sentence.
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
        """The map and the kernel say the same; None = one of them says nothing."""
        return None if None in (self.reached, self.expected) else self.reached == self.expected


class Contact(Struct, frozen=True):
    """An address that a container contacted.

    Attributes:
        who: what it is, as far as that is known: `container db`, `the host`; empty for others.
        container: name of the container that has this address; empty for what is none.
        learned: a trial saw it, not this look.
    """

    protocol: str
    address: str
    port: int
    who: str = ""
    learned: bool = False
    container: str = ""
