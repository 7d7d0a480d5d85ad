"""Settings in the app: what is set holds, and what cannot be used is told with its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.model.settings import Notice, SettingOrigin, Settings, SettingSource
from hardentui.remembered import Remembered
from hardentui.state import settings_file
from hardentui.tui.app import HardenApp
from hardentui.tui.places import Place
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.themes import DEFAULT
from tests.tui.replayed import some
from tests.tui.support import (
    at_home,
    make_app,
    running,
    screen_lines,
    screen_text,
    shows,
    until,
    writes,
)


async def test_a_notice_names_the_line_and_does_not_stop_the_app() -> None:
    notice = Notice(
        "~/.config/hardentui/settings.toml:3",
        "theme is not a theme: 'nrod\x1b[31m'",
    )
    async with at_home(some(), settings=Settings(notices=(notice,))) as (_, pilot):
        await shows(
            pilot,
            "settings.toml:3:",
            "theme is not a theme",
            "shop-web",
        )


@pytest.fixture
def mistyped_fix() -> None:
    path = Path(settings_file())
    path.parent.mkdir(parents=True)
    path.write_text('[fixes.no-memory-limit]\nmemry = "1g"\n')


@pytest.mark.usefixtures("mistyped_fix")
async def test_a_bad_value_of_a_fix_is_told_too() -> None:
    async with at_home(some(), (100, 30)) as (_, pilot):
        await shows(pilot, "settings.toml:2:", "you mean 'memory'?")


@pytest.mark.parametrize(
    ("width", "is_shown"),
    [(150, True), (120, False)],
)
async def test_a_wide_list_names_the_worst_finding(
    width: int,
    is_shown: bool,
) -> None:
    async with at_home(some(), (width, 30)) as (app, pilot):
        await shows(pilot, "shop-web", "Score")
        row = next(row for row in app.session.rows.values() if row.name == "shop-web")
        assert row.report is not None
        heaviest = max(finding.severity for finding in row.report.failing)
        titles = [finding.title for finding in row.report.failing if finding.severity is heaviest]
        lines = [line.strip(" │") for line in screen_lines(app)]
        line = next(line for line in lines if line.startswith("▸ shop-web"))
        assert any(line.endswith(title) for title in titles) is is_shown
        assert any(line.endswith("9 0  Worst finding") for line in lines) is is_shown


async def test_the_write_dialog_offers_the_directory_that_is_set(tmp_path: Path) -> None:
    async with at_home(some(), settings=Settings(folder=str(tmp_path / "units"))) as (app, pilot):
        await pilot.press("enter", "w")
        await until(pilot, lambda: writes(app))
        assert app.screen.query_one("#directory", Input).value == os.path.join(tmp_path, "units")


# --- what is remembered ---------------------------------------------------------------------------


async def test_the_next_session_begins_where_the_last_one_ended(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "truecolor")
    kept: list[Remembered] = []
    async with at_home(some(), remember=kept.append) as (app, pilot):
        await pilot.press(
            "down",
            "enter",
            "7",
            shows="db",
        )
        app.theme = "high-contrast"
        app.session.directory = str(tmp_path)
    [last] = kept
    assert (last.theme, last.directory, last.container, last.step) == (
        "high-contrast",
        str(tmp_path),
        "db",
        7,
    )

    async with at_home(some(), remembered=last) as (app, pilot):
        assert app.theme == "high-contrast"
        assert app.session.directory == str(tmp_path)
        await shows(pilot, "▸ db")
        await pilot.press("enter", opens=WalkScreen)
        await until(pilot, lambda: app.session.last_walk is not None)
        assert app.session.last_walk == Place(last.engine, "db", 7)


async def test_filter_and_order_of_the_list_come_back_with_the_cursor() -> None:
    kept: list[Remembered] = []
    async with at_home(some(), remember=kept.append) as (app, pilot):
        await pilot.press(
            "slash",
            *"!vault",
            "enter",
            "o",
            shows="Container↑",
        )
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.session.last_walk is not None)
    [last] = kept
    assert (last.filter, last.column, last.reverse) == ("!vault", "name", False)
    assert last.container == "shop-web"
    async with at_home(some(), remembered=last) as (app, pilot):
        await shows(
            pilot,
            "Container↑",
            "2 of 3 containers",
            "▸ shop-web",
        )
    async with at_home(some(), remembered=replace(last, target="/srv/quadlets")) as (app, pilot):
        await shows(pilot, "Container↑", "vault")
        assert app.session.list_view.filter == "", "it was for other containers"


async def test_what_is_set_wins_over_what_is_remembered() -> None:
    origins = {
        name: SettingOrigin(SettingSource.FILE, "settings.toml:1") for name in ("theme", "folder")
    }
    settings = Settings(
        theme="hardentui-light",
        folder="/srv/units",
        origins=origins,
    )
    kept: list[Remembered] = []
    last = Remembered(
        theme="high-contrast",
        directory="/elsewhere",
    )
    app = make_app(
        some(),
        settings=settings,
        remembered=last,
        remember=kept.append,
    )
    async with running(app):
        assert (app.theme, app.session.directory) == ("hardentui-light", "/srv/units")
    assert kept == []


async def test_a_remembered_container_or_theme_that_is_gone_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "truecolor")
    async with at_home(
        some(),
        remembered=Remembered(
            theme="gone",
            container="gone",
            engine="gone",
            step=99,
        ),
    ) as (app, pilot):
        await shows(pilot, "▸ shop-web")
        assert app.theme == DEFAULT


async def test_the_simulated_host_leaves_no_place_behind() -> None:
    kept: list[Remembered] = []
    app = HardenApp(
        lambda: FirstLook.open(Selection(demo=True)),
        environ={},
        remember=kept.append,
    )
    async with running(app) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: app.session.last_walk is not None)
    assert kept == []


async def test_a_setting_is_changed_where_it_is_shown_and_a_wrong_value_changes_nothing() -> None:
    app = make_app(some())

    def written() -> str:
        path = Path(settings_file())
        return path.read_text() if path.exists() else ""

    async with running(app, (100, 30)) as pilot:
        await pilot.press("app.settings", shows="Values of fixes")
        await pilot.press("i", shows="A setting and its value")
        await pilot.press(*'theme = "high-contrast"', "enter")
        await until(pilot, lambda: 'theme = "high-contrast"' in written())
        before = written()
        await shows(pilot, "high-contrast", "Values of fixes")
        await pilot.press("i", shows="A setting and its value")
        await pilot.press(*'theme = "nrod"', "enter", shows="nrod")
        await until(pilot, lambda: "A setting and its value" not in screen_text(app))
        assert written() == before
