"""How wide the columns of the container list are. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct
from rich.cells import cell_len

from hardentui.harden.score import score_word, worst
from hardentui.model.settings import Settings
from hardentui.tui.listing import score_of
from hardentui.tui.status import Signs
from hardentui.visible import visible
from hardentui.workbench.views import Row

CELLS = 20
_DIGEST = re.compile(r"(@sha256:[0-9a-f]{12})[0-9a-f]{52}\b")
_SCORE = 5
_LEVEL = 8
_CURSOR = 2
_SAMPLE = 200
_LEAST_OF_WORST = 30
"""Cells below which most titles of findings would be cut off."""


class Columns(Struct, frozen=True):
    """Widths in terminal cells; 0 = not shown. `worst` is after the steps, the others before the score."""

    name: int
    image: int
    engine: int
    unit: int
    state: int
    worst: int = 0
    level: int = 0


def columns_for(width: int, rows: Sequence[Row], wanted: Sequence[str] | None = None) -> Columns:
    """Share a line of `width` cells: the name gets what it needs, the image takes the rest.

    Args:
        wanted: the columns besides the name that the user chose; None = all.
    """
    sample = rows[:_SAMPLE]
    name = _longest([row.name for row in sample], 9, 40)
    shown = set(wanted if wanted is not None else Settings().columns)
    several = "engine" in shown and len({row.engine.label for row in sample}) > 1
    engine = _longest([row.engine.label for row in sample], 6, 18) if several else 0
    state = _longest([row.state for row in sample], 7, 10)
    image = _longest([short_image(row.image) for row in sample], 5, 60)
    unit = 0
    fixed = _CURSOR + _SCORE + 1 + CELLS
    if width >= 110:
        state = _longest([row.status for row in sample], 7, 24)
    if "state" not in shown:
        state = 0
    if "image" not in shown:
        image = 0
    if width >= 150 and "unit" in shown and any(row.unit for row in sample):
        unit = _longest([row.unit for row in sample], 4, 30)
    if width < 44:
        return Columns(max(8, width - _CURSOR - _SCORE - 2), 0, 0, 0, 0)
    if width < 72:
        return Columns(max(4, width - fixed - state - 2), 0, 0, 0, state)
    level = _LEVEL
    if width < 110:
        state = 0  # the level says more
    gaps = 1 + sum(map(bool, (image, state, unit, engine)))
    free = width - fixed - state - gaps - unit - (level + 1 if level else 0)
    engine = min(engine, max(8, free // 4))
    free -= engine
    name = min(name, max(free * 11 // 20, free - image))
    image = min(image, free - name)
    left = free - name - image - 2
    worst = left if "worst" in shown and left >= _LEAST_OF_WORST else 0
    return Columns(name, image, engine, unit, state, worst, level)


def _longest(texts: list[str], least: int, most: int) -> int:
    return max(least, min(most, max((cell_len(visible(text, most)) for text in texts), default=least)))


def engine_text(row: Row, width: int) -> str:
    """The engine; the user's name alone if the full label does not fit."""
    label = row.engine.label
    return label.removeprefix("rootless ") if len(label) > width else label


def short_image(image: str) -> str:
    """The image with twelve digits of its digest: all sixty-four would fill a line."""
    return _DIGEST.sub(r"\1", image)


def image_text(row: Row, width: int) -> str:
    """The image; if it does not fit, the registry is dropped first."""
    image = short_image(row.image)
    if len(image) > width and "/" in image:
        return "…/" + image.rpartition("/")[2]
    return image


def _titles(columns: Columns) -> tuple[tuple[str, str, int], ...]:
    """Title, sort column, and the width of all columns before the steps."""
    titles = (
        ("Container", "name", columns.name),
        ("Image", "image", columns.image),
        ("Engine", "engine", columns.engine),
        ("Unit", "unit", columns.unit),
        ("State", "state", columns.state),
        ("Level", "score", columns.level),
        ("Score", "score", _SCORE),
    )
    return tuple(title for title in titles if title[2])


def headings(columns: Columns, sorted_by: str = "", arrow: str = "") -> str:
    """The heading; the arrow marks the column that the rows are sorted by."""
    parts = [" " * _CURSOR]
    for title, column, width in _titles(columns):
        mark = arrow if column == sorted_by and title != "Level" else ""
        parts.append(f"{title[:width]}{mark}".ljust(width + 1))
    for number in range(1, CELLS // 2 + 1):
        mark = arrow if f"step {number}" == sorted_by else ""
        parts.append(f"{mark or ' '}{number % 10}")
    return "".join(parts) + ("  Worst finding" if columns.worst else "")


def heading_at(columns: Columns, x: int) -> str:
    """The column that a click on the heading at `x` sorts by; empty outside the headings."""
    at = _CURSOR
    for _, column, width in _titles(columns):
        if x < at + width + 1:
            return column
        at += width + 1
    step = (x - at) // 2 + 1
    return f"step {step}" if 1 <= step <= CELLS // 2 else ""


def state_text(row: Row, width: int) -> str:
    """Podman's longer text if there is room for it."""
    return row.status if width > 10 and row.status else row.state


def score_text(row: Row, signs: Signs) -> str:
    if row.kept is not None:
        return f"{signs.of('–'):>4} "
    if row.report is None:
        return "   . "
    return f"{signs.of(score_word(score_of(row), otherwise='–')):>4} "


def level_text(row: Row) -> str:
    """The level of its score, or that it is a twin or a lab; empty if it has none."""
    if row.aside:
        return row.aside
    level = row.report.score.level if row.report is not None and row.kept is None else None
    return level or ""


def worst_text(row: Row) -> str:
    """The title of the most severe finding that fails; empty if none is known."""
    finding = worst(row.report.findings) if row.report is not None else None
    return finding.title if finding is not None else ""
