"""The page of all containers on a real Podman, by its keys alone: tried, struck out, applied, kept,
taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.everything import EverythingScreen
from hardentui.tui.screens.home import HomeScreen
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui
from tests.tui.support import running, screen_text, shows, until

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(900)]
NAMES = ("page-one", "page-two")
_WAITS = ("sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait")
_MOVING = ("State", "NetworkSettings")


@pytest.fixture
def host(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in NAMES:
        podman.run(name, "--network", "none", BUSYBOX, *_WAITS)
    yield podman
    hardentui("harden", "--everything", "--stop", "--url", podman.url)
    kept = podman.podman("ps", "-a", "-q", "--filter", "name=^page-").split()
    podman.remove(*kept)


def _inspected(bench: Bench) -> dict[str, Any]:
    return {
        document["Name"]: {name: value for name, value in document.items() if name not in _MOVING}
        for document in json.loads(bench.podman("inspect", *NAMES))
    }


def _is_read_only(bench: Bench, name: str) -> bool:
    said = bench.podman("inspect", "-f", "{{.HostConfig.ReadonlyRootfs}}", name)
    return said.strip() == "true"


async def test_two_containers_are_hardened_and_taken_back_on_one_page(host: Bench) -> None:
    before = _inspected(host)
    app = HardenApp(lambda: FirstLook.open(Selection(url=host.url)), environ={})
    async with running(app, (120, 36)) as pilot:
        await until(pilot, lambda: app.session.host is not None)
        await pilot.press("X", opens=EverythingScreen, shows="Nothing was tried yet.")
        await pilot.press("t", shows="Hardening 2")
        await pilot.press("escape", opens=HomeScreen, shows="X shows it")
        await pilot.press("X", opens=EverythingScreen)
        await until(pilot, lambda: "2 containers tried" in screen_text(app), 300)
        assert screen_text(app).count("[x]") == 2
        assert _inspected(host) == before, "a trial changes nothing"
        await _strike_out(pilot, "--read-only")
        await pilot.press("A", shows="Harden 2 containers now?")
        await pilot.press("y")
        await until(pilot, lambda: "K keeps all" in screen_text(app), 300)
        await pilot.press("K", shows="2 containers hardened. u undoes it.")
        assert [_is_read_only(host, name) for name in NAMES].count(True) == 1
        await pilot.press("u", shows="Undo 2 containers?")
        await pilot.press("y")
        await until(pilot, lambda: "Everything is as before. Undone by" in screen_text(app), 300)
    assert _inspected(host) == before


async def _strike_out(pilot: Any, text: str) -> None:
    """The fix of the first container that says so."""
    await pilot.press("home", "down", "enter", shows=f"[x] {text}")
    for _ in range(20):
        await pilot.press("down")
        table = pilot.app.screen.table
        if text in str(table.get_row_at(table.cursor_row)[0]):
            await pilot.press("space")
            await shows(pilot, f"[ ] {text}")
            return
    raise AssertionError(screen_text(pilot.app))
