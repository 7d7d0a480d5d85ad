"""The budget of a trial: what its twins need of what the host has left, and what they may take. Pure.

Whatever a twin takes, its original may miss, so a part of what is free stays in reserve. What does
not fit is told with its numbers, and nothing is started.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hardentui.errors import HardenError
from hardentui.features.sections import size_text
from hardentui.model.trial import BudgetLine, Resource
from hardentui.visible import visible

_MB = 1 << 20


class _Reserve(Struct, frozen=True):
    """What stays for others: a part of the whole, within bounds."""

    part: float
    least: int
    most: int


_RESERVES = {
    Resource.MEMORY: _Reserve(0.05, 64 * _MB, 1024 * _MB),
    Resource.DISK: _Reserve(0.05, 32 * _MB, 4096 * _MB),
    Resource.FILES: _Reserve(0.02, 1000, 100_000),
    Resource.PROCESSES: _Reserve(0.05, 16, 1024),
    Resource.HANDLES: _Reserve(0.05, 256, 65_536),
}
_WHAT = {
    Resource.MEMORY: "memory",
    Resource.DISK: "space on disk",
    Resource.FILES: "room for files",
    Resource.PROCESSES: "room for processes",
    Resource.HANDLES: "file handles",
}
_HELPS = {
    Resource.MEMORY: "Stop something else, or raise that limit",
    Resource.DISK: "Free some space there",
    Resource.FILES: "Remove files there",
    Resource.PROCESSES: "Raise that limit, or stop something else",
    Resource.HANDLES: "Raise fs.file-max",
}


class NoRoom(HardenError):
    """The host has not enough left for a trial; nothing was started.

    Attributes:
        budget: what is needed, and what is free.
    """

    exit_code = 4

    def __init__(self, title: str, budget: tuple[BudgetLine, ...]) -> None:
        super().__init__(title)
        self.budget = budget


class TwinLimits(Struct, frozen=True):
    """What all twins of a trial together may take; None = that is not known."""

    memory: int | None = None  # bytes
    processes: int | None = None


def line_of(
    resource: Resource,
    needed: int,
    free: int,
    total: int,
    where: str,
) -> BudgetLine:
    """A line with the reserve that belongs to it.

    Args:
        total: the whole of which `free` is free.
    """
    rule = _RESERVES[resource]
    reserve = min(max(int(total * rule.part), rule.least), rule.most)
    return BudgetLine(resource, needed, free, reserve, where)


def limits_of(lines: Iterable[BudgetLine]) -> TwinLimits:
    """The least room of each."""
    rooms: dict[Resource, int] = {}
    for line in lines:
        rooms[line.resource] = min(line.room, rooms.get(line.resource, line.room))
    return TwinLimits(rooms.get(Resource.MEMORY), rooms.get(Resource.PROCESSES))


def why_no_room(lines: Iterable[BudgetLine]) -> str:
    """What does not fit, one sentence each, with what helps; empty if all fits."""
    return " ".join(
        f"Not enough {_WHAT[line.resource]}: the twins need about {_amount(line, line.needed)}; "
        f"{_amount(line, line.free)} are free {visible(line.where, 200)}, and "
        f"{_amount(line, line.reserve)} of that stay in reserve. {_HELPS[line.resource]}."
        for line in lines
        if not line.fits
    )


def _amount(line: BudgetLine, number: int) -> str:
    return (
        str(number) if line.resource not in (Resource.MEMORY, Resource.DISK) else size_text(number)
    )
