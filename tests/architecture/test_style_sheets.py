"""The sheet of one screen does not change another: Textual keeps every sheet that it has loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

_TUI = Path(__file__).parents[2] / "hardentui" / "tui"
_SHARED = {"app.tcss", "reading.tcss"}
"""They are meant for every screen that has such widgets."""
_SHEETS = sorted(path for path in _TUI.rglob("*.tcss") if path.name not in _SHARED)


def _outermost(sheet: str) -> Iterator[str]:
    """Selectors of the rules that are not nested in another one."""
    depth = 0
    selector = ""
    for character in re.sub(r"(?s)/\*.*?\*/", "", sheet):
        if character == "{":
            if depth == 0:
                yield from (part.strip() for part in selector.split(","))
            depth += 1
        elif character == "}":
            depth -= 1
            selector = ""
        elif depth == 0:
            selector += character


@pytest.mark.parametrize(
    "path",
    _SHEETS,
    ids=lambda path: path.name,
)
def test_a_sheet_names_the_screen_that_it_is_for(path: Path) -> None:
    for selector in _outermost(path.read_text("utf-8")):
        assert re.match(r"[A-Z]\w+Screen\b", selector) or selector.startswith("$"), selector
