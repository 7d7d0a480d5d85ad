"""The terminal UI on a real Podman: a change, the network map and rights, the log pager,
monitoring."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.change import ChangeScreen
from hardentui.tui.screens.container import LogView, RightsScreen
from hardentui.tui.screens.job import JobScreen
from hardentui.tui.screens.journal import JournalScreen
from hardentui.tui.screens.networks import NetworksScreen
from hardentui.tui.screens.walk import WalkScreen
from tests.support.podman import BUSYBOX, Bench
from tests.tui.support import drawn, running, shows, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(400)]
NAME = "tui-web"
WAYS = ("way-client", "way-server")
LOOP = (
    'i=0; while true; do i=$((i+1)); echo "beat $i \\033[2J"; echo "DB_PASSWORD=hunter2-live"; '
    'echo "bad $i" >&2; sleep 0.2; done'
)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def app_on(bench: Bench) -> HardenApp:
    return HardenApp(lambda: FirstLook.open(Selection(url=bench.url)), environ={})


async def test_a_service_with_data_is_tried_applied_confirmed_and_taken_back(
    podman: Bench,
    service_image: str,
    tmp_path: Path,
) -> None:

    def state() -> str:
        return podman.podman(
            "inspect",
            "--format",
            "{{.HostConfig.PidsLimit}} {{.Id}}",
            NAME,
        )

    podman.run(
        NAME,
        "--network",
        "none",
        "--pids-limit",
        "-1",
        service_image,
    )
    note = tmp_path / "note"
    note.write_text("mine")
    podman.podman(
        "cp",
        str(note),
        f"{NAME}:/var/lib/nginx/note",
    )
    before = state()
    app = app_on(podman)
    try:
        async with running(app, (80, 24)) as pilot:
            await until(pilot, lambda: app.session.host is not None)
            await pilot.press(
                "slash",
                *NAME,
                "enter",
                "enter",
                opens=WalkScreen,
            )
            await pilot.press(
                "walk.likely", "t", opens=ChangeScreen, shows="Enter starts the trial"
            )
            await pilot.press("enter")
            await until(
                pilot,
                lambda: "hardened twin works" in drawn(app),
                150,
            )
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
            await until(
                pilot, lambda: "Kept, stopped" in drawn(app) and "K keeps it" not in drawn(app)
            )
            await shows(pilot, "pass")
            await pilot.press("u", shows=("Undo it?", "y yes"))
            await pilot.press("y", shows="everything is as before")
            assert "pass" not in drawn(app), "what was proven holds no longer"
            assert state() == before
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, WalkScreen))  # the trial is over
            await shows(pilot, f" {NAME} › ")
            await pilot.press("J", opens=JournalScreen)
            await shows(pilot, NAME, "rolled-back")
        assert state() == before
        assert (
            podman.podman(
                "inspect",
                "--format",
                "{{.State.Running}}",
                NAME,
            )
            == "true"
        )
    finally:
        for name in podman.podman(
            "ps",
            "-a",
            "--format",
            "{{.Names}}",
        ).split():
            if name.startswith(NAME):
                podman.remove(name)


async def test_an_apply_without_a_trial_reads_what_the_scan_left_out(podman: Bench) -> None:
    """A scan does not read the changed files; nothing has to be pressed for the apply to know them."""
    podman.run(
        NAME,
        "--network",
        "none",
        "--pids-limit",
        "-1",
        BUSYBOX,
        "sleep",
        "999",
    )
    app = app_on(podman)
    try:
        async with running(app, (80, 24)) as pilot:
            await pilot.press(
                "slash",
                *NAME,
                "enter",
                "enter",
                opens=WalkScreen,
            )
            await pilot.press("walk.likely", "A", opens=ChangeScreen)
            await until(pilot, lambda: "What will be done" in drawn(app))
    finally:
        podman.remove(NAME)


async def test_a_way_is_proven_contacts_are_seen_and_rights_are_those_of_the_kernel(
    podman: Bench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hardentui.tui.screens.networks.WATCH", 2.0)
    podman.podman("network", "create", "ways")
    app = app_on(podman)
    try:
        podman.run(
            "way-server", "--network", "ways", BUSYBOX, "nc", "-ll", "-p", "5432", "-e", "cat"
        )
        talk = "while true; do (sleep 5) | nc way-server 5432; sleep 1; done"
        podman.run(
            "way-client", "--network", "ways", "--cap-drop", "all", BUSYBOX, "sh", "-c", talk
        )
        async with running(app, (120, 50)) as pilot:
            await until(pilot, lambda: app.session.host is not None)
            await pilot.press("M", opens=NetworksScreen)
            await pilot.press("t", *"way-client way-server:5432", "enter")
            await until(pilot, lambda: "the map says" in drawn(app))
            text = " ".join(drawn(app).split())
            assert "outcome connected" in text
            assert "the map says reachable" in text
            await pilot.press(
                "escape", "networks.outgoing", *"way-client", "enter", opens=JobScreen
            )
            await until(pilot, lambda: "What way-client contacts" in drawn(app))
            assert ":5432 container way-server" in " ".join(drawn(app).split())
            await pilot.press(
                "escape",
                "escape",
                "slash",
                *"way-client",
                "enter",
                "home.rights",
            )
            await until(
                pilot, lambda: isinstance(app.screen, RightsScreen) and "Security" in drawn(app)
            )
            assert "It has no capability and can gain none" in " ".join(drawn(app).split())
    finally:
        podman.remove(*WAYS)
        podman.podman("network", "rm", "-f", "ways")


async def test_the_log_is_followed_to_its_end(podman: Bench) -> None:
    podman.run(NAME, BUSYBOX, "sh", "-c", LOOP)
    app = app_on(podman)
    try:
        async with running(app, (100, 30)) as pilot:
            await pilot.press(
                "slash",
                *NAME,
                "enter",
                shows=f"▸ {NAME}",
            )
            await until(
                pilot, lambda: all(row.report is not None for row in app.session.rows.values())
            )
            await pilot.press("l")
            await shows(
                pilot, f"{NAME} › log", "following", "beat", "DB_PASSWORD=(withheld)", "! bad"
            )
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


async def test_a_session_in_the_container_raises_alarms_that_stay(podman: Bench) -> None:
    podman.run(
        NAME, "--memory", "64m", BUSYBOX, "sh", "-c", "while true; do echo beat; sleep 1; done"
    )
    app = app_on(podman)
    try:
        async with running(app, (120, 50)) as pilot:
            await until(pilot, lambda: app.session.host is not None)
            await pilot.press("slash", *NAME, "enter", "m")
            await shows(
                pilot,
                f"{NAME} › monitor",
                "limit 64.0 MiB",
                "beat",
            )
            assert "event-exec" not in drawn(app)
            podman.podman(
                "exec",
                NAME,
                "sh",
                "-c",
                "echo x > /etc/evil",
            )
            await until(pilot, lambda: "a session was opened in it" in drawn(app))
            await until(pilot, lambda: "Earlier alarms" in drawn(app))
            assert "a session was opened in it" in drawn(app), "the event is over, and still told"
            podman.remove(NAME)
            await until(pilot, lambda: "The container is gone" in drawn(app))
            await pilot.press("escape")
            await until(
                pilot,
                lambda: not any(worker.group == "monitor" for worker in app.workers),
            )
    finally:
        podman.remove(NAME)
