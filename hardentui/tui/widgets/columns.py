"""How wide the columns of the container list are. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct
from rich.cells import cell_len

from hardentui.harden.score import score_word
from hardentui.tui.listing import score_of
from hardentui.tui.status import Signs
from hardentui.visible import visible
from hardentui.workbench.views import Row

CELLS = 20
_DIGEST = re.compile(r"(@sha256:[0-9a-f]{12})[0-9a-f]{52}\b")
_SCORE = 5
_CURSOR = 2
_SAMPLE = 200


class Columns(Struct, frozen=True):
    """Widths in terminal cells; 0 = not shown."""

    name: int
    image: int
    engine: int
    unit: int
    state: int


def columns_for(width: int, rows: Sequence[Row], wanted: Sequence[str] | None = None) -> Columns:
    """Share a line of `width` cells: the name gets what it needs, the image what is left.

    Args:
        wanted: the columns besides the name that the user wants to see, by name; None = all.
    """
    sample = rows[:_SAMPLE]
    name = _longest([row.name for row in sample], 9, 40)
    shown = set(wanted if wanted is not None else ("image", "engine", "unit", "state"))
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
    gaps = 1 + sum(map(bool, (image, state, unit, engine)))
    free = width - fixed - state - gaps - unit
    engine = min(engine, max(8, free // 4))
    free -= engine
    name = min(name, max(free * 11 // 20, free - image))
    return Columns(name, min(image, free - name), engine, unit, state)


def _longest(texts: list[str], least: int, most: int) -> int:
    return max(least, min(most, max((cell_len(visible(text, most)) for text in texts), default=least)))


def engine_text(row: Row, width: int) -> str:
    """The engine; where it does not fit, the user's name is enough."""
    label = row.engine.label
    return label.removeprefix("rootless ") if len(label) > width else label


def short_image(image: str) -> str:
    """The image with twelve digits of its digest: sixty-four fill a line and tell nobody more."""
    return _DIGEST.sub(r"\1", image)


def image_text(row: Row, width: int) -> str:
    """The image; where it does not fit, its registry goes first."""
    image = short_image(row.image)
    if len(image) > width and "/" in image:
        return "…/" + image.rpartition("/")[2]
    return image


def headings(columns: Columns) -> str:
    """The line above the rows."""
    parts = [" " * _CURSOR]
    for title, width in (
        ("Container", columns.name),
        ("Image", columns.image),
        ("Engine", columns.engine),
        ("Unit", columns.unit),
        ("State", columns.state),
    ):
        if width:
            parts.append(title[:width].ljust(width) + " ")
    return "".join(parts) + "Score  1 2 3 4 5 6 7 8 9 0"


def heading_at(columns: Columns, x: int) -> str:
    """The order that a click on the heading at `x` asks for; empty beside the headings."""
    at = _CURSOR
    for order, width in (
        ("by name", columns.name),
        ("by image", columns.image),
        ("by engine", columns.engine),
        ("by unit", columns.unit),
        ("by state", columns.state),
        ("worst first", _SCORE),
    ):
        if width:
            if x < at + width + 1:
                return order
            at += width + 1
    step = (x - at) // 2 + 1
    return f"by step {step}" if 1 <= step <= CELLS // 2 else ""


def state_text(row: Row, width: int) -> str:
    """Podman's longer text where there is room for it."""
    return row.status if width > 10 and row.status else row.state


def score_text(row: Row, signs: Signs) -> str:
    if row.report is None:
        return "   . "
    return f"{signs.of(score_word(score_of(row), otherwise='–')):>4} "
