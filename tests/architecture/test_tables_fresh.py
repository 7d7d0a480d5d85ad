"""A release ships fresh tables: whoever cuts one with old ones is told here, and nobody else.

Compared are the date of a table and the date that CHANGELOG.md gives to the newest release. While
there is only an [Unreleased] section nothing is compared, so the test never fails by the mere
passing of time.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from hardentui.host import advisories
from hardentui.reading import support

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
OLDEST = 120
_HEADING = re.compile(r"^## \[?v?(\d+\.\d+[^\]\s]*)\]?(?P<rest>.*)$", re.MULTILINE)


def released(changelog: str) -> date | None:
    """The day of the newest release; None before the first one.

    Raises:
        ValueError: a release without a date.
    """
    heading = _HEADING.search(changelog)
    if heading is None:
        return None
    day = re.search(r"\d{4}-\d{2}-\d{2}", heading["rest"])
    if day is None:
        raise ValueError(f"{heading[0]} has no date")
    return date.fromisoformat(day[0])


def too_old(changelog: str, dated: date) -> bool:
    day = released(changelog)
    return day is not None and (day - dated).days > OLDEST


@pytest.mark.parametrize(
    ("name", "dated"),
    [
        (
            "hardentui/host/advisories.txt",
            date.fromisoformat(advisories.DATED),
        ),
        ("hardentui/reading/support.py", support.DATED),
    ],
)
def test_tables_are_fresh_on_the_day_of_a_release(
    name: str,
    dated: date,
) -> None:
    assert not too_old(CHANGELOG.read_text(encoding="utf-8"), dated), (
        f"{name} is older than {OLDEST} days: look its rows up again, then change DATED"
    )


def test_a_release_with_an_old_table_is_noticed() -> None:
    before = "## [Unreleased]\n\n## [1.2.0] - 2026-12-01\n\n## [1.1.0] - 2026-01-01\n"
    assert not too_old("## [Unreleased]\n", date(2020, 1, 1))
    assert not too_old(before, date(2026, 8, 3))
    assert too_old(before, date(2026, 8, 2))
    assert too_old("## [1.2.0-rc1] - 2027-12-01\n", date(2026, 8, 3))
    with pytest.raises(ValueError, match="no date"):
        too_old("## [1.2.0]\n", date(2026, 8, 3))
