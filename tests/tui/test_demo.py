"""The same screens on the real workbench with its simulated host."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Button, Input

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.walk import WalkScreen
from tests.tui.support import running, shows, until, writes


async def test_the_main_job_on_the_simulated_host(tmp_path: Path) -> None:
    app = HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})
    async with running(app, (120, 36)) as pilot:
        await shows(
            pilot,
            "SIMULATED HOST",
            "worst first",
            "shop-web",
        )
        await until(pilot, lambda: app.session.host is not None)
        await pilot.press(
            "slash",
            *"shop-web",
            "enter",
            "enter",
            opens=WalkScreen,
        )
        for key in "1234567890":
            await pilot.press(key, shows=f"› {int(key) or 10} ")
        await pilot.press("F", shows=("fixes", "+Tmpfs=/var/cache/nginx"))
        await pilot.press("w")
        await until(pilot, lambda: writes(app))
        await until(
            pilot,
            lambda: not app.screen.query_one("#write", Button).disabled,
        )
        await shows(pilot, "Its host is simulated")
        app.screen.query_one("#directory", Input).value = str(tmp_path)
        await pilot.press("enter", "enter")
        await until(pilot, (tmp_path / "shop-web.container").exists)
    assert "NoNewPrivileges=true" in (tmp_path / "shop-web.container").read_text()


async def test_a_narrow_screen_counts_the_critical_findings_before_the_good_levels() -> None:
    app = HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})
    async with running(app, (80, 24)) as pilot:
        await shows(pilot, "1 takeover", "critical 5")
