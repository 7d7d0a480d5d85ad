"""The main job in the terminal UI on a real Podman: try, apply, confirm, and take it back, at 80x24."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.change import ChangeScreen
from hardentui.tui.screens.journal import JournalScreen
from hardentui.tui.screens.walk import WalkScreen
from tests.support.podman import BUSYBOX, Bench
from tests.tui.support import drawn, running, shows, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(400)]
NAME = "tui-apply-web"


async def test_a_service_with_data_is_tried_applied_confirmed_and_taken_back(
    podman: Bench, service_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def state() -> str:
        return podman.podman("inspect", "--format", "{{.HostConfig.PidsLimit}} {{.Id}}", NAME)

    podman.run(NAME, "--network", "none", "--pids-limit", "-1", service_image)
    note = tmp_path / "note"
    note.write_text("mine")
    podman.podman("cp", str(note), f"{NAME}:/var/lib/nginx/note")
    before = state()
    app = HardenApp(lambda: FirstLook.open(Selection(url=podman.url)), environ={})
    try:
        async with running(app, (80, 24)) as pilot:
            await until(pilot, lambda: app.session.host is not None)
            await pilot.press("slash", *NAME, "enter", "enter")
            await until(pilot, lambda: isinstance(app.screen, WalkScreen))
            await pilot.press("walk.likely", "t")
            await until(pilot, lambda: isinstance(app.screen, ChangeScreen))
            await shows(pilot, "Enter starts the trial")
            await pilot.press("enter")
            await until(pilot, lambda: "hardened twin works" in drawn(app), 150)
            await pilot.press("space", shows="Data it wrote: discarded")
            await pilot.press("space", shows="has data in its writable layer")
            await pilot.press("enter", shows="It cannot be applied")
            assert state() == before, "nothing happens while the loss of data is refused"
            await pilot.press("space", shows="Enter applies it")
            await pilot.press("d", shows="What will be done")
            await shows(pilot, "changes the container")
            await pilot.press("enter")
            await until(pilot, lambda: "K keeps it" in drawn(app))
            assert state() != before
            await shows(pilot, f" {NAME} › harden")
            await pilot.press("K")
            await until(pilot, lambda: "Kept, stopped" in drawn(app) and "K keeps it" not in drawn(app))
            await shows(pilot, "pass")
            await pilot.press("u", shows=("Undo it?", "y yes"))
            await pilot.press("y", shows="everything is as before")
            assert "pass" not in drawn(app), "what was proven holds no longer"
            assert state() == before
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, WalkScreen))  # the trial is over
            await shows(pilot, f" {NAME} › ")
            await pilot.press("J")
            await until(pilot, lambda: isinstance(app.screen, JournalScreen))
            await shows(pilot, NAME, "rolled-back")
        assert state() == before
        assert podman.podman("inspect", "--format", "{{.State.Running}}", NAME) == "true"
    finally:
        for name in podman.podman("ps", "-a", "--format", "{{.Names}}").split():
            if name.startswith(NAME):
                podman.remove(name)


async def test_an_apply_without_a_trial_reads_what_the_scan_left_out(
    podman: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan does not read the changed files; nothing has to be pressed for the apply to know them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    podman.run(NAME, "--network", "none", "--pids-limit", "-1", BUSYBOX, "sleep", "999")
    app = HardenApp(lambda: FirstLook.open(Selection(url=podman.url)), environ={})
    try:
        async with running(app, (80, 24)) as pilot:
            await pilot.press("slash", *NAME, "enter", "enter")
            await until(pilot, lambda: isinstance(app.screen, WalkScreen))
            await pilot.press("walk.likely", "A")
            await until(pilot, lambda: isinstance(app.screen, ChangeScreen))
            await until(pilot, lambda: "What will be done" in drawn(app))
    finally:
        podman.remove(NAME)
