"""The order of the rows, and what they add up to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hardentui.model.finding import Severity, Status
from hardentui.workbench.views import Row


def score_of(row: Row) -> int | None:
    """None while it is not known, and where nothing was applicable."""
    return row.report.score.value if row.report else None


def _worst(row: Row) -> tuple[int, int, int, str]:
    if row.report is None:
        return (2, 0, 0, row.name)
    score = row.report.score
    bad = score.count(Severity.CRITICAL) * 1000 + score.count(Severity.HIGH)
    return (1 if score.value is None else 0, score.value or 0, -bad, row.name)


def _by_step(number: int) -> Callable[[Row], tuple[object, ...]]:
    """The worst in this step first: failing by severity, then unknown, then the rest."""

    def key(row: Row) -> tuple[object, ...]:
        cell = next((cell for cell in row.report.cells if cell.step == number), None) if row.report else None
        if cell is None:
            return (9, 0, 0, *_worst(row))
        if cell.status is Status.FAIL:
            return (0, -(cell.severity or 0), -cell.failing, *_worst(row))
        return (1 if cell.status is Status.UNKNOWN else 2, 0, 0, *_worst(row))

    return key


ORDERS: tuple[tuple[str, Callable[[Row], tuple[object, ...]]], ...] = (
    ("worst first", _worst),
    ("by name", lambda row: (row.name.lower(), row.key)),
    ("by image", lambda row: (row.image.lower(), *_worst(row))),
    ("by engine", lambda row: (row.engine.label, *_worst(row))),
    ("by state", lambda row: (row.state != "running", row.state, *_worst(row))),
    ("by unit", lambda row: (not row.unit, row.unit, *_worst(row))),
    *((f"by step {number}", _by_step(number)) for number in range(1, 11)),
)
CYCLED = 5
"""So many of them one key goes through; the others are there for a click on a heading."""


def arrange(rows: Iterable[Row], order: int) -> list[Row]:
    """The rows in the order `ORDERS[order]`."""
    return sorted(rows, key=ORDERS[order][1])


def summary(rows: Iterable[Row]) -> tuple[int | None, dict[Severity, int], int]:
    """Mean score, failing findings by severity, and unknown findings of the rows that were looked at."""
    scores: list[int] = []
    failing: dict[Severity, int] = {}
    unknown = 0
    for row in rows:
        if row.report is None:
            continue
        if row.report.score.value is not None:
            scores.append(row.report.score.value)
        for severity, count in row.report.score.failing:
            failing[severity] = failing.get(severity, 0) + count
        unknown += row.report.score.unknown
    return (round(sum(scores) / len(scores)) if scores else None), failing, unknown
