"""Driving the app in tests: start it, wait for conditions, read the screen."""

from __future__ import annotations

import asyncio
import itertools
import time
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from textual import events
from textual._compositor import Compositor
from textual.geometry import Size
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from hardentui.tui.app import HardenApp
from tests.tui.replayed import Host

NOON = datetime(2026, 1, 2, 12, 0, 0)

_PATIENCE = 30.0
"""Seconds after which a condition will not come true any more: a green test does not need them."""
_SLICE = 0.002
"""Seconds in which threads may go on before a condition is looked at again."""

_DRAW = Compositor.render_update


class Driver:
    """Types into a running app. Waits for messages to be handled, where Textual's own pilot waits
    until the process is idle for a while. What an app without a terminal shows is drawn when it
    comes to rest."""

    def __init__(self, pilot: Pilot[None]) -> None:
        self._pilot = pilot
        self.app = pilot.app

    async def press(
        self,
        *keys: str,
        opens: type[Screen[Any]] | None = None,
        shows: str | tuple[str, ...] = (),
    ) -> None:
        """Press keys one after another, and wait until that screen is open and shows these texts.

        `home.reverse` stands for choosing that action in the palette.
        """
        for key in keys[:-1]:
            self._type(key)
            await self.pause(draw=False)
        await self.type_ahead(*keys[-1:])
        if opens:
            await until(self, lambda: isinstance(self.app.screen, opens))
        if shows:
            await _until_shown(self, (shows,) if isinstance(shows, str) else shows)

    async def type_ahead(self, *keys: str) -> None:
        """They arrive at once, as over a slow line."""
        for key in keys:
            self._type(key)
        await self.pause()

    def _type(self, key: str) -> None:
        if key.partition(".")[2]:  # an action without a key of its own, by its name
            key = f"no-key-{key}"
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
        self.app.post_message(event)

    async def pause(self, *, draw: bool = True) -> None:
        """Until every widget waits for its next message, and the screen is drawn as it is then;
        between keys that follow each other nobody looks."""
        while True:
            await self._quiet()
            self.app.screen._on_timer_update()  # now, not with the next frame
            if not self._busy() and not (draw and self._draw()):
                return

    def _draw(self) -> bool:
        """Whether anything had to be drawn."""
        screen = self.app.screen
        if self.app._exit or not screen._compositor._dirty_regions:
            return False
        _DRAW(screen._compositor, screen_stack=self.app._background_screens)
        return True

    async def _quiet(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        for turn in itertools.count():
            if not (busy := self._busy()):
                return
            assert turn % 100 or time.monotonic() < deadline, f"never done: {busy}"
            # a handler that waits for something else than messages, such as a thread, gets time for
            # it
            await asyncio.sleep(0 if turn < 100 else _SLICE)

    def _busy(self) -> MessagePump | None:
        """A widget that handles a message, or has got one."""
        if self.app._exit or self.app._exception is not None:
            return None  # nobody takes messages any more
        return next(
            (pump for pump in (self.app, *self.app._registry) if not _waits(pump)),
            None,
        )

    async def click(self, *arguments: Any, **named: Any) -> None:
        await self._pilot.click(*arguments, **named)

    async def hover(self, *arguments: Any, **named: Any) -> None:
        await self._pilot.hover(*arguments, **named)

    async def resize_terminal(
        self,
        width: int,
        height: int,
    ) -> None:
        await self._pilot.resize_terminal(width, height)


def _waits(pump: MessagePump) -> bool:
    """Whether it waits for its next message, or has ended."""
    if pump._task is None or pump._task.done():
        return True
    came: Any = pump._message_queue.ready_event
    return not came.is_set() and any(not waiting.done() for waiting in came._waiters)


def make_app(host: Host, **over: Any) -> HardenApp:
    return HardenApp(
        host.first_look,
        now=lambda: NOON,
        **{"environ": {}, **over},
    )


@asynccontextmanager
async def started(
    app: HardenApp,
    size: tuple[int, int] = (80, 24),
    *,
    every_frame: bool = False,
) -> AsyncIterator[Driver]:
    """The app, as soon as it takes keys.

    Args:
        every_frame: draw also what is there for a moment only, as in a terminal.
    """
    with pytest.MonkeyPatch.context() as patch:
        if not every_frame:
            patch.setattr(
                Compositor,
                "render_update",
                lambda *_, **__: None,
            )
        async with app.run_test(size=size, notifications=True) as pilot:
            app.animation_level = "none"
            # a busy machine may draw the next thing only after Textual's 5 s
            app.NOTIFICATION_TIMEOUT = 15.0  # type: ignore[misc]
            yield Driver(pilot)


@asynccontextmanager
async def running(
    app: HardenApp,
    size: tuple[int, int] = (80, 24),
    *,
    every_frame: bool = False,
) -> AsyncIterator[Driver]:
    """The app, with its first scan done."""
    async with started(app, size, every_frame=every_frame) as pilot:
        await until(
            pilot,
            lambda: app.session.failure is not None or app.session.bench is not None,
        )
        await until(pilot, lambda: app.session.progress is None)
        yield pilot


@asynccontextmanager
async def at_home(
    host: Host,
    size: tuple[int, int] = (80, 24),
    **over: Any,
) -> AsyncIterator[tuple[HardenApp, Driver]]:
    """An app on that host, with its first scan done."""
    app = make_app(host, **over)
    async with running(app, size) as pilot:
        yield app, pilot


async def until(
    pilot: Driver,
    condition: Callable[[], bool],
    seconds: float = _PATIENCE,
) -> None:
    """Wait for a condition; fails when it does not come true."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    for turn in itertools.count():
        if condition():
            break
        assert loop.time() < deadline, f"it never came true; the screen:\n{screen_text(pilot.app)}"
        await pilot.pause()
        await asyncio.sleep(
            _SLICE if turn < 100 else 10 * _SLICE
        )  # what takes long needs the processor
    await pilot.pause()


async def shows(pilot: Driver, *texts: str) -> None:
    """Wait until all of these stand on the screen, each on one line or on lines that follow each
    other."""
    await _until_shown(pilot, texts)


async def _until_shown(pilot: Driver, texts: tuple[str, ...]) -> None:
    def are_there() -> bool:
        screen = screen_text(pilot.app)
        joined = " ".join(screen.split())
        return all(text in screen or text in joined for text in texts)

    await until(pilot, are_there)


async def scrolled(pilot: Driver, key: str, *texts: str) -> None:
    """Press a key that scrolls until all of these stand on the screen.

    A text that was just drawn may not have been laid out yet, and then there is nothing to scroll.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE
    while not all(text in screen_text(pilot.app) for text in texts):
        assert loop.time() < deadline, f"it never came true; the screen:\n{screen_text(pilot.app)}"
        await pilot.press(key)


def writes(app: Any) -> bool:
    """Whether the page of a change shows the files to write."""
    return bool(app.screen.query("WriteFiles #write"))


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
