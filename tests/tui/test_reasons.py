"""A key that can do nothing now is grey in the footer, is in no palette, and says why: on every
screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hardentui.tui.action import Action
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.widgets.key_bar import KeyBar
from tests.tui.replayed import Host, nothing, some
from tests.tui.support import Driver, at_home, screen_text, until

SIZES = [(60, 16), (80, 24), (200, 60)]


def _told(app: HardenApp) -> str:
    return " ".join(notice.message for notice in app._notifications)


def _greyed(app: HardenApp) -> set[str]:
    return {key.action for key in app.screen.query_one(KeyBar).keys if not key.enabled}


def _offered(app: HardenApp) -> set[str]:
    """What the footer offers; a page whose work can make files leaves `w` out where it made none."""
    return {key.action for key in app.screen.query_one(KeyBar).keys if key.enabled}


def _settled(app: HardenApp) -> bool:
    """Whether nothing is under way but the watch for events: no reason ends while the test looks."""
    return all(worker.group == "watch" for worker in app.workers if worker.is_running)


def _shop() -> Host:
    return some(simulated=True)


OF_NOBODY = (
    (),
    ("H",),
    ("I",),
    ("M",),
    ("P",),
    ("J",),
    ("app.connection",),
    ("app.commands",),
)
OF_A_SHOP = (
    *(
        ("enter",),
        ("I",),
        ("M",),
        ("M", "networks.split"),
        ("P", "i"),
        ("home.rights",),
        ("l",),
    ),
    *(("enter", "d"), ("enter", "a", "t"), ("enter", "A")),
)


@pytest.mark.parametrize(
    ("host", "ways", "size"),
    [
        (nothing, OF_NOBODY, SIZES[1]),
        (_shop, OF_A_SHOP, SIZES[1]),
        *((nothing, OF_NOBODY[:1], size) for size in SIZES[::2]),
        *((_shop, OF_A_SHOP[:1], size) for size in SIZES[::2]),
    ],
)
async def test_a_key_with_a_reason_is_grey_and_says_it(
    host: Callable[[], Host],
    ways: tuple[tuple[str, ...], ...],
    size: tuple[int, int],
) -> None:
    """Everything that has a reason on this screen: its key tells it and changes nothing."""
    async with at_home(host(), size) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        for way in ways:
            await pilot.press(*way)
            screen: Any = app.screen
            assert isinstance(screen, HardenScreen)
            await until(pilot, lambda: _settled(app))
            for action in screen.ACTIONS:
                name = action.target.partition("(")[0]
                if why := screen.why_not(name):
                    await _says(pilot, action, why)
                    assert app.screen is screen
                    await until(pilot, lambda: action.target not in _offered(app))  # noqa: B023
            shown = {action.target for action in screen.ACTIONS if action.show}
            allowed = {target for target in shown if not screen.why_not(target)}
            await until(pilot, lambda: not allowed & _greyed(app))  # noqa: B023
            while not isinstance(app.screen, HomeScreen):
                await pilot.press("escape")


async def _says(
    pilot: Driver,
    action: Action,
    why: str,
) -> None:
    pilot.app.clear_notifications()
    await pilot.press(action.key.split(",")[0] or action.id)
    await until(pilot, lambda: why in _told(pilot.app))  # type: ignore[arg-type]


async def test_a_key_becomes_possible_as_soon_as_it_is() -> None:
    async with at_home(some()) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: {"trial"} <= _greyed(app))
        assert isinstance(app.screen, WalkScreen)
        await pilot.press("walk.likely")
        await until(pilot, lambda: not {"trial"} & _greyed(app))
        await pilot.press("walk.none")
        await until(pilot, lambda: {"trial"} <= _greyed(app))


async def test_the_help_tells_the_reasons_too() -> None:
    async with at_home(nothing(), (100, 40)) as (_, pilot):
        await pilot.press(
            "question_mark",
            shows="Not now: There is no container to walk through.",
        )


async def test_a_screen_that_is_open_is_not_opened_again() -> None:
    async with at_home(some()) as (app, pilot):
        await pilot.press("H", "H")
        await until(pilot, lambda: "You are there already." in _told(app))
        await pilot.press("I", "H")
        await until(
            pilot, lambda: "It is open below this screen: esc goes back to it." in _told(app)
        )
        await pilot.press("escape", "escape", opens=HomeScreen)


async def test_the_palette_leaves_out_what_cannot_be_done() -> None:
    async with at_home(nothing(), (100, 30)) as (app, pilot):
        await pilot.press("ctrl+p", *"walk")
        await pilot.pause()
        assert "Walk through the ten steps" not in screen_text(app)
