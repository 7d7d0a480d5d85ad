"""The network map and the rights of the terminal UI on a real Podman: real connections, sockets, kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.container import RightsScreen
from hardentui.tui.screens.job import JobScreen
from hardentui.tui.screens.networks import NetworksScreen
from tests.support.podman import BUSYBOX, Bench
from tests.tui.support import drawn, running, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]
NAMES = ("way-client", "way-server")


async def test_a_way_is_proven_contacts_are_seen_and_rights_are_those_of_the_kernel(
    podman: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("hardentui.tui.screens.networks.WATCH", 2.0)
    podman.podman("network", "create", "ways")
    app = HardenApp(lambda: FirstLook.open(Selection(url=podman.url)), environ={})
    try:
        podman.run("way-server", "--network", "ways", BUSYBOX, "nc", "-ll", "-p", "5432", "-e", "cat")
        talk = "while true; do (sleep 5) | nc way-server 5432; sleep 1; done"
        podman.run("way-client", "--network", "ways", "--cap-drop", "all", BUSYBOX, "sh", "-c", talk)
        async with running(app, (120, 50)) as pilot:
            await until(pilot, lambda: app.session.host is not None)
            await pilot.press("M")
            await until(pilot, lambda: isinstance(app.screen, NetworksScreen))
            await pilot.press("t", *"way-client way-server:5432", "enter")
            await until(pilot, lambda: "the map says" in drawn(app))
            text = " ".join(drawn(app).split())
            assert "outcome connected" in text
            assert "the map says reachable" in text
            await pilot.press("escape", "networks.outgoing", *"way-client", "enter")
            await until(pilot, lambda: isinstance(app.screen, JobScreen))
            await until(pilot, lambda: "What way-client contacts" in drawn(app))
            assert ":5432 container way-server" in " ".join(drawn(app).split())
            await pilot.press("escape", "escape", "slash", *"way-client", "enter", "home.rights")
            await until(pilot, lambda: isinstance(app.screen, RightsScreen) and "Security" in drawn(app))
            assert "It has no capability and can gain none" in " ".join(drawn(app).split())
    finally:
        podman.remove(*NAMES)
        podman.podman("network", "rm", "-f", "ways")
