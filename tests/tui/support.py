"""Driving the app in tests: start it, wait for conditions, read the screen."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

from textual import events
from textual.dom import DOMNode
from textual.geometry import Size
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.pilot import Pilot
from textual.widgets import Static

from hardentui.tui.app import HardenApp
from tests.tui.replayed import Host

NOON = datetime(2026, 1, 2, 12, 0, 0)

_PATIENCE = 30.0
"""Seconds after which a condition will not come true any more: a green test does not need them."""
_SLICE = 0.002
"""Seconds in which threads may go on before a condition is looked at again."""


class Driver:
    """Types into a running app. Waits for messages to be handled, where Textual's own pilot waits until the
    process is idle for a while."""

    def __init__(self, pilot: Pilot[None]) -> None:
        self._pilot = pilot
        self.app = pilot.app

    async def press(self, *keys: str) -> None:
        for key in keys:
            self._type(key)
            await self.pause()

    def _type(self, key: str) -> None:
        if len(key) == 1 and not key.isalnum():
            key = _character_to_key(key)
        try:
            character: str | None = unicodedata.lookup(
                _get_unicode_name_from_key(REPLACED_KEYS.get(key, key))
            )
        except KeyError:
            character = key if len(key) == 1 else None
        event = events.Key(key, character)
        event.set_sender(self.app)
        assert self.app._driver is not None
        self.app._driver.send_message(event)

    async def pause(self) -> None:
        """Until every widget has handled what it was sent, and what came of that.

        A key climbs from the focused widget to the screen through a queue at each level, so a round in which
        nothing changed is not the end while a message is still under way.
        """
        before: object = None
        while (now := await self._round()) != before or self._under_way():
            before = now

    def _under_way(self) -> bool:
        if self.app._exit or self.app._exception is not None:
            return False  # nobody takes messages any more
        pumps = (self.app, *self.app.screen.walk_children(with_self=True))
        return any(pump.is_running and pump._message_queue.qsize() for pump in pumps)

    async def _round(self) -> object:
        await self._answered()
        screen = self.app.screen
        screen._on_timer_update()
        return screen, len(screen.query("*")), screen.is_running, self.app.focused

    async def _answered(self) -> None:
        """Until every widget of the screen has handled what it was sent before now.

        Textual's own wait fails after 30 s when a widget is removed meanwhile: that one never answers.
        """
        waiting: set[DOMNode] = set()
        all_answered = asyncio.Event()

        def answer(node: DOMNode) -> None:
            waiting.discard(node)
            if not waiting:
                all_answered.set()

        for node in (self.app, *self.app.screen.walk_children(with_self=True)):
            if node.call_later(answer, node):
                waiting.add(node)
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while any(not (node._pruning or node._closing or node._closed) for node in waiting):
            if self.app._exit or self.app._exception is not None:
                return
            assert asyncio.get_running_loop().time() < deadline, f"no answer of {waiting}"
            with suppress(TimeoutError):
                await asyncio.wait_for(all_answered.wait(), 0.05)

    async def click(self, *arguments: Any, **named: Any) -> None:
        await self._pilot.click(*arguments, **named)

    async def resize_terminal(self, width: int, height: int) -> None:
        await self._pilot.resize_terminal(width, height)


def make_app(host: Host, **over: Any) -> HardenApp:
    return HardenApp(host.first_look, now=lambda: NOON, **{"environ": {}, **over})


@asynccontextmanager
async def started(app: HardenApp, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Driver]:
    """The app, as soon as it takes keys."""
    async with app.run_test(size=size, notifications=True) as pilot:
        app.animation_level = "none"
        # a busy machine may draw the next thing only after Textual's 5 s
        app.NOTIFICATION_TIMEOUT = 15.0  # type: ignore[misc]
        yield Driver(pilot)


@asynccontextmanager
async def running(app: HardenApp, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Driver]:
    """The app, with its first scan done."""
    async with started(app, size) as pilot:
        await until(pilot, lambda: app.session.failure is not None or app.session.bench is not None)
        await until(pilot, lambda: app.session.progress is None)
        yield pilot


async def until(pilot: Driver, condition: Callable[[], bool], seconds: float = _PATIENCE) -> None:
    """Wait for a condition; fails when it does not come true."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        assert loop.time() < deadline, f"it never came true; the screen:\n{screen_text(pilot.app)}"
        await pilot.pause()
        await asyncio.sleep(_SLICE)
    await pilot.pause()


async def shows(pilot: Driver, *texts: str) -> None:
    """Wait until all of these stand on the screen."""
    await until(pilot, lambda: all(text in screen_text(pilot.app) for text in texts))


async def scrolled(pilot: Driver, key: str, *texts: str) -> None:
    """Press a key that scrolls until all of these stand on the screen.

    A text that was just drawn may not have been laid out yet, and then there is nothing to scroll.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE
    while not all(text in screen_text(pilot.app) for text in texts):
        assert loop.time() < deadline, f"it never came true; the screen:\n{screen_text(pilot.app)}"
        await pilot.press(key)


def screen_lines(app: Any) -> list[str]:
    """What a terminal would show now, line by line, trailing blanks removed."""
    size: Size = app.size
    strips = app.screen._compositor.render_strips(size)
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def screen_text(app: Any) -> str:
    return "\n".join(screen_lines(app))


def drawn(app: Any) -> str:
    """All that the texts of a screen say, whether they are scrolled into view or not."""
    return "\n".join(str(widget.render()) for widget in app.screen.query(Static))
