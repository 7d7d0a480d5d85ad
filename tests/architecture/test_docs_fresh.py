"""The generated pages say what the code says."""

from __future__ import annotations

from hardentui.checks import all_checks
from hardentui.features.checklists.loading import load
from tools.generate_docs import stale


def test_generated_pages_are_fresh() -> None:
    assert stale() == [], "run: make docs"


def test_the_ten_steps_hold_every_check_once() -> None:
    placed = [check for step in load().steps for check in step.checks]
    assert sorted(placed) == sorted(check.id for check in all_checks())
    assert [step.number for step in load().steps] == list(range(1, 11))
