"""The order of the rows, and their totals. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from hardentui.features.views import Row
from hardentui.harden.score import Level
from hardentui.model.application_labels import compose_project
from hardentui.model.finding import Severity, Status
from hardentui.visible import visible

Value: TypeAlias = tuple[int | str, ...]
"""What a column sorts by."""


def score_of(row: Row) -> int | None:
    """None while the score is unknown, and where nothing was applicable."""
    return row.report.score.value if row.report else None


def _worst(row: Row) -> tuple[int, int, int, str, str]:
    """Tie-breaker for rows that are equal in the column: the worse one comes first."""
    if row.report is None:
        return (2, 0, 0, row.name, row.key)
    score = row.report.score
    bad = score.count(Severity.CRITICAL) * 1000 + score.count(Severity.HIGH)
    return (
        1 if score.value is None else 0,
        score.value or 0,
        -bad,
        row.name,
        row.key,
    )


def _by_step(number: int) -> Callable[[Row], Value | None]:
    """The rank in this step: failing by severity, then unknown, then the rest."""

    def value(row: Row) -> Value | None:
        cells = row.report.cells if row.report else ()
        cell = next((cell for cell in cells if cell.step == number), None)
        if cell is None:
            return None
        if cell.status is Status.FAIL:
            return (0, -(cell.severity or 0), -cell.failing)
        return (1 if cell.status is Status.UNKNOWN else 2,)

    return value


def stack_of(row: Row) -> str:
    """Its pod or its compose project; empty if it stands alone."""
    facts = row.report.facts if row.report is not None else None
    return row.pod or (compose_project(facts.labels) if facts is not None else "")


_VALUES: dict[str, Callable[[Row], Value | None]] = {
    "score": lambda row: None if score_of(row) is None else (score_of(row) or 0,),
    "name": lambda row: (row.name.lower(),),
    "image": lambda row: (row.image.lower(),) if row.image else None,
    "engine": lambda row: (row.engine.label,),
    "stack": lambda row: (stack_of(row).lower(),) if stack_of(row) else None,
    "unit": lambda row: (row.unit.lower(),) if row.unit else None,
    "state": lambda row: (row.state != "running", row.state),
    **{f"step {number}": _by_step(number) for number in range(1, 11)},
}
COLUMNS = tuple(_VALUES)
"""Columns that the list can be sorted by: first those that the sort key cycles through, then the
steps."""
CYCLED = COLUMNS[:7]
_FALLS = {f"step {number}" for number in range(1, 11)}
"""Columns sorted in descending order by default: the worst severity first."""


class ListView(Struct, frozen=True):
    """What the list shows and how; small and plain, so that it can be saved for the next start."""

    filter: str = ""  # as typed
    column: str = "score"  # that the list is sorted by, one of COLUMNS
    reverse: bool = False  # in the opposite of the usual direction

    def sorted_by(self, column: str) -> ListView:
        """Sorted by that column; the same one again reverses the order."""
        return replace(
            self,
            column=column,
            reverse=column == self.column and not self.reverse,
        )

    @property
    def next_column(self) -> str:
        """The column after this one; after a step it is the first one."""
        at = CYCLED.index(self.column) + 1 if self.column in CYCLED else 0
        return CYCLED[at % len(CYCLED)]

    @property
    def words(self) -> str:
        """`worst first`, `by name`, `by step 4 reversed`."""
        if self.column == "score":
            return "best first" if self.reverse else "worst first"
        return f"by {self.column}{' reversed' if self.reverse else ''}"

    @property
    def rises(self) -> bool:
        """Whether the values rise from line to line."""
        return (self.column in _FALLS) == self.reverse


def about_kept(row: Row) -> str:
    """Why a kept original is not hardened; empty for every other container."""
    if row.kept is None:
        return ""
    of = visible(row.kept.of, 60)
    return (
        f"The original of {of}, kept for an undo. In the journal (J) u restores it, Forget "
        "removes it."
    )


def arrange(rows: Iterable[Row], view: ListView) -> list[Row]:
    """The rows in the order of the view. Rows without a value in the column come last in both
    directions, and after them kept originals.
    """
    value_of = _VALUES.get(view.column, _VALUES["score"])
    with_value: list[tuple[Value, Row]] = []
    without: list[Row] = []
    for row in sorted(rows, key=_worst):
        value = value_of(row)
        if value is None:
            without.append(row)
        else:
            with_value.append((value, row))
    with_value.sort(
        key=lambda pair: pair[0],
        reverse=view.reverse,
    )
    ordered = [*(row for _, row in with_value), *without]
    return sorted(ordered, key=lambda row: (row.kept is not None, bool(row.aside)))


def summary(rows: Iterable[Row]) -> tuple[dict[Level, int], dict[Severity, int], int]:
    """Containers by level, failing findings by severity, and unknown findings of the rows that
    count."""
    levels: dict[Level, int] = {}
    failing: dict[Severity, int] = {}
    unknown = 0
    for row in rows:
        if row.report is None or row.kept is not None or row.aside:
            continue
        if (level := row.report.score.level) is not None:
            levels[level] = levels.get(level, 0) + 1
        for severity, count in row.report.score.failing:
            failing[severity] = failing.get(severity, 0) + count
        unknown += row.report.score.unknown
    return levels, failing, unknown
