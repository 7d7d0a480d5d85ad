"""Every entry of the catalogue is a check's, or is named on the page of what is not looked at."""

from __future__ import annotations

import re
from pathlib import Path

from hardentui.checks import all_checks

PER_STEP = (10, 11, 10, 8, 24, 12, 13, 9, 13, 10)
ENTRIES = {f"S{step}-{number:02}" for step, count in enumerate(PER_STEP, 1) for number in range(1, count + 1)}
PAGE = Path(__file__).parents[3] / "docs" / "unchecked.md"
ENTRY = re.compile(r"\bS\d{1,2}-\d\d\b")


def checked() -> set[str]:
    result = {check.catalogue for check in all_checks() if check.catalogue}
    return result | {
        entry
        for check in all_checks()
        for reference in check.references
        for entry in ENTRY.findall(reference)
    }


def test_there_are_120_entries_and_each_is_checked_or_explained() -> None:
    assert len(ENTRIES) == 120
    named = set(ENTRY.findall(PAGE.read_text("utf-8")))
    assert ENTRIES - checked() - named == set()


def test_nothing_refers_to_an_entry_that_does_not_exist() -> None:
    assert checked() <= ENTRIES
    assert set(ENTRY.findall(PAGE.read_text("utf-8"))) <= ENTRIES


def test_a_check_stands_in_the_step_of_its_entry() -> None:
    for check in all_checks():
        if check.catalogue:
            assert check.catalogue.startswith(f"S{check.step}-"), check.id
