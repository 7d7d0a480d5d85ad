"""Watching a container in the terminal UI: looks, stopping, a lost Podman, the container's end."""

from __future__ import annotations

import threading

import pytest
from textual.widgets import Static

from hardentui.features import watch as monitor
from hardentui.model.monitoring import LogLine
from hardentui.tui.screens.container import MonitorScreen, curve
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.walk import WalkScreen
from tests.tui.replayed import some
from tests.tui.support import at_home, drawn, screen_text, shows, until


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardentui.tui.screens.container.INTERVAL", 0.05)
    monkeypatch.setattr("hardentui.tui.screens.container._AGAIN", 0.05)
    monkeypatch.setattr(monitor, "_NEXT_LOOK", 0.01)


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
async def test_one_key_in_the_list_and_in_the_walk_watches_a_container(
    size: tuple[int, int],
) -> None:
    async with at_home(some(), size) as (app, pilot):
        await shows(pilot, "▸ shop-web")
        await pilot.press("m", shows=("shop-web › monitor", "running", "Alarms"))
        assert isinstance(app.screen, MonitorScreen)
        text = drawn(app)
        assert "paths differ from the image" in text
        assert "a simulated host has no logs" in text, "what cannot be checked is told"
        await pilot.press("escape", "enter", opens=WalkScreen)
        await pilot.press("m", shows="shop-web › monitor")
        await pilot.press("escape", opens=WalkScreen)


async def test_it_looks_again_by_itself_until_it_is_left() -> None:
    host = some()
    async with at_home(host) as (app, pilot):
        await shows(pilot, "▸ shop-web")
        await pilot.press("m", shows=("shop-web › monitor", "running"))
        host.inspected()
        await until(
            pilot, lambda: host.requests.count(f"/containers/{host.identity('shop-web')}/json") > 2
        )
        host.stop("shop-web")
        await shows(pilot, "! high", "it is not running")
        await pilot.press("escape", opens=HomeScreen)
        await until(
            pilot,
            lambda: not any(worker.group == "job" for worker in app.workers),
        )
        host.inspected()
        await pilot.pause()
        assert host.inspected() == [], "nothing is read once it is left"


async def test_a_container_that_goes_ends_the_watch_and_its_last_values_stay() -> None:
    host = some()
    async with at_home(host) as (app, pilot):
        await shows(pilot, "▸ shop-web")
        await pilot.press("m", shows=("shop-web › monitor", "running"))
        host.remove("shop-web")
        await shows(pilot, "is gone")
        assert "paths differ from the image" in drawn(app)


async def test_a_lost_podman_is_told_and_asked_again() -> None:
    host = some()
    async with at_home(host) as (app, pilot):
        await shows(pilot, "▸ shop-web")
        await pilot.press("m", shows=("shop-web › monitor", "running"))
        label = host.labels[0]
        host.lose(label, "it is [bold]damaged\x1b[2J")
        await shows(pilot, "[bold]damaged␛[2J", "Retrying")
        host.find(label)
        await until(pilot, lambda: "Retrying" not in screen_text(app))


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
async def test_the_log_is_shown_safely_and_without_secrets(
    size: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lines(
        *_: object,
        stop: threading.Event,
        **__: object,
    ) -> tuple[LogLine, ...]:
        assert not stop.is_set()
        hostile = LogLine(
            "2026-01-02T11:59:59Z",
            "stderr",
            "\x1b[2J[@click=app.quit]x[/]",
        )
        return hostile, LogLine(
            "2026-01-02T12:00:00Z",
            "stdout",
            "DB_PASSWORD=hunter2",
        )

    monkeypatch.setattr(monitor, "read_log", lines)
    async with at_home(some(), size) as (app, pilot):
        await pilot.press("m")

        def log() -> str:
            return str(app.screen.query_one("#text", Static).render())

        await until(
            pilot,
            lambda: isinstance(app.screen, MonitorScreen) and "11:59:59" in log(),
        )
        assert "␛[2J[@click=app.quit]x[/]" in log()
        assert "hunter2" not in log()
        await pilot.press("c")
        await until(pilot, lambda: "DB_PASSWORD=(withheld)" in app.clipboard)
        assert "\x1b" not in app.clipboard


@pytest.mark.parametrize(
    ("values", "ascii_only", "expected"),
    [
        ((), False, ""),
        ((3.0,), False, ""),
        ((0.0, 0.0), False, "▁▁"),
        ((0.0, 5.0, 10.0), False, "▁▅█"),
        ((0.0, 10.0), True, "_#"),
    ],
)
def test_a_curve_is_relative_to_its_largest_value(
    values: tuple[float, ...],
    ascii_only: bool,
    expected: str,
) -> None:
    assert curve(values, ascii_only=ascii_only) == expected
