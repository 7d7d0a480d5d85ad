"""The values that a fix takes, set with the keyboard only, on the real workbench with its simulated
host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Button, Input

from hardentui.features import planning as plans
from hardentui.model.settings import Settings
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.pages import HelpScreen
from hardentui.tui.screens.values import ValuesScreen
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.widgets.finding_list import FindingList
from tests.tui.replayed import Host
from tests.tui.support import (
    Driver,
    at_home,
    screen_lines,
    screen_text,
    scrolled,
    shows,
    until,
    writes,
)

SIZES = [(60, 16), (200, 60)]
DB = "db"
OWN = "shop-api"
"""Its image is no known application."""


@asynccontextmanager
async def _walk(
    size: tuple[int, int] = (80, 24),
    checklist: str = "",
    name: str = DB,
    **over: Any,
) -> AsyncIterator[tuple[HardenApp, Driver]]:
    """The walk of a database, or of what only its owner knows."""
    host = Host((name, name))
    host.checklist = checklist or host.checklist
    async with at_home(host, size, **over) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        app.open_walk(host.key(name))
        await shows(pilot, "score")
        yield app, pilot


async def _at(
    app: HardenApp,
    pilot: Driver,
    step: str,
    check: str,
) -> None:
    """The cursor on a finding; a long one is read to its end on the way."""
    await pilot.press(step)
    findings = app.screen.query_one(FindingList)
    await until(
        pilot, lambda: findings.current is not None and findings.current.step == (int(step) or 10)
    )
    for _ in range(100):
        if findings.current is not None and findings.current.check == check:
            return
        await pilot.press("down")
    raise AssertionError(screen_text(app))


async def _values(
    app: HardenApp,
    pilot: Driver,
    key: str = "i",
) -> ValuesScreen:
    await pilot.press(key, opens=ValuesScreen)
    await until(pilot, lambda: isinstance(app.focused, Input))
    assert isinstance(app.screen, ValuesScreen)
    return app.screen


def _chosen(app: HardenApp) -> dict[str, dict[str, object]]:
    (choices,) = app.session.choices.values()
    return {check: dict(choice.parameters) for check, choice in choices.items()}


@pytest.mark.parametrize("size", SIZES)
async def test_a_value_is_in_the_plan_as_soon_as_it_can_be(
    size: tuple[int, int],
    tmp_path: Path,
) -> None:
    async with _walk(size) as (app, pilot):
        await _at(app, pilot, "5", "no-memory-limit")
        await _values(app, pilot)
        await shows(
            pilot,
            "memory",
            "512m",
            "a size such as 512m",
            "The default.",
            "Not chosen.",
        )
        await pilot.press(*"1", shows=("memory must be a size", "stays 512m."))
        assert _chosen(app) == {}
        await pilot.press(
            *"g", shows=("In the plan", "--memory=1g", "with 1 fix", "the default is 512m")
        )
        assert _chosen(app) == {"no-memory-limit": {"memory": "1g"}}
        await pilot.press(
            "escape",
            opens=WalkScreen,
            shows="with 1 fix",
        )
        await pilot.press("w")
        await until(pilot, lambda: writes(app))
        app.screen.query_one("#directory", Input).value = str(tmp_path)
        await until(
            pilot,
            lambda: not app.screen.query_one("#write", Button).disabled,
        )
        await pilot.press("shift+tab", "space", "ctrl+s")
        await until(pilot, (tmp_path / "db-plan.toml").exists)
    (choice,) = plans.load((tmp_path / "db-plan.toml").read_text()).choices
    assert (choice.check, choice.parameters) == ("no-memory-limit", (("memory", "1g"),))
    assert "--memory=1g" in (tmp_path / "db.container").read_text()


async def test_the_default_comes_back_and_a_dropped_fix_keeps_its_value() -> None:
    async with _walk() as (app, pilot):
        await _at(app, pilot, "5", "no-memory-limit")
        await _values(app, pilot)
        await pilot.press(*"2g")
        await pilot.press(
            "escape", shows=("values     memory 2g; i changes", "+PodmanArgs=--memory=2g")
        )
        await pilot.press("space")
        await until(pilot, lambda: _chosen(app) == {})
        await pilot.press("space")
        await until(
            pilot,
            lambda: _chosen(app) == {"no-memory-limit": {"memory": "2g"}},
        )
        await pilot.press("walk.none")
        await until(pilot, lambda: _chosen(app) == {})
        await pilot.press("F")
        await until(
            pilot,
            lambda: _chosen(app).get("no-memory-limit") == {"memory": "2g"},
        )
        await _values(app, pilot)
        await pilot.press("ctrl+r", shows="The default.")
        await until(pilot, lambda: _chosen(app)["no-memory-limit"] == {})


async def test_escape_throws_no_text_away_that_was_not_taken() -> None:
    async with _walk() as (app, pilot):
        await _at(app, pilot, "5", "no-cpu-limit")
        await _values(app, pilot)
        await pilot.press(*"2.5", shows="--cpus=2.5")
        await pilot.press("x", "escape", shows="Not accepted")
        assert isinstance(app.screen, ValuesScreen)
        await pilot.press("escape", opens=WalkScreen)
        assert _chosen(app) == {"no-cpu-limit": {"cpus": "2.5"}}


async def test_a_fix_that_needs_a_value_asks_for_it_when_it_is_chosen() -> None:
    async with _walk((100, 30), name=OWN) as (app, pilot):
        await _at(app, pilot, "7", "missing-health-check")
        await _values(app, pilot, "space")
        await shows(
            pilot,
            "only you know how to tell",
            "There is no default",
        )
        assert _chosen(app) == {}
        await pilot.press(
            *"pg_isready",
            "space",
            *"-q",
            shows=("In the plan", "HealthCmd="),
        )
        await pilot.press("ctrl+u", shows="Not in the plan")
        assert _chosen(app) == {}


def _notices(app: HardenApp) -> str:
    return " ".join(notice.message for notice in app._notifications)


async def test_all_fixes_names_those_that_wait_for_a_value_and_takes_them_once_they_have_one() -> (
    None
):
    async with _walk((120, 40), name=OWN) as (app, pilot):
        await pilot.press("F")
        await until(pilot, lambda: "a value first" in _notices(app))
        assert "missing-health-check (step 7)" in _notices(app)
        assert "missing-health-check" not in _chosen(app)
        await _at(app, pilot, "7", "missing-health-check")
        await _values(app, pilot)
        await pilot.press(*"pg_isready", shows="In the plan")
        await pilot.press("escape", opens=WalkScreen)
        await pilot.press("walk.none")
        await until(pilot, lambda: _chosen(app) == {})
        await pilot.press("F")
        await until(
            pilot, lambda: _chosen(app).get("missing-health-check") == {"command": "pg_isready"}
        )


async def test_the_plan_shows_its_first_change_first() -> None:
    async with _walk() as (app, pilot):
        await _at(app, pilot, "5", "no-memory-limit")
        await pilot.press(
            "space",
            "p",
            shows=("+PodmanArgs=", "--memory=512m"),
        )
        await until(
            pilot, lambda: any(line.startswith(" +PodmanArgs=") for line in screen_lines(app))
        )


async def test_several_values_are_gone_through_with_the_arrows() -> None:
    async with _walk() as (app, pilot):
        await _at(
            app,
            pilot,
            "8",
            "default-capabilities-kept",
        )
        screen = await _values(app, pilot)
        await pilot.press(*"CHOWN, SETUIT", shows="keep must be capability names")
        await pilot.press("backspace", "D")
        await shows(
            pilot,
            "AddCapability",
            "CAP_SETUID",
            "default-capabilities-kept: values",
        )
        await pilot.press("ctrl+r", shows="and 2 lines more, below")
        await pilot.press(
            "ctrl+u",
            *"CHOWN SETUID",
            shows="Chosen here",
        )
        assert _chosen(app) == {"default-capabilities-kept": {"keep": ("CHOWN", "SETUID")}}
        await pilot.press("down", "up", "enter")
        assert screen.query_one(Input).has_focus


async def test_keys_that_are_typed_are_not_named_in_the_footer() -> None:
    async with _walk() as (app, pilot):
        await _at(app, pilot, "5", "no-memory-limit")
        await until(pilot, lambda: screen_lines(app)[-1].endswith("esc Back ? Help"))
        await _values(app, pilot)
        await until(
            pilot,
            lambda: screen_lines(app)[-1].endswith("^r Default esc Back F1 Help"),
        )
        await pilot.press(
            "f1",
            opens=HelpScreen,
            shows="Reset this value to its default.",
        )


async def test_a_fix_without_values_says_so() -> None:
    async with _walk() as (app, pilot):
        await _at(
            app,
            pilot,
            "4",
            "new-privileges-allowed",
        )
        await pilot.press("i", shows="This fix takes no values.")
        assert isinstance(app.screen, WalkScreen)


async def test_the_explanation_names_the_values() -> None:
    async with _walk() as (app, pilot):
        await _at(app, pilot, "5", "no-memory-limit")
        await pilot.press("e")
        await scrolled(
            pilot, "pagedown", "Values of the fix (i in the walk", "memory: a size such as 512m"
        )


async def test_what_the_checklist_says_is_told(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "checklists" / "ten-steps.toml").read_text()
    own = tmp_path / "own.toml"
    own.write_text(text + '\n[check.no-memory-limit]\nmemory = "3g"\n')
    async with _walk(checklist=str(own)) as (app, pilot):
        await _at(app, pilot, "5", "no-memory-limit")
        await _values(app, pilot)
        await shows(pilot, "3g", "Set by the checklist.")
        await pilot.press(*"512m", shows="the default is 3g")
        assert _chosen(app) == {"no-memory-limit": {"memory": "512m"}}


async def test_a_long_value_can_be_read_on_a_small_terminal() -> None:
    async with _walk((60, 16)) as (app, pilot):
        await _at(
            app,
            pilot,
            "8",
            "default-capabilities-kept",
        )
        await _values(app, pilot)
        await shows(pilot, "NET_BIND_SERVICE")


@pytest.mark.parametrize("theme", ["hardentui-light", "hardentui-dark"])
async def test_a_fault_is_told_without_colours_too(
    theme: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with _walk(settings=Settings(theme=theme)) as (app, pilot):
        await _at(app, pilot, "5", "no-memory-limit")
        await _values(app, pilot)
        await pilot.press(*"none", shows="! memory must be a size")
