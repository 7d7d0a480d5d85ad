"""The walk, with the keyboard only."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from textual.widgets import Button, Checkbox, Input

from hardentui.errors import GeneratorError
from hardentui.features import planning as plans
from hardentui.features.fix.drafter import Drafter
from hardentui.features.views import Report
from hardentui.model.draft import Draft, Target
from hardentui.model.plan import Plan
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.explaining import ExplainScreen
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.widgets.finding_list import FindingList
from hardentui.tui.widgets.page import DiffView
from hardentui.tui.widgets.tick import Tick
from tests.tui.replayed import TITLES, Host, some
from tests.tui.support import (
    Driver,
    at_home,
    drawn,
    make_app,
    running,
    screen_lines,
    screen_text,
    scrolled,
    shows,
    until,
    writes,
)

SIZES = [(60, 16), (120, 36), (200, 60)]


async def _open_walk(app: HardenApp, pilot: Driver) -> WalkScreen:
    await until(pilot, lambda: app.session.host is not None)
    await shows(pilot, "▸ shop-web")
    await pilot.press(
        "enter",
        opens=WalkScreen,
        shows="score",
    )
    assert isinstance(app.screen, WalkScreen)
    return app.screen


@asynccontextmanager
async def walking(
    size: tuple[int, int] = (80, 24),
    host: Host | None = None,
) -> AsyncIterator[tuple[HardenApp, Driver, WalkScreen]]:
    async with at_home(host or some(), size) as (app, pilot):
        yield app, pilot, await _open_walk(app, pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_from_the_list_to_written_files_without_a_mouse(
    size: tuple[int, int],
    tmp_path: Path,
) -> None:
    async with walking(size) as (app, pilot, _):
        for number, title in enumerate(TITLES, 1):
            await pilot.press(str(number % 10), shows=f"shop-web › {number} {title[:12]}")
        await pilot.press("4", shows="▸ [ ] ! medium")
        await pilot.press("space", shows="with 1 fix")
        await pilot.press("walk.likely", shows="with 2 fixes")
        await pilot.press("d")
        await until(pilot, lambda: writes(app))
        if size[1] > 24:
            await shows(pilot, "+NoNewPrivileges=true", "[Container]")
        await pilot.press("escape", "w")
        await until(pilot, lambda: writes(app))
        await until(
            pilot,
            lambda: not app.screen.query_one("#write", Button).disabled,
        )
        app.screen.query_one("#directory", Input).value = str(tmp_path / "out")
        await pilot.press(
            "shift+tab",
            "space",
            *["shift+tab"] * 3,
            "space",
        )
        assert app.screen.query_one("#run", Checkbox).value
        await shows(pilot, "Goes to")
        await pilot.press("ctrl+s", shows=("shop-web.container", "new"))
        for name in ("shop-web.container", "shop-web.sh", "shop-web-plan.toml"):
            await until(pilot, (tmp_path / "out" / name).exists)
        await pilot.press("escape", "escape", opens=HomeScreen)
    unit = (tmp_path / "out" / "shop-web.container").read_text()
    assert "NoNewPrivileges=true" in unit
    assert (tmp_path / "out" / "shop-web.sh").read_text().startswith("#!/bin/sh")
    saved = plans.load((tmp_path / "out" / "shop-web-plan.toml").read_text())
    assert len(saved.choices) == 2


async def test_a_file_that_is_still_being_made_is_written_too(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pressed, draft = threading.Event(), Drafter.draft

    def slow(
        drafter: Drafter,
        report: Report,
        plan: Plan | None,
        target: Target,
        **words: Any,
    ) -> Draft:
        assert target is not Target.RUN or pressed.wait(60)
        return draft(
            drafter,
            report,
            plan,
            target,
            **words,
        )

    monkeypatch.setattr(Drafter, "draft", slow)
    async with walking((80, 24)) as (app, pilot, _):
        await pilot.press("w")
        await until(pilot, lambda: writes(app))
        await until(
            pilot,
            lambda: not app.screen.query_one("#write", Button).disabled,
        )
        app.screen.query_one("#directory", Input).value = str(tmp_path / "out")
        app.screen.query_one("#run", Checkbox).value = True
        await pilot.press("ctrl+s", shows="Generating the files")
        assert not (tmp_path / "out").exists(), "all of it, or nothing"
        pressed.set()
        for name in ("shop-web.container", "shop-web.sh"):
            await until(pilot, (tmp_path / "out" / name).exists)


@pytest.mark.parametrize("size", SIZES)
async def test_every_choice_changes_the_plan_at_once(size: tuple[int, int]) -> None:
    host = some()
    async with walking(size, host=host) as (app, pilot, walk):
        if size[0] < 100:
            await pilot.press("p")
        await shows(pilot, "nothing chosen")
        await pilot.press("4", shows=("› 4 User privileges", "▸ [ ] ! medium"))
        await pilot.press("space", shows="1 option changed")
        await pilot.press("space", shows="nothing chosen")
        await pilot.press("F", shows="with 4 fixes")
        app.clear_notifications()
        await pilot.press("walk.none", shows="nothing chosen")
        await pilot.press(
            "walk.likely",
            "walk.likely",
            shows="nothing chosen",
        )
        assert walk.session.choices[host.key("shop-web")] == {}


async def test_choices_outlive_the_screen() -> None:
    async with walking() as (_, pilot, _):
        await pilot.press("walk.likely", shows="with 1 fix")
        await pilot.press("escape", "enter", shows="with 1 fix")


async def test_a_finding_shows_what_is_known_and_what_to_do() -> None:
    async with walking((80, 24)) as (_, pilot, _):
        await pilot.press("4")
        await shows(
            pilot,
            "! medium",
            "Processes can gain new privileges",
            "declared   no-new-privileges not set  (configuration of the container)",
            "effective  NoNewPrivs 0  (/proc/27430/status)",
            "fix        Set no-new-privileges",
            "may break",
        )
        await pilot.press(
            "e", opens=ExplainScreen, shows=("(may break;", "What it checks", "Why it matters")
        )
        await scrolled(
            pilot,
            "end",
            "References",
            "CIS Docker",
        )


async def test_what_cannot_be_chosen_says_why() -> None:
    host = some()
    async with walking(host=host) as (app, pilot, _):
        await pilot.press("0", shows="✗ high")
        await pilot.press("space", shows="No automatic fix")
        app.clear_notifications()
        await pilot.press("3", shows="✓ pass")
        await pilot.press("space", shows="nothing to fix")
        app.clear_notifications()
        await pilot.press("9", shows="No check of this step applies to containers")
        assert app.session.choices[host.key("shop-web")] == {}


async def test_findings_follow_the_container() -> None:
    host = some()
    app = make_app(host)
    key = host.key("shop-web")
    async with running(app) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("4", shows="▸ [ ] ! medium")
        await pilot.press(
            "space",
            shows="[x] ! medium    Processes can gain new privileges",
        )
        host.harden("shop-web")
        await pilot.press("r")
        await until(pilot, lambda: app.session.choices[key] == {})
        await shows(pilot, "✓ pass      new-privileges-allowed")
        host.stop("shop-web")
        host.happens("shop-web")
        await until(pilot, lambda: app.session.rows[key].state == "exited")


async def test_the_container_is_removed_while_its_walk_is_open() -> None:
    host = some()
    async with walking(host=host) as (app, pilot, _):
        await pilot.press("8")
        await until(pilot, lambda: host.watched)
        host.remove("shop-web")
        host.happens("shop-web")
        await shows(pilot, "removed", "default-capabilities-kept")
        assert app.screen.has_class("-grey")
        await pilot.press("r", "escape", opens=HomeScreen)
        assert "shop-web" not in screen_text(app)


async def test_the_walk_goes_on_with_the_container_that_has_the_name_now() -> None:
    """As when a change is applied: the original is renamed, and its successor has an ID of its own."""
    host = some()
    async with walking(host=host) as (app, pilot, walk):
        home = app.screen_stack[-2]
        assert isinstance(home, HomeScreen)
        original = host.key("shop-web")
        await pilot.press("4", "space")
        await until(pilot, lambda: bool(app.session.choices.get(original)))
        (chosen,) = app.session.choices[original]
        await until(pilot, lambda: host.watched)
        host.rename("shop-web", "shop-web-before")
        host.happens("shop-web-before")
        await shows(pilot, "shop-web-before › 4")
        successor = host.add("shop-web", like="shop-web-before")
        host.happens("shop-web")
        await shows(pilot, "shop-web › 4", "[x]")
        assert walk.container_key == successor
        assert original not in app.session.choices
        await pilot.press("escape", opens=HomeScreen)
        await until(pilot, lambda: home.container_key == successor)
        host.remove("shop-web")
        host.rename("shop-web-before", "shop-web")
        host.happens("shop-web")
        await until(pilot, lambda: home.container_key == original)
        await until(pilot, lambda: chosen in app.session.choices.get(original, ()))


async def test_a_tick_out_of_sight_is_brought_into_sight() -> None:
    async with walking((60, 16)) as (_, pilot, walk):
        await pilot.press("4", shows="▸ [ ] ! medium")
        await pilot.press("space", shows="▸ [x] ! medium")
        assert walk.query_one(FindingList).scroll_offset.y == 0


async def test_a_long_finding_is_read_to_its_end_before_the_next() -> None:
    async with walking((60, 16)) as (_, pilot, walk):
        await pilot.press("4", shows="▸ [ ] ! medium")
        findings = walk.query_one(FindingList)
        await pilot.press("home")
        first = findings.current
        await pilot.press("down")
        await until(pilot, lambda: findings.scroll_offset.y > 0)
        assert findings.current is first
        for _ in range(12):
            await pilot.press("down")
        await until(pilot, lambda: findings.current is not first)


async def test_writing_says_what_is_wrong_and_loses_nothing(tmp_path: Path) -> None:
    bench = some()
    app = make_app(bench)
    blocked = tmp_path / "file"
    blocked.write_text("mine")
    async with running(app) as pilot:
        await _open_walk(app, pilot)
        await pilot.press("walk.likely", "w")
        await until(pilot, lambda: writes(app))
        await until(
            pilot,
            lambda: not app.screen.query_one("#write", Button).disabled,
        )
        directory = app.screen.query_one("#directory", Input)
        directory.value = str(blocked)
        await pilot.press("enter", "enter", shows="Not written")
        directory.value = str(tmp_path / "good")
        await pilot.press("enter", shows=("new", "shop-web.container"))
    assert blocked.read_text() == "mine"
    assert (tmp_path / "good" / "shop-web.container").exists()


async def test_chosen_fixes_that_are_not_written_are_not_lost_with_one_key(tmp_path: Path) -> None:
    async with walking() as (app, pilot, _):
        await pilot.press("walk.likely", "escape", opens=HomeScreen)
        await pilot.press("q", shows=("are not written", "q again"))
        assert app.is_running
        await pilot.press("enter", "w")
        await until(pilot, lambda: writes(app))
        app.screen.query_one("#directory", Input).value = str(tmp_path)
        await until(
            pilot,
            lambda: not app.screen.query_one("#write", Button).disabled,
        )
        await pilot.press("ctrl+s", shows="new")
        assert not app.session.unwritten
        await pilot.press("escape", "escape", opens=HomeScreen)
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running or app._exit)


async def test_what_would_be_written_is_wrapped_again_when_the_terminal_changes() -> None:
    async with walking((120, 30)) as (_, pilot, _):
        await pilot.press("w", shows="only volumes and mounts keep their files")
        await pilot.resize_terminal(60, 24)
        await shows(pilot, "each stop; only\n")
        await pilot.press(
            "escape",
            "question_mark",
            shows="Choose every fix known\n",
        )
        await pilot.resize_terminal(100, 30)
        await shows(pilot, "Choose every fix known to break nothing.")


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The generator refuses every unit."""
    refusal = (
        "Look at line 3, which is long enough for a small terminal, and whose end is told too."
    )
    prove = Mock(side_effect=GeneratorError("The generator refuses the unit.", refusal))
    monkeypatch.setattr("hardentui.features.fix.drafts.prove", prove)


@pytest.mark.usefixtures("refusing")
async def test_a_refusal_of_the_generator_is_told_and_nothing_can_be_written() -> None:
    async with walking() as (app, pilot, _):
        await pilot.press(
            "walk.likely", "w", shows=("The generator refuses the unit.", "Look at line 3,")
        )
        assert app.screen.query_one("#write", Button).disabled


@pytest.mark.usefixtures("refusing")
async def test_a_refusal_is_wrapped_on_a_small_terminal() -> None:
    async with walking((60, 16)) as (_, pilot, _):
        await pilot.press(
            "walk.likely",
            "w",
            shows=("Look at line 3,", "whose end is told too."),
        )


@pytest.mark.parametrize("size", [(30, 16), (60, 16), (200, 60)])
async def test_every_tick_of_writing_can_be_reached_on_a_narrow_terminal(
    size: tuple[int, int],
) -> None:
    async with walking(size) as (app, pilot, _):
        await pilot.press("walk.likely", "w")
        await until(pilot, lambda: writes(app))
        ticks = [tick for tick in app.screen.query(Tick) if tick.display and tick.region]
        assert len(ticks) >= 5
        assert all(tick.region.right <= size[0] for tick in ticks)
        lines = {tick.region.y for tick in app.screen.query("#files Tick")}
        assert len(lines) == {30: 5, 60: 2}.get(size[0], 1)


async def test_without_a_choice_the_container_is_written_as_it_is(tmp_path: Path) -> None:
    async with walking((80, 40)) as (app, pilot, _):
        await pilot.press("w", shows=("as it is today", "[Container]"))
        app.screen.query_one("#directory", Input).value = str(tmp_path)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: (tmp_path / "shop-web.container").exists())


async def test_commands_to_copy_lead_to_the_engine_and_the_checklist_of_the_session(
    tmp_path: Path,
) -> None:
    host = some(found_with=("--connection", "prod"))
    there = f"--connection prod --checklist {host.checklist}"
    async with walking((200, 50), host=host) as (app, pilot, _):
        await pilot.press("walk.likely", "w")
        await until(pilot, lambda: writes(app))
        app.screen.query_one("#plan", Checkbox).value = True
        await shows(
            pilot, f"hardentui fix shop-web --plan shop-web-plan.toml {there} uses it again"
        )
        app.screen.query_one("#directory", Input).value = str(tmp_path)
        await pilot.press("ctrl+s", shows=f"hardentui check shop-web {there}")
        await pilot.press("c")
        await until(
            pilot,
            lambda: f"hardentui check shop-web {there}" in app.clipboard,
        )


async def test_the_difference_jumps_between_changes() -> None:
    async with walking((80, 14)) as (app, pilot, _):
        await pilot.press("d", shows="as it is today")
        await pilot.press("escape", "F", "d")
        await until(pilot, lambda: writes(app))
        await until(pilot, lambda: "+NoNewPrivileges=true" in drawn(app))
        preview = app.screen.query_one(DiffView)
        await until(pilot, lambda: preview.scroll_offset.y > 0)  # the first change, below the notes
        await pilot.press("N")
        assert app.focused is preview


async def test_the_texts_of_a_step_can_be_turned() -> None:
    async with walking() as (_, pilot, _):
        await pilot.press("1", shows="Step 1 looks at what is in the image.")
        for text in (
            "looks for exactly this",
            "First they look around",
            "Leave it out of the image",
            "What relied on",
        ):
            await pilot.press("right_square_bracket", shows=text)
        await pilot.press("right_square_bracket", shows="] why")


async def test_a_container_without_a_unit_offers_none() -> None:
    async with walking() as (app, pilot, _):
        await pilot.press("w", shows="script")
        assert not app.screen.query_one("#own").display


async def test_what_is_told_does_not_cover_the_plan() -> None:
    async with at_home(some(), (120, 40)) as (app, pilot):
        await pilot.press("enter", opens=WalkScreen)
        app.notify("Something to be told.")
        await shows(pilot, "Something to be told.")
        at = next(
            number
            for number, line in enumerate(screen_lines(app))
            if "Something to be told." in line
        )
        assert at < app.size.height // 3
