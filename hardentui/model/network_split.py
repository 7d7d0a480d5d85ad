"""A proposed split of a network, and the results of its trial."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class NewNetwork(Struct, frozen=True):
    """A proposed network.

    Attributes:
        internal: it has no route to the outside.
        isolated: it and other isolated bridges of the host cannot reach each other.
    """

    name: str
    members: tuple[str, ...]
    internal: bool
    isolated: bool

    def create_command(self) -> str:
        flags = [
            word for word, on in (("--internal", self.internal), ("-o isolate=true", self.isolated)) if on
        ]
        return " ".join(["podman network create", *flags, self.name])


class SeenWay(Struct, frozen=True):
    """An observed connection from one member to another."""

    start: str
    end: str


class SplitResult(StrEnum):
    """The result of a trial of a split."""

    WORKS = "works"
    BREAKS = "breaks"
    NOTHING_WORKS = "does not work even unchanged"
    NOT_TOLD = "not told"


class MemberTried(Struct, frozen=True):
    """The twin of a member, on one network with all others as today, and on the proposed ones.

    Attributes:
        before, after: it became ready; None = not tried yet.
        why: why it did not become ready or was not tried; empty if it was ready both times.
        lacks: what the twin lacks compared with the original.
    """

    container: str
    before: bool | None = None
    after: bool | None = None
    why: str = ""
    lacks: tuple[str, ...] = ()


class WayTried(Struct, frozen=True):
    """Connections from the network namespace of one twin to the ports of another.

    Attributes:
        needed: it has to work, because it was observed or because both share a proposed network; otherwise
            it has to be blocked.
        seen: the original was observed connecting to the other.
        before, after: a connection succeeded, on one network as today and on the proposed ones; None =
            unknown.
        by_itself: the twin itself was observed connecting to the other on the proposed networks; None = not
            observed for the original.
        why: why the result is unknown; empty if it is known.
    """

    start: str
    end: str
    ports: tuple[int, ...]
    needed: bool
    seen: bool = False
    before: bool | None = None
    after: bool | None = None
    by_itself: bool | None = None
    why: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the result is as required; None = unknown."""
        return None if self.after is None else self.after is self.needed


class SplitTrial(Struct, frozen=True):
    """The results of the trial of one split.

    Attributes:
        outside: twins that keep their route to the outside had one in the trial.
        untried: number of connections beyond the limit, which were not tried.
    """

    network: str
    engine: str
    result: SplitResult
    members: tuple[MemberTried, ...] = ()
    ways: tuple[WayTried, ...] = ()
    outside: bool = False
    untried: int = 0
    seconds: float = 0.0
