"""The first screen, a finding, what to do first and the card promise the same points."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from hardentui.features.first_look import FirstLook
from hardentui.features.fix.trial_files import plan_of_trial
from hardentui.features.harden.card import card_of
from hardentui.features.reports.making import first_steps
from hardentui.features.trial import trial_record
from hardentui.features.views import Report, Selection, known_facts
from hardentui.features.workbench import Workbench
from hardentui.model.plan import Caution, Choice, Plan
from hardentui.model.trial import Baseline, How, Result, Trial
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.home_texts import promises
from tests.tui.support import running, shows


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    bench = Workbench.open(Selection(demo=True))
    try:
        yield bench
    finally:
        bench.close()


def _report(bench: Workbench, name: str) -> Report:
    row = next(row for row in bench.containers.rows() if row.name == name)
    refreshed = bench.containers.refresh(row.key)
    assert refreshed is not None
    assert refreshed.report is not None
    return refreshed.report


def _after_trial(bench: Workbench, report: Report, plan: Plan) -> int | None:
    """The score on the card of a trial in which the whole plan worked."""
    trial = Trial(
        container=report.subject.name,
        result=Result.WORKS,
        baseline=Baseline(True, How.PORTS, 0.5),
        options=trial_record.option_changes(plan, plan.after),
        fixes=trial_record.fixes(plan.choices),
        seconds=1.0,
    )
    worked = plan_of_trial(bench.planner, report, trial)
    after = bench.planner.score_after(report, worked)
    card = card_of(plan, worked, known_facts(report), trial, report.score, after)
    return card.after.score


@pytest.mark.parametrize("name", ["shop-web", "backup", "db"])
def test_four_places_promise_the_same_and_say_for_which_fixes(bench: Workbench, name: str) -> None:
    report = _report(bench, name)
    planner, now = bench.planner, report.score.value
    assert now is not None
    everything = planner.plan_with(report, Caution.ALL)
    told = re.search(
        r"all \d+(?: fix| fixes)?: (?:score )?(\d+) → (\d+)", promises(planner, report)
    )
    assert told is not None
    assert int(told[1]) == now
    assert int(told[2]) == _after_trial(bench, report, everything)

    rises = planner.rises(report)
    for finding, rise in planner.raises_most(report, 5):
        assert rises[finding.check].points == rise.points
        assert rises[finding.check].ends_takeover is rise.ends_takeover
    for step in first_steps(bench, [report]):
        if step.whole:
            assert step.points == int(told[2]) - now
        elif step.points and len(step.checks) == 1:
            assert step.points == rises[step.checks[0]].points


def test_safe_fixes_alone_are_told_apart_from_all(bench: Workbench) -> None:
    text = promises(bench.planner, _report(bench, "backup"))
    assert text == "1 safe fix: score 0 → 0; all 7: 0 → 11, neither ends the takeover"


def test_a_fix_that_is_the_only_one_is_told_as_one(
    bench: Workbench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planner, report = bench.planner, _report(bench, "shop-web")
    single = planner.plan(report, [Choice("writable-rootfs")])
    monkeypatch.setattr(planner, "plan_with", lambda *_: single)
    monkeypatch.setattr(planner, "choices", lambda *_: ())
    assert promises(planner, report).startswith("its only fix: score 42 → ")


async def test_on_a_takeover_the_first_screen_says_what_does_not_end_it() -> None:
    app = HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})
    async with running(app, (80, 24)) as pilot:
        await pilot.press("slash", *"backup", "enter")
        await shows(pilot, "none alone ends the takeover", "neither ends the takeover")


async def test_without_a_takeover_each_fix_has_its_points() -> None:
    app = HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})
    async with running(app, (80, 24)) as pilot:
        await pilot.press("slash", *"shop-web", "enter")
        await shows(pilot, "writable-rootfs +6", "all 6 fixes: score 42 → 60")
