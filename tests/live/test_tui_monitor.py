"""Watching a container in the terminal UI on a real Podman: what happens in it appears by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from tests.support.podman import BUSYBOX, Bench
from tests.tui.support import drawn, running, shows, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]
NAME = "tui-watched"


async def test_a_session_in_the_container_raises_alarms_that_stay(
    podman: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    podman.run(NAME, "--memory", "64m", BUSYBOX, "sh", "-c", "while true; do echo beat; sleep 1; done")
    app = HardenApp(lambda: FirstLook.open(Selection(url=podman.url)), environ={})
    try:
        async with running(app, (120, 50)) as pilot:
            await until(pilot, lambda: app.session.host is not None)
            await pilot.press("slash", *NAME, "enter", "m")
            await shows(pilot, f"{NAME} › monitor", "limit 64.0 MiB", "beat")
            assert "event-exec" not in drawn(app)
            podman.podman("exec", NAME, "sh", "-c", "echo x > /etc/evil")
            await until(pilot, lambda: "a session was opened in it" in drawn(app))
            await until(pilot, lambda: "Earlier alarms" in drawn(app))
            assert "a session was opened in it" in drawn(app), "the event is over, and still told"
            podman.remove(NAME)
            await until(pilot, lambda: "The container is gone" in drawn(app))
            await pilot.press("escape")
            await until(pilot, lambda: not any(worker.group == "monitor" for worker in app.workers))
    finally:
        podman.remove(NAME)
