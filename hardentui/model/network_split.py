"""A proposed split of a network, and the results of its trial."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import force_setattr


class NewNetwork(Struct, frozen=True):
    name: str
    members: tuple[str, ...]
    internal: bool  # no way out of it
    isolated: bool  # it and other isolated bridges of the host cannot reach each other

    def create_command(self) -> str:
        flags = [
            word
            for word, on in (
                ("--internal", self.internal),
                ("-o isolate=true", self.isolated),
            )
            if on
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
    """The twin of a member, on one network with all others as today, and on the proposed ones."""

    container: str
    before: bool | None = None  # it became ready on one network as today; None = not tried yet
    after: bool | None = None  # it became ready on the proposed networks; None = not tried yet
    why: str = ""  # why it did not become ready or was not tried; empty if it was ready both times
    lacks: tuple[str, ...] = ()  # what the twin lacks compared with the original


class WayTried(Struct, frozen=True):
    """Connections from the network namespace of one twin to the ports of another."""

    start: str
    end: str
    ports: tuple[int, ...]
    # it has to work, because it was observed or because both share a proposed network; otherwise it
    # has to be blocked
    needed: bool
    seen: bool = False  # the original was observed connecting to the other
    before: bool | None = None  # one succeeded on one network as today; None = unknown
    after: bool | None = None  # one succeeded on the proposed networks; None = unknown
    # the twin itself was observed connecting to the other on the proposed networks; None = not
    # observed for the original
    by_itself: bool | None = None
    why: str = ""  # why the result is unknown; empty if it is known
    holds: bool | None = None  # the result is as required; null = unknown

    def __post_init__(self) -> None:
        force_setattr(self, "holds", None if self.after is None else self.after is self.needed)


class SplitTrial(Struct, frozen=True):
    """The results of the trial of one split."""

    network: str
    engine: str
    result: SplitResult
    members: tuple[MemberTried, ...] = ()
    ways: tuple[WayTried, ...] = ()
    untried: int = 0  # number of connections beyond the limit, which were not tried
    seconds: float = 0.0
