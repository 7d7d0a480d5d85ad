"""The log pager on a real Podman: what a container writes appears by itself, without its secrets."""

from __future__ import annotations

import pytest

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.container import LogView
from tests.support.podman import BUSYBOX, Bench
from tests.tui.support import drawn, running, shows, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]
NAME = "tui-logged"
LOOP = (
    'i=0; while true; do i=$((i+1)); echo "beat $i \\033[2J"; echo "DB_PASSWORD=hunter2-live"; '
    'echo "bad $i" >&2; sleep 0.2; done'
)


async def test_the_log_is_followed_to_its_end(podman: Bench) -> None:
    podman.run(NAME, BUSYBOX, "sh", "-c", LOOP)
    app = HardenApp(lambda: FirstLook.open(Selection(url=podman.url)), environ={})
    try:
        async with running(app, (100, 30)) as pilot:
            await pilot.press("slash", *NAME, "enter", shows=f"▸ {NAME}")
            await until(pilot, lambda: all(row.report is not None for row in app.session.rows.values()))
            await pilot.press("l")
            await shows(pilot, f"{NAME} › log", "following", "beat", "DB_PASSWORD=(withheld)", "! bad")
            assert "hunter2" not in drawn(app)
            log = app.screen.query_one(LogView)
            before = log.count
            await until(pilot, lambda: log.count > before + 20)
            numbers = [
                int(line.rpartition("bad ")[2])
                for line in log.text.splitlines()
                if "! bad" in line or " bad " in line
            ]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), (
                "no line is lost or told twice"
            )
            podman.remove(NAME)
            await shows(pilot, "ended")
    finally:
        podman.remove(NAME)
