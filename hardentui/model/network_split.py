"""A network that is to be parted, and what a trial of that showed. Frozen, no IO."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class NewNetwork(Struct, frozen=True):
    """A network that is proposed.

    Attributes:
        internal: no way out of it.
        isolated: other isolated bridges of the host cannot reach in, nor it them.
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
    """One member was seen to contact another."""

    start: str
    end: str


class SplitResult(StrEnum):
    """What a trial of a split showed."""

    WORKS = "works"
    BREAKS = "breaks"
    NOTHING_WORKS = "does not work even unchanged"
    NOT_TOLD = "not told"


class MemberTried(Struct, frozen=True):
    """The twin of a member, on one network with all others as today, and on the proposed ones.

    Attributes:
        before, after: it became ready; None = it was not tried so far.
        why: why it did not, or was not tried; empty when it did both times.
        lacks: what it has and its twin does not.
    """

    container: str
    before: bool | None = None
    after: bool | None = None
    why: str = ""
    lacks: tuple[str, ...] = ()


class WayTried(Struct, frozen=True):
    """Connections out of the network namespace of one twin to the ports of another.

    Attributes:
        needed: it has to work, because it was seen or because both share a proposed network; else it has to
            be cut.
        seen: the original was seen to contact the other one.
        before, after: a connection stood, on one network as today and on the proposed ones; None = not told.
        by_itself: the twin itself was seen to contact the other one on the proposed networks; None = its
            original was not seen to.
        why: why it could not be told; empty when it could.
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
        """It is as it has to be; None = not told."""
        return None if self.after is None else self.after is self.needed


class SplitTrial(Struct, frozen=True):
    """What the trial of one split showed.

    Attributes:
        outside: twins that keep a way out had one in the trial.
        untried: how many ways were too many to be tried.
    """

    network: str
    engine: str
    result: SplitResult
    members: tuple[MemberTried, ...] = ()
    ways: tuple[WayTried, ...] = ()
    outside: bool = False
    untried: int = 0
    seconds: float = 0.0
