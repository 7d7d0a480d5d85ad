"""Copying: a container's run command, its Quadlet, its name; safe to paste, secrets masked, notes
told."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from hardentui.remembered import keep_copy
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.reports import CopyScreen
from hardentui.tui.screens.walk import WalkScreen
from tests.tui.replayed import Host, some
from tests.tui.support import Driver, make_app, running, shows, until

SIZES = [(60, 16), (200, 60)]


def _app(host: Host, directory: Path) -> HardenApp:
    return make_app(host, keep=lambda text: keep_copy(text, directory))


def _told(app: HardenApp) -> str:
    return " ".join(f"{notice.title} {notice.message}" for notice in app._notifications)


async def _open(pilot: Driver) -> None:
    await pilot.press("container.copy_as")
    await until(pilot, lambda: isinstance(pilot.app.screen, CopyScreen))


@pytest.mark.parametrize("size", SIZES)
async def test_the_run_command_is_copied_from_the_list_by_number(
    size: tuple[int, int],
    tmp_path: Path,
) -> None:
    app = _app(some(), tmp_path)
    async with running(app, size) as pilot:
        await shows(pilot, "▸ shop-web")
        await _open(pilot)
        await shows(
            pilot,
            "1  podman run command",
            "2  Quadlet",
            "3  name",
            "4  ID",
            "5  image",
        )
        await pilot.press("1", opens=HomeScreen)
        await until(pilot, lambda: "Copied the podman run command" in _told(app))
    words = shlex.split(app.clipboard.splitlines()[-1])
    assert words[:3] == ["podman", "run", "--detach"]
    assert "--name=shop-web" in words
    assert "no-new-privileges" not in app.clipboard, "nothing is hardened unless it was chosen"


async def test_the_walk_also_copies_with_the_chosen_fixes(tmp_path: Path) -> None:
    app = _app(some(), tmp_path)
    async with running(app, (100, 30)) as pilot:
        await pilot.press("enter", "4", "space")
        await until(pilot, lambda: any(app.session.choices.values()))
        await _open(pilot)
        await shows(
            pilot, "3  podman run command with 1 chosen fix", "4  Quadlet with 1 chosen fix"
        )
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: "no-new-privileges" in app.clipboard)
        assert isinstance(app.screen, WalkScreen)
        await _open(pilot)
        await pilot.press("4")
        await until(pilot, lambda: "NoNewPrivileges=true" in app.clipboard)
        await _open(pilot)
        await pilot.press("2")
        await until(
            pilot,
            lambda: "[Container]" in app.clipboard and "NoNew" not in app.clipboard,
        )
        await _open(pilot)
        await pilot.press("escape", opens=WalkScreen)


async def test_secrets_are_masked_and_that_is_told(tmp_path: Path) -> None:
    host = some()
    host.inspect("shop-web")["Config"]["Env"].append("DB_PASSWORD=hunter2")
    host.inspect("shop-web")["Config"]["CreateCommand"].insert(
        2,
        "--env=DB_PASSWORD=hunter2",
    )
    app = _app(host, tmp_path)
    async with running(app, (100, 30)) as pilot:
        await shows(pilot, "▸ shop-web")
        for number in ("1", "2"):
            await _open(pilot)
            await pilot.press(number)
            await until(pilot, lambda: "Its secrets are masked" in _told(app))
            assert "DB_PASSWORD" in app.clipboard
            assert "hunter2" not in app.clipboard + (tmp_path / "last-copy.txt").read_text()
            app.clear_notifications()


async def test_a_hostile_container_cannot_act_when_its_command_is_pasted(tmp_path: Path) -> None:
    host = Host(("shop-web", "web\x03\x1b[2J;reboot"))
    host.inspect("web\x03\x1b[2J;reboot")["Config"]["Cmd"] = ["$(reboot)", "a\nb", "\x15x"]
    app = _app(host, tmp_path)
    async with running(app, (100, 30)) as pilot:
        await _open(pilot)
        await pilot.press("1")
        await until(pilot, lambda: "shown here as symbols" in _told(app))
    assert not {"\x03", "\x1b", "\x15"} & set(app.clipboard)
    words = shlex.split(app.clipboard)
    assert "$(reboot)" in words, "one word, quoted"
    assert "reboot" not in words
