"""Changing the unit that a container runs from where systemd reads it: real files, real checks of
them."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Button, Checkbox, Input

from hardentui.features.fix.drafter import Drafter
from hardentui.features.fix.saving import OwnUnit
from hardentui.features.views import Report
from hardentui.host.files import LocalFiles
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.widgets.page import DiffView
from tests.support.units import QUADLET, service_of
from tests.tui.replayed import Host
from tests.tui.support import Driver, at_home, make_app, running, screen_text, shows, until, writes

SIZES = [(60, 16), (200, 60)]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the units of this user lie."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for directory in ("containers/systemd", "systemd/user"):
        (tmp_path / directory).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def quadlet(config: Path) -> Path:
    path = config / "containers" / "systemd" / "web.container"
    path.write_text(QUADLET)
    return path


@pytest.fixture
def linked(quadlet: Path) -> Path:
    """The unit's file is a link, and so is the directory of its drop-ins; returns the real file."""
    real = quadlet.with_name("real.txt")
    quadlet.rename(real)
    quadlet.symlink_to(real)
    (quadlet.parents[2] / "elsewhere").mkdir()
    quadlet.with_name("web.container.d").symlink_to(quadlet.parents[2] / "elsewhere")
    return real


def _read(path: Path) -> str:
    return path.read_text()


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _web(*, local: bool = True) -> Host:
    """A stopped container of this user's own engine that says it runs from web.service."""
    host = Host(
        ("cache", "web"),
        files=LocalFiles(),
        real=True,
    )
    host.stop("web")
    host.made_of(
        "web",
        "docker.io/library/web:1",
        unit="web.service",
    )
    host.document["engines"] = [engine for engine in host.document["engines"] if engine["rootless"]]
    (engine,) = host.document["engines"]
    engine.update(
        uid=os.geteuid(), local=local, url=f"unix:///run/user/{os.geteuid()}/podman/podman.sock"
    )
    return host


@asynccontextmanager
async def _writing(
    size: tuple[int, int] = (100, 30),
    host: Host | None = None,
    keys: str = "Fw",
) -> AsyncIterator[tuple[HardenApp, Driver, HardenScreen]]:
    host = host or _web()
    async with at_home(host, size) as (app, pilot):
        app.open_walk(host.key("web"))
        await shows(pilot, "score")
        await pilot.press(*keys)
        await until(pilot, lambda: writes(app))
        screen = app.screen
        assert isinstance(screen, HardenScreen)
        await until(
            pilot,
            lambda: all(worker.is_finished for worker in app.workers if worker.group != "watch"),
        )
        yield app, pilot, screen


def _ticked(screen: HardenScreen) -> set[str]:
    return {str(box.id) for box in screen.query(Checkbox) if box.value}


async def tick(
    app: HardenApp,
    pilot: Driver,
    name: str,
) -> None:
    """Reach a tick with the keyboard and press it."""
    box = app.screen.query_one(f"#{name}", Checkbox)
    await until(pilot, lambda: box.region.height > 0)
    for _ in range(20):
        if app.focused is box:
            break
        await pilot.press("shift+tab")
    assert app.focused is box, app.focused
    was = box.value
    await pilot.press("space")
    await until(pilot, lambda: box.value is not was)


async def test_who_writes_before_the_unit_is_found_gets_the_unit(
    quadlet: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pressed, own_unit = threading.Event(), Drafter.own_unit

    def slow(drafter: Drafter, report: Report) -> OwnUnit | None:
        assert pressed.wait(60)
        return own_unit(drafter, report)

    monkeypatch.setattr(Drafter, "own_unit", slow)
    host = _web()
    app = make_app(host)
    out = quadlet.parents[2] / "out"
    app.session.directory = str(out)
    async with running(app, (100, 30)) as pilot:
        app.open_walk(host.key("web"))
        await shows(pilot, "score")
        await pilot.press(*"Fw")
        await until(pilot, lambda: writes(app))
        screen = app.screen
        assert isinstance(screen, HardenScreen)
        await until(pilot, lambda: not screen.query_one("#write", Button).disabled)
        await pilot.press("ctrl+s", shows="Generating the files")
        assert not out.exists()
        pressed.set()
        await shows(pilot, "next:")
        assert _ticked(screen) == {"unit"}
    assert "# Ask Anna" in (out / "web.container").read_text(), "it is the unit's own text, changed"


@pytest.mark.parametrize("size", SIZES)
async def test_the_file_is_changed_in_place_and_the_next_steps_are_told(
    size: tuple[int, int],
    quadlet: Path,
) -> None:
    async with _writing(size) as (app, pilot, screen):
        assert _ticked(screen) == {"unit"}, "a second unit for the container is the exception"
        await tick(app, pilot, "in-place")
        await until(pilot, lambda: not screen.query_one("#write", Button).disabled)
        app.clear_notifications()  # they would hide the hint
        await shows(pilot, "in place", "web.container.bak")
        assert "Goes to" not in screen_text(app)
        assert _read(quadlet) == QUADLET
        await pilot.press("ctrl+s")
        await shows(
            pilot, "replaced", "next:", "systemctl --user daemon-reload", "restart web.service"
        )
        assert not app.session.unwritten
        await pilot.press("ctrl+s")
        await until(
            pilot, lambda: any("nothing to write" in said.message for said in app._notifications)
        )
    text = _read(quadlet)
    assert "NoNewPrivileges=true" in text
    assert "# Ask Anna before you change it!" in text
    assert "# Oddly=kept" in text
    assert quadlet.with_name("web.container.bak").read_text() == QUADLET
    assert not (quadlet.parents[2] / "hardened").exists()


async def test_a_drop_in_leaves_the_file_alone_and_takes_the_place_of_the_edit(
    quadlet: Path,
) -> None:
    async with _writing() as (app, pilot, screen):
        await tick(app, pilot, "drop-in")
        assert _ticked(screen) == {"drop-in"}
        await tick(app, pilot, "in-place")
        await shows(pilot, "web.container.d/50-hardentui.conf (new)")
        await pilot.press("ctrl+s", shows="next:")
    assert _read(quadlet) == QUADLET
    drop_in = quadlet.with_name("web.container.d") / "50-hardentui.conf"
    assert "NoNewPrivileges=true" in _read(drop_in)


async def test_in_place_goes_together_with_files_for_a_directory(
    quadlet: Path,
    config: Path,
) -> None:
    async with _writing() as (app, pilot, _):
        await tick(app, pilot, "in-place")
        await tick(app, pilot, "plan")
        await shows(pilot, "Goes to", "in place")
        await pilot.press("ctrl+s", shows=("web-plan.toml", "next:"))
    assert {path.name for path in (config / "hardened").iterdir()} == {"web-plan.toml"}
    assert "NoNewPrivileges=true" in _read(quadlet)


async def test_without_in_place_the_changed_unit_goes_into_the_directory(
    quadlet: Path,
    config: Path,
) -> None:
    async with _writing() as (_, pilot, _):
        await shows(
            pilot,
            "It runs from",
            "'In place' changes it there",
        )
        await pilot.press("ctrl+s")
        await shows(
            pilot,
            "web.container",
            "new",
            "next:",
            "daemon-reload",
            "hardentui check web",
        )
    assert _read(quadlet) == QUADLET
    assert "NoNewPrivileges=true" in (config / "hardened" / "web.container").read_text()


async def test_a_link_is_never_written_through(
    linked: Path,
    config: Path,
) -> None:
    async with _writing() as (app, pilot, screen):
        assert _ticked(screen) == {"drop-in"}
        assert not screen.query_one("#unit").display
        await tick(app, pilot, "in-place")
        await shows(pilot, "is a symbolic link")
        assert screen.query_one("#write", Button).disabled
        assert "sudo" not in screen_text(app), "root would not write through it either"
        await pilot.press("ctrl+s", shows="nothing to write")
    assert _read(linked) == QUADLET
    assert list((config / "elsewhere").iterdir()) == []


async def test_a_generated_service_gets_a_drop_in(config: Path) -> None:
    (config / "systemd" / "user" / "web.service").write_text(service_of("web"))
    async with _writing() as (app, pilot, screen):
        assert _ticked(screen) == {"drop-in"}
        await tick(app, pilot, "in-place")
        await shows(pilot, "web.service.d/50-hardentui.conf (new)")


async def test_a_unit_on_another_machine_says_what_to_run_there(quadlet: Path) -> None:
    async with _writing(host=_web(local=False)) as (app, pilot, screen):
        await shows(
            pilot, "on the engine's machine", "hardentui fix web --plan", "--to unit --in-place"
        )
        assert "sudo" not in screen_text(app)
        assert not screen.query_one("#own").display
        assert _ticked(screen) == {"quadlet"}


async def test_a_unit_that_changes_meanwhile_is_not_overwritten(quadlet: Path) -> None:
    async with _writing() as (app, pilot, screen):
        await tick(app, pilot, "in-place")
        await shows(pilot, "web.container.bak")
        mine = QUADLET.replace("[Service]", "Label=mine=1\n\n[Service]")
        _write(quadlet, mine)
        await pilot.press("ctrl+s", shows=("Not written", "changed meanwhile"))
        assert _read(quadlet) == mine
        await until(pilot, lambda: not screen.query_one("#write", Button).disabled)
        await pilot.press("ctrl+s", shows="next:")
    assert "NoNewPrivileges=true" in _read(quadlet)
    assert quadlet.with_name("web.container.bak").read_text() == mine


async def test_without_a_fix_nothing_of_the_unit_is_offered(quadlet: Path) -> None:
    async with _writing(keys="w") as (_, pilot, screen):
        await shows(pilot, "Chosen fixes can be applied to it there")
        assert not screen.query_one("#own").display
        assert _ticked(screen) == {"quadlet"}


async def test_the_directory_of_before_is_offered_for_the_next_container(
    quadlet: Path,
    config: Path,
) -> None:
    async with _writing() as (app, pilot, screen):
        screen.query_one("#directory", Input).value = "units"
        await pilot.press("ctrl+s")
        await until(pilot, (config / "units" / "web.container").exists)
        await pilot.press("escape", "w")
        await until(pilot, lambda: writes(app) and app.screen is not screen)
        assert app.screen.query_one("#directory", Input).value == "units"


async def test_the_difference_begins_with_that_of_its_unit(quadlet: Path) -> None:
    host = _web()
    async with at_home(host, (100, 60)) as (app, pilot):
        app.open_walk(host.key("web"))
        await shows(pilot, "score")
        await pilot.press(
            "F",
            "d",
            shows=("Quadlet", "script", "edit its file", "drop-in"),
        )
        await shows(
            pilot,
            f"--- today{quadlet}"[:60],
            "+NoNewPrivileges=true",
        )
        await pilot.press("n")
        assert isinstance(app.focused, DiffView), "the difference has the focus, not the directory"
