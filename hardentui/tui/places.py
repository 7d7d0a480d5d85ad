"""Where a screen that comes back begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from hardentui.features.views import Row
from hardentui.model.finding import Status

if TYPE_CHECKING:
    from hardentui.model.checklist import Step


class Place(Struct, frozen=True):
    """A step of a container, identified by its name, which outlives its id."""

    engine: str
    container: str
    step: int
    check: str = ""  # whose finding is meant; empty = none in particular

    def is_of(self, row: Row) -> bool:
        return (row.engine.label, row.name) == (self.engine, self.container)


def place_of(row: Row, step: Step) -> Place:
    return Place(row.engine.label, row.name, step.number)


def beginning(
    row: Row | None,
    steps: Sequence[Step],
    last: Place | None,
) -> int:
    """Index of the step where a walk starts: the last one visited, else that of the worst finding
    of the container itself, which its owner can fix, else the first one that fails.
    """
    if last is not None and row is not None and last.is_of(row):
        return next(
            (at for at, step in enumerate(steps) if step.number == last.step),
            0,
        )
    own = row.report.failing if row is not None and row.report is not None else ()
    if own:
        worst = max(own, key=lambda finding: (finding.severity, -finding.step)).step
        return next((at for at, step in enumerate(steps) if step.number == worst), 0)
    cells = row.report.cells if row is not None and row.report is not None else ()
    return next(
        (at for at, cell in enumerate(cells) if cell.status is Status.FAIL),
        0,
    )
