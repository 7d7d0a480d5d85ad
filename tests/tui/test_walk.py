"""The walk, with the keyboard only."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.widgets import Button, Checkbox, Input

from hardentui.model.facts import NotRunning
from hardentui.options import NO_NEW_PRIVILEGES
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.diff import DiffScreen
from hardentui.tui.screens.explain import ExplainScreen
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.screens.write import WriteScreen
from hardentui.tui.widgets.finding_list import FindingList
from hardentui.workbench.planning import saved_plans as plans
from tests.tui.stand_in import StandIn, checklist, facts, some
from tests.tui.support import Driver, make_app, running, screen_lines, screen_text, scrolled, shows, until

SIZES = [(60, 16), (80, 24), (120, 36), (200, 60)]


async def _open_walk(app: HardenApp, pilot: Driver) -> WalkScreen:
    await until(pilot, lambda: app.session.host is not None)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, WalkScreen))
    await shows(pilot, "score")
    assert isinstance(app.screen, WalkScreen)
    return app.screen


@pytest.mark.parametrize("size", SIZES)
async def test_from_the_list_to_written_files_without_a_mouse(size: tuple[int, int], tmp_path: Path) -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app, size) as pilot:
        await _open_walk(app, pilot)
        for step, key in zip(checklist().steps, "1234567890", strict=True):
            await pilot.press(key)
            await shows(pilot, f"shop-web › {step.number} {step.title[:12]}")
        await pilot.press("4", "down", "space")
        await shows(pilot, "with 1 fix")
        await pilot.press("a")
        await shows(pilot, "with 4 fixes")
        await pilot.press("d")
        await shows(pilot, "+--cap-drop=all", "[Container]") if size[1] > 16 else await until(
            pilot, lambda: isinstance(app.screen, DiffScreen)
        )
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, WriteScreen))
        await until(pilot, lambda: not app.screen.query_one("#write", Button).disabled)
        app.screen.query_one("#folder", Input).value = str(tmp_path / "out")
        await pilot.press("shift+tab", "space", "shift+tab", "space")
        assert app.screen.query_one("#run", Checkbox).value
        await shows(pilot, "Goes to")
        await pilot.press("ctrl+s")
        await shows(pilot, "shop-web.container", "new")
        await until(pilot, lambda: (tmp_path / "out" / "shop-web.container").exists())
        await pilot.press("escape", "escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
    unit = (tmp_path / "out" / "shop-web.container").read_text()
    assert "--cap-drop=all" in unit
    assert (tmp_path / "out" / "shop-web.sh").read_text().startswith("#!/bin/sh")
    saved = plans.load((tmp_path / "out" / "shop-web-plan.toml").read_text())
    assert len(saved.choices) == 4


@pytest.mark.parametrize("size", SIZES)
async def test_every_choice_changes_the_plan_at_once(size: tuple[int, int]) -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app, size) as pilot:
        walk = await _open_walk(app, pilot)
        if size[0] < 100:
            await pilot.press("f")
        await shows(pilot, "nothing chosen")
        await pilot.press("8", "space")
        await shows(pilot, "1 option changed")
        await pilot.press("space")
        await shows(pilot, "nothing chosen")
        await pilot.press("F")
        await shows(pilot, "with 5 fixes")
        await pilot.press("u")
        await shows(pilot, "nothing chosen")
        await pilot.press("a", "a")
        await shows(pilot, "nothing chosen")
        assert walk.session.choices["rootful/shop-web-id"] == {}


async def test_choices_outlive_the_screen() -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("8", "space")
        await shows(pilot, "with 1 fix")
        await pilot.press("escape", "enter")
        await shows(pilot, "with 1 fix")


async def test_a_finding_shows_what_is_known_and_what_to_do() -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app, (80, 24)) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("4")
        await shows(
            pilot,
            "✗ high",
            "root-user",
            "declared   default",
            "effective  no restriction",
            "evidence   /proc/812/status",
            "fix        Set --user",
            "may break",
        )
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExplainScreen))
        await shows(pilot, "What it checks", "Why it matters", "What may break")
        await scrolled(pilot, "end", "CIS Docker 5.12")


async def test_what_cannot_be_chosen_says_why() -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("1", "space")
        await shows(pilot, "no container option fixes it")
        await pilot.press("3", "space")
        await shows(pilot, "nothing to fix")
        await pilot.press("9", "space")
        await shows(pilot, "about the host")
        assert app.session.choices["rootful/shop-web-id"] == {}


async def test_findings_follow_the_container() -> None:
    bench = StandIn.of(*some())
    app = make_app(bench)
    key = "rootful/shop-web-id"
    async with running(app) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("4", "down", "space")
        await shows(pilot, "[x] ✗ high      New privileges")
        before = bench.hosted[key]
        bench.hosted[key] = replace(before, spec=before.spec.with_(NO_NEW_PRIVILEGES, True))
        await pilot.press("r")
        await shows(pilot, "✓ pass      new-privileges-allowed")
        assert app.session.choices[key] == {}, "a fix that is no longer needed stays chosen"
        bench.hosted[key] = replace(before, kernel=NotRunning("exited"))
        await until(pilot, lambda: bench.watched)
        bench.happen()
        await shows(pilot, "[ ] ✗ high      New privileges")


async def test_the_container_is_removed_while_its_walk_is_open() -> None:
    bench = StandIn.of(*some())
    app = make_app(bench)
    async with running(app) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("8")
        await until(pilot, lambda: bench.watched)
        del bench.hosted["rootful/shop-web-id"]
        bench.happen()
        await shows(pilot, "removed", "Default capabilities are kept")
        assert app.screen.has_class("-grey")
        await pilot.press("r", "escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert "shop-web" not in screen_text(app)


async def test_a_long_finding_is_read_to_its_end_before_the_next() -> None:
    long = facts("long-" + "x" * 40)
    app = make_app(StandIn.of(long))
    async with running(app, (60, 16)) as pilot:
        walk = await _open_walk(app, pilot)
        await pilot.press("4")
        findings = walk.query_one(FindingList)
        first = findings.current
        await pilot.press("down")
        await pilot.pause()
        assert findings.current is first
        assert findings.scroll_offset.y > 0
        for _ in range(6):
            await pilot.press("down")
        await until(pilot, lambda: findings.current is not first)


async def test_writing_says_what_is_wrong_and_loses_nothing(tmp_path: Path) -> None:
    bench = StandIn.of(*some())
    app = make_app(bench)
    blocked = tmp_path / "file"
    blocked.write_text("mine")
    async with running(app) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("a", "w")
        await until(pilot, lambda: isinstance(app.screen, WriteScreen))
        await until(pilot, lambda: not app.screen.query_one("#write", Button).disabled)
        folder = app.screen.query_one("#folder", Input)
        folder.value = str(blocked)
        await pilot.press("enter", "enter")
        await shows(pilot, "Not written")
        folder.value = str(tmp_path / "good")
        await pilot.press("enter")
        await shows(pilot, "new", "shop-web.container")
    assert blocked.read_text() == "mine"
    assert (tmp_path / "good" / "shop-web.container").exists()


async def test_chosen_fixes_that_are_not_written_are_not_lost_with_one_key(tmp_path: Path) -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("a", "escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("q")
        await shows(pilot, "are not written", "q again")
        assert app.is_running
        await pilot.press("enter", "w")
        await until(pilot, lambda: isinstance(app.screen, WriteScreen))
        app.screen.query_one("#folder", Input).value = str(tmp_path)
        await until(pilot, lambda: not app.screen.query_one("#write", Button).disabled)
        await pilot.press("ctrl+s")
        await shows(pilot, "new")
        assert not app.session.unwritten
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running or app._exit)


async def test_what_would_be_written_is_wrapped_again_when_the_terminal_changes() -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app, (120, 30)) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("w")
        await shows(pilot, "what it does with old lines")
        await pilot.resize_terminal(60, 24)
        await shows(pilot, "nobody can\n")
        await pilot.press("escape", "question_mark")
        await shows(pilot, "Choose every fix that\n")
        await pilot.resize_terminal(100, 30)
        await shows(pilot, "Choose every fix that changes nothing that works.")


async def test_a_refusal_of_the_generator_is_told_and_nothing_can_be_written() -> None:
    app = make_app(StandIn.of(*some(), generator_refuses=True))
    async with running(app) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("a", "w")
        await shows(pilot, "The generator refuses the unit.", "Look at line 3,")
        assert app.screen.query_one("#write", Button).disabled


async def test_a_refusal_is_wrapped_on_a_small_terminal() -> None:
    app = make_app(StandIn.of(*some(), generator_refuses=True))
    async with running(app, (60, 16)) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("a", "w")
        await shows(pilot, "Look at line 3,", "whose end is told too.")


async def test_without_a_choice_the_container_is_written_as_it_is(tmp_path: Path) -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("w")
        await shows(pilot, "as it is today", "[Container]")
        app.screen.query_one("#folder", Input).value = str(tmp_path)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: (tmp_path / "shop-web.container").exists())


async def test_the_difference_has_two_kinds_and_jumps_between_changes() -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app, (80, 14)) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("d")
        await shows(pilot, "Nothing is chosen")
        await pilot.press("escape", "F", "d", "n")
        await shows(pilot, "[Container]", "+--")
        await pilot.press("right_square_bracket", "n")
        await shows(pilot, "#!/bin/sh")


async def test_the_texts_of_a_step_can_be_turned() -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app) as pilot:
        await _open_walk(app, pilot)
        for text in (
            "looks for exactly this",
            "First they look around",
            "Close it in the unit",
            "What relied on",
        ):
            await pilot.press("right_square_bracket")
            await shows(pilot, text)
        await pilot.press("right_square_bracket")
        await shows(pilot, "] why")


async def test_a_container_without_a_unit_offers_none() -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("w")
        await shows(pilot, "run script")
        assert not app.screen.query_one("#own").display


async def test_what_is_told_does_not_cover_the_plan() -> None:
    app = make_app(StandIn.of(*some()))
    async with running(app, (120, 40)) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, WalkScreen))
        app.notify("Something to be told.")
        await shows(pilot, "Something to be told.")
        at = next(number for number, line in enumerate(screen_lines(app)) if "Something to be told." in line)
        assert at < app.size.height // 3
