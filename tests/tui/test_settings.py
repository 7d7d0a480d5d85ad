"""Settings in the app: what is set holds, and what cannot be used is told with its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.widgets import Input

from hardentui.model.settings import Notice, Settings
from hardentui.tui.screens.write import WriteScreen
from hardentui.workbench.settings.document import settings_file
from tests.tui.replayed import some
from tests.tui.support import make_app, running, screen_lines, screen_text, shows, until


async def test_a_notice_names_the_line_and_does_not_stop_the_app() -> None:
    notice = Notice("~/.config/hardentui/settings.toml:3", "theme names no theme: 'nrod\x1b[31m'")
    app = make_app(some(), settings=Settings(notices=(notice,)))
    async with running(app) as pilot:
        await shows(pilot, "settings.toml:3:", "theme names no theme", "shop-web")


@pytest.fixture
def mistyped_fix() -> None:
    path = Path(settings_file())
    path.parent.mkdir(parents=True)
    path.write_text('[fixes.no-memory-limit]\nmemry = "1g"\n')


@pytest.mark.usefixtures("mistyped_fix")
async def test_a_bad_value_of_a_fix_is_told_too() -> None:
    app = make_app(some())
    async with running(app, (100, 30)) as pilot:
        await shows(pilot, "settings.toml:2:", "you mean 'memory'?")


async def test_only_the_columns_that_are_wanted_are_shown() -> None:
    app = make_app(some(), settings=Settings(columns=("state",)))
    async with running(app, (120, 30)) as pilot:
        await shows(pilot, "shop-web", "State")
        assert "Image" not in screen_text(app)
        assert "docker.io" not in "\n".join(line for line in screen_lines(app) if "shop-web" in line)


async def test_the_write_dialog_offers_the_folder_that_is_set(tmp_path: Path) -> None:
    app = make_app(some(), settings=Settings(folder=str(tmp_path / "units")))
    async with running(app) as pilot:
        await pilot.press("enter", "w")
        await until(pilot, lambda: isinstance(app.screen, WriteScreen))
        assert app.screen.query_one("#folder", Input).value == os.path.join(tmp_path, "units")


async def test_a_key_that_is_set_is_in_the_footer() -> None:
    app = make_app(some(), settings=Settings(keys={"home.filter": "f3"}))
    async with running(app) as pilot:
        await pilot.press("slash")
        assert not app.screen.has_class("-filtering")
        await shows(pilot, "f3 Filter")
        await pilot.press("f3")
        assert app.screen.has_class("-filtering")
