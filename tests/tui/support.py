"""Driving the app in tests: start it, wait for conditions, read the screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from textual.geometry import Size
from textual.pilot import Pilot

from hardentui.tui.app import HardenApp

NOON = datetime(2026, 1, 2, 12, 0, 0)
Driver = Pilot[None]


def make_app(bench: Any, **over: Any) -> HardenApp:
    return HardenApp(lambda: bench, now=lambda: NOON, **{"environ": {}, **over})


@asynccontextmanager
async def running(app: HardenApp, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Driver]:
    """The app, with its first scan done."""
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.session.failure is not None or app.session.bench is not None)
        await until(pilot, lambda: app.session.progress is None)
        yield pilot


async def until(pilot: Driver, condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for a condition; fails when it does not come true."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        assert loop.time() < deadline, f"it never came true; the screen:\n{screen_text(pilot.app)}"
        await pilot.pause(0.01)
    await pilot.pause()


async def shows(pilot: Driver, *texts: str) -> None:
    """Wait until all of these stand on the screen."""
    await until(pilot, lambda: all(text in screen_text(pilot.app) for text in texts))


async def scrolled(pilot: Driver, key: str, *texts: str) -> None:
    """Press a key that scrolls until all of these stand on the screen.

    A text that was just drawn may not have been laid out yet, and then there is nothing to scroll.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 10
    while not all(text in screen_text(pilot.app) for text in texts):
        assert loop.time() < deadline, f"it never came true; the screen:\n{screen_text(pilot.app)}"
        await pilot.press(key)
        await pilot.pause(0.05)


def screen_lines(app: Any) -> list[str]:
    """What a terminal would show now, line by line, trailing blanks removed."""
    size: Size = app.size
    strips = app.screen._compositor.render_strips(size)
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def screen_text(app: Any) -> str:
    return "\n".join(screen_lines(app))
