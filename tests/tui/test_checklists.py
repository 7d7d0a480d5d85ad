"""Choosing a checklist in the terminal UI."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from hardentui.account import ONLY_BELOW
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.job import AskScreen, PickScreen
from hardentui.tui.screens.pages import ChecklistScreen
from tests.tui.replayed import Host, some
from tests.tui.support import Driver, make_app, running, screen_text, shows, until

SIZES = [(60, 16), (80, 24), (200, 60)]


def _usual() -> Host:
    host = some()
    host.checklist = ""
    return host


def _in_use(app: HardenApp) -> str:
    bench = app.session.bench
    return bench.judge.checklist.id if bench is not None else ""


async def _open(pilot: Driver) -> None:
    await pilot.press("app.checklist")
    await until(pilot, lambda: isinstance(pilot.app.screen, ChecklistScreen))


async def _pick(app: HardenApp, pilot: Driver, wanted: str) -> None:
    """Of the choices in the dialog, the one that holds this."""
    await until(pilot, lambda: app.screen.why_not("change") == "")  # type: ignore[attr-defined]
    await pilot.press("i")
    await until(pilot, lambda: isinstance(app.screen, PickScreen))
    number = next(at for at, choice in enumerate(app.screen._choices, 1) if wanted in choice)  # type: ignore[attr-defined]
    await pilot.press(str(number))


async def _answer(app: HardenApp, pilot: Driver, answer: Path) -> None:
    await _pick(app, pilot, "a file of your own")
    await until(pilot, lambda: isinstance(app.screen, AskScreen))
    app.screen.query_one("#answer", Input).value = str(answer)
    await pilot.press("enter")


@pytest.mark.parametrize("size", SIZES)
async def test_another_profile_judges_everything_and_the_commands_name_it(size: tuple[int, int]) -> None:
    app = make_app(_usual())
    async with running(app, size) as pilot:
        assert _in_use(app) == "ten-steps"
        await _open(pilot)
        await shows(pilot, "in use: ten-steps", "baseline", "edge")
        await pilot.press("i", shows="Judge everything with which checklist?")
        await pilot.press("enter", shows="This checklist is in use")
        await _pick(app, pilot, "strict")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and _in_use(app) == "strict")
        await until(pilot, lambda: app.session.progress is None and len(app.session.rows) == 3)
        if size[0] >= 80:  # a narrower title has no room for it
            await shows(pilot, "strict")
        engines = {row.engine.found_with for row in app.session.rows.values()}
        assert engines == {("--checklist", "strict")}
        await _open(pilot)
        await shows(pilot, "in use: strict")
        app.session.open()
        await until(pilot, lambda: _in_use(app) == "strict" and app.session.progress is None)


async def test_an_own_checklist_is_used(tmp_path: Path) -> None:
    own = tmp_path / "site.toml"
    own.write_text('id = "site"\ntitle = "Site"\nextends = "baseline"\n')
    app = make_app(_usual())
    async with running(app) as pilot:
        await _open(pilot)
        await _answer(app, pilot, own)
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and _in_use(app) == "site")
        await _open(pilot)
        await shows(pilot, "in use:", "site.toml")


async def test_faults_are_told_with_their_lines_and_nothing_changes(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('id = "bad"\ntitle = "[/x] \\u001b[2J"\nextends = "strict"\nstp = 1\n')
    app = make_app(_usual())
    async with running(app, (100, 30)) as pilot:
        await _open(pilot)
        await _answer(app, pilot, bad)
        await shows(pilot, "Not used", "4: unknown key 'stp'")
        assert "\x1b" not in screen_text(app)
        assert _in_use(app) == "ten-steps"
        await _answer(app, pilot, tmp_path / "none.toml")
        await shows(pilot, "Not used", "cannot be read")


async def test_a_session_in_a_browser_chooses_only_what_comes_with_hardentui(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(_usual())
    async with running(app, (100, 30)) as pilot:
        monkeypatch.setenv(ONLY_BELOW, str(tmp_path))
        await _open(pilot)
        await shows(pilot, "in use: ten-steps")
        await pilot.press("i", shows="Judge everything with which checklist?")
        assert "a file of your own" not in screen_text(app)
