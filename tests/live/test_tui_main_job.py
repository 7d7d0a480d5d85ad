"""From the start of the terminal UI to the hardened Quadlet of the worst container on a real Podman."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.host.podman.generator import dry_run, find_generator
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.walk import WalkScreen
from tests.support.podman import BUSYBOX, Bench
from tests.tui.support import running, until, writes

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]
WORST, OTHER = "tui-worst", "tui-other"
KEYS = ("enter", "F", "w", "ctrl+s")


async def test_at_most_six_keys_to_a_hardened_quadlet_that_the_generator_accepts(
    podman: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    podman.run(WORST, "--privileged", "--network", "host", BUSYBOX, "sleep", "1000000")
    podman.run(OTHER, "--cap-drop", "all", "--read-only", BUSYBOX, "sleep", "1000000")
    app = HardenApp(lambda: FirstLook.open(Selection(url=podman.url)), environ={})
    app.session.directory = str(tmp_path / "out")
    try:
        async with running(app, (100, 40)) as pilot:
            await until(pilot, lambda: app.session.host is not None)
            worst = app.screen.query_one("#containers").current  # type: ignore[attr-defined]
            assert len(KEYS) <= 6
            await pilot.press(KEYS[0])
            walk = app.screen
            assert isinstance(walk, WalkScreen)
            await until(pilot, lambda: not walk.why_not("all"))
            await pilot.press(*KEYS[1:3])
            await until(pilot, lambda: writes(app) and not app.screen.query_one("#write").disabled)
            await pilot.press(KEYS[3])
            await until(pilot, lambda: (tmp_path / "out" / f"{worst.name}.container").exists())
    finally:
        podman.remove(WORST)
        podman.remove(OTHER)
    written = tmp_path / "out" / f"{worst.name}.container"
    if worst.name == WORST:
        lines = [line for line in written.read_text().splitlines() if not line.startswith("#")]
        assert not any("privileged" in line for line in lines)
        assert "NoNewPrivileges=true" in lines
    if generator := find_generator():
        units = {path.name: path.read_text() for path in written.parent.iterdir() if path.suffix != ".toml"}
        done = dry_run(units, user=False, generator=generator)
        assert done.ok, done.stderr
        assert f"{worst.name}.service" in done.services
    shutil.rmtree(tmp_path / "out")
