"""The pages about this machine: the doctor, and the settings with where each value comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.tui.screens.pages import DoctorScreen, SettingsScreen
from tests.tui.replayed import some
from tests.tui.support import at_home, drawn, until

SIZES = [(60, 16), (200, 60)]


@pytest.mark.parametrize("size", SIZES)
async def test_the_doctor_looks_at_this_machine_and_at_its_terminal(size: tuple[int, int]) -> None:
    async with at_home(some(), size) as (app, pilot):
        await pilot.press("f2")
        await until(
            pilot, lambda: isinstance(app.screen, DoctorScreen) and "terminal:" in drawn(app)
        )
        told = " ".join(drawn(app).split())
        assert f"{size[0]}x{size[1]}" in told
        assert ("enlarge it to 80x24" in told) is (size == (60, 16))
        await pilot.press("f2", shows="You are there already.")


@pytest.mark.parametrize("size", SIZES)
async def test_settings_tell_where_a_value_comes_from_and_what_is_wrong(
    size: tuple[int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    async with at_home(some(), size) as (app, pilot):
        await pilot.press("app.settings")
        await until(
            pilot, lambda: isinstance(app.screen, SettingsScreen) and "does not exist" in drawn(app)
        )
        assert "folder ~/hardened (default)" in " ".join(drawn(app).split())
        _write(
            tmp_path / "hardentui" / "settings.toml", 'folder = "/srv/[/x]"\ntheme = "nonsense"\n'
        )
        await pilot.press("r")
        await until(pilot, lambda: "/srv/[/x]" in drawn(app))
        told = "".join(drawn(app).split())  # long lines are wrapped
        assert "folder/srv/[/x](~/hardentui/settings.toml:1)" in told
        assert "settings.toml:2:themeisnotatheme:'nonsense'" in told, "the fault has its line"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(
        parents=True,
        exist_ok=True,
    )
    path.write_text(text)
