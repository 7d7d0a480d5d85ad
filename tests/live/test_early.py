"""What would make every trial of a host fail is found before the first twin, in one sentence: on the
command line and on the screens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from hardentui.features.change.change_lock import lock_directory, locked
from hardentui.features.change.journal import Journal
from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.change import ChangeScreen
from hardentui.tui.screens.everything import EverythingScreen
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui
from tests.tui.support import running, screen_text, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
NAMES = ("early-one", "early-two")
_WAITS = ("sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait")


@pytest.fixture
def host(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    for name in NAMES:
        podman.run(name, "--network", "none", BUSYBOX, *_WAITS)
    yield podman
    podman.remove(*NAMES)


@contextmanager
def _no_pids_controller(bench: Bench, tmp_path: Path) -> Iterator[None]:
    place = "/sys/fs/cgroup/pids"
    if "pids" not in bench.execute("ls", "/sys/fs/cgroup").split():
        pytest.skip("a controller of cgroups v2 cannot be taken away from the bench")
    bench.execute("sh", "-c", f"umount -l {place} && rmdir {place}")
    try:
        yield
    finally:
        mounts = f"mkdir -p {place} && mount -n -t cgroup -o pids cgroup {place}"
        bench.execute("sh", "-c", mounts)


@contextmanager
def _no_room_for_layers(bench: Bench, tmp_path: Path) -> Iterator[None]:
    hardentui("check", "--url", bench.url)  # what Podman says of itself is known from then on
    store = json.loads(bench.podman("info", "--format", "json"))["store"]["graphRoot"]
    bench.execute("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", store)
    try:
        yield
    finally:
        bench.execute("umount", "-l", store)


@contextmanager
def _no_state(bench: Bench, tmp_path: Path) -> Iterator[None]:
    """A file stands where the folder would be."""
    state, aside = tmp_path / "STATE", tmp_path / "aside"
    state.mkdir(exist_ok=True)
    state.rename(aside)
    state.write_text("")
    yield
    state.unlink()
    aside.rename(state)


Obstacle = Callable[[Bench, Path], AbstractContextManager[None]]
OBSTACLES = (
    (_no_pids_controller, "this host lets Podman limit no processes"),
    (_no_room_for_layers, "Not enough space on disk"),
    (_no_state, "cannot be written, so the result could not be kept"),
)


def _twins(bench: Bench) -> str:
    return bench.podman("ps", "-a", "-q", "--filter", "label=hardentui.trial")


@pytest.mark.parametrize(("obstacle", "sentence"), OBSTACLES)
def test_a_command_says_so_once_and_tries_nothing(
    host: Bench,
    tmp_path: Path,
    obstacle: Obstacle,
    sentence: str,
) -> None:
    with obstacle(host, tmp_path):
        done = hardentui("harden", "--everything", "--try", "--url", host.url)
    assert done.returncode in (2, 4), done.stderr
    assert done.stderr.count("Nothing was tried") == done.stderr.count(sentence) == 1, done.stderr
    assert done.stdout == ""
    assert not _twins(host)


async def test_the_page_of_all_says_so_too(host: Bench, tmp_path: Path) -> None:
    app = _app(host)
    async with running(app, (120, 36)) as pilot:
        await until(pilot, lambda: app.session.host is not None)
        await pilot.press("X", opens=EverythingScreen, shows="Nothing was tried yet.")
        for obstacle, sentence in OBSTACLES[1:]:
            with obstacle(host, tmp_path):
                await pilot.press("t")
                await until(pilot, partial(_is_told, app, sentence), 30)
            app.clear_notifications()
    assert not _twins(host)


async def test_the_card_says_so_too(host: Bench, tmp_path: Path) -> None:
    obstacle, sentence = OBSTACLES[0]
    with obstacle(host, tmp_path):
        app = _app(host)
        async with running(app, (120, 36)) as pilot:
            await until(pilot, lambda: app.session.host is not None)
            await pilot.press("X", opens=EverythingScreen, shows="Nothing was tried yet.")
            await pilot.press("t")
            await until(pilot, partial(_is_told, app, sentence), 30)
            await pilot.press("escape")
            await pilot.press("h", opens=ChangeScreen)
            await until(pilot, partial(_is_told, app, sentence), 30)
    assert not _twins(host)


def _app(bench: Bench) -> HardenApp:
    return HardenApp(lambda: FirstLook.open(Selection(url=bench.url)), environ={})


def _is_told(app: HardenApp, sentence: str) -> bool:
    """On the screen or in a notification, wherever lines end."""
    notes = (note.message for note in app._notifications)
    return sentence in " ".join([*notes, *screen_text(app).split()])


def test_what_is_being_changed_is_told_before_its_twin_and_the_others_are_tried(
    host: Bench,
) -> None:
    with locked(lock_directory(Journal()), NAMES[0], host.url, "apply"):
        lines = hardentui(
            *("harden", "--everything", "--try", "--url", host.url, "--format", "json"),
            ends=0,
        ).stdout.splitlines()
    told = [json.loads(line) for line in lines]
    members = {member["name"]: member for member in told[-1]["run"]["members"]}
    assert members[NAMES[0]]["standing"] == "not-ready"
    assert "Another change of early-one is running: apply" in members[NAMES[0]]["reason"]
    assert members[NAMES[0]].get("began", 0.0) == 0.0, "no trial of it began"
    assert members[NAMES[1]]["standing"] == "ready"
