"""The keys of the footer: each applies in some state, and the mouse can press them."""

from __future__ import annotations

import pytest

from hardentui.tui.app import HardenApp
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.pages import HelpScreen
from hardentui.tui.widgets.key_bar import FooterKey, KeyBar
from hardentui.tui.widgets.title_bar import TitleBar
from tests.tui.replayed import some
from tests.tui.support import Driver, at_home, make_app, running, until

_WAYS = (
    ("space", "escape"),
    ("e", "escape"),
    ("space", "space", "escape"),
    ("app.connection", "escape"),
    ("H", "down", "e", "escape", "escape"),
    ("app.waivers", "escape"),
    ("f2", "escape"),
    ("app.settings", "escape"),
    ("app.commands", "escape"),
    ("I", "e", "down", "escape", "images.updates", "escape", "escape"),
    ("M", "e", "escape", "networks.split", "escape", "escape"),
    ("home.rights", "escape"),
    ("P", "i", *"quay.io/team reject", "ctrl+s", "escape", "escape"),
    ("m", "escape"),
    ("l", "escape"),
    ("E", "escape"),
    ("J", "escape"),
    ("T", "enter", "i", "escape", "escape", "escape"),
    (
        *("up",) * 3,
        "enter",
        "4",
        "F",
        "e",
        "escape",
        "d",
        "escape",
        "w",
        "escape",
        "t",
        "escape",
        "A",
    ),
)
"""Keys that lead from the list to every screen and back to it."""
_SIMULATED = "only on a real host"
_NOT_HERE = {
    "ChangeScreen all": "only where nothing was chosen",
    "ConnectionScreen change": "only where a second connection is configured",
    "ExplainScreen accept": _SIMULATED,
    "HostScreen take_in": _SIMULATED,
    "ImagesScreen scan": _SIMULATED,
    "ImagesScreen take_in": _SIMULATED,
    "JournalScreen keep": "only while a change waits to be confirmed",
    "JournalScreen undo": "only once a change was made",
    "MonitorScreen again": "only once it was stopped",
    "TrustScreen test": _SIMULATED,
    "ImagesScreen rehearse": _SIMULATED,
    "LabScreen reply": "only once the lab is solved",
}
"""Shown keys that do not apply on this way -> when they do."""


def _note(screen: HardenScreen, shown: dict[str, bool]) -> None:
    for active in screen.active_bindings.values():
        if active.binding.show:
            key = f"{type(screen).__name__} {active.binding.action}"
            shown[key] = shown.get(key, False) or active.enabled


async def test_every_key_of_the_footer_applies_in_some_state() -> None:
    app = make_app(some(simulated=True))
    shown: dict[str, bool] = {}
    async with running(app, (200, 60)) as pilot:
        await until(pilot, lambda: app.session.host is not None)
        for keys in _WAYS:
            for key in keys:
                await pilot.press(key)
                if key != "m":  # it reads until it is left
                    await _still(app, pilot)
                if isinstance(app.screen, HardenScreen):
                    _note(app.screen, shown)
            while not isinstance(app.screen, HomeScreen):
                await pilot.press("escape")
    assert {key for key, applies in shown.items() if not applies} <= set(_NOT_HERE)
    assert sorted(set(_NOT_HERE) - set(shown)) == [], "a key that is gone"
    assert len({key.split()[0] for key in shown}) > 22, "nearly every screen was visited"


async def _still(app: HardenApp, pilot: Driver) -> None:
    """Until the jobs of the screen have ended."""
    endless = ("watch", "logs")
    await until(
        pilot, lambda: all(work.is_finished for work in app.workers if work.group not in endless)
    )


def _place_of(bar: KeyBar, label: str) -> tuple[int, FooterKey]:
    """Its first cell, and the key."""
    key = next(key for key in bar.keys if key.label == label)
    before = bar.render().plain.index(f"{key.display} {key.label}")
    return bar.content_region.x - bar.region.x + before, key


async def test_the_mouse_presses_the_keys_of_the_footer() -> None:
    async with at_home(some(), (120, 30)) as (app, pilot):
        bar = app.screen.query_one(KeyBar)
        await until(pilot, lambda: any(key.label == "Sort" for key in bar.keys))
        at, _ = _place_of(bar, "Sort")
        await pilot.click(KeyBar, offset=(at + 2, 0))
        await until(pilot, lambda: app.session.list_view.column == "name")
        await pilot.click(KeyBar, offset=(at - 1, 0))  # the blank between two keys
        await pilot.pause()
        assert app.session.list_view.column == "name"
        at, _ = _place_of(bar, "Help")
        await pilot.click(KeyBar, offset=(at, 0))
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))


async def test_a_greyed_key_of_the_footer_only_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(some())
    rung: list[bool] = []
    monkeypatch.setattr(
        app,
        "bell",
        lambda: rung.append(True),
    )
    async with running(app, (120, 30)) as pilot:
        await pilot.press("slash", *"nothing-is-called-so", "enter")
        bar = app.screen.query_one(KeyBar)
        await until(
            pilot,
            lambda: any(key.label == "Walk" and not key.enabled for key in bar.keys),
        )
        at, _ = _place_of(bar, "Walk")
        await pilot.click(KeyBar, offset=(at, 0))
        await until(pilot, lambda: rung == [True])
        assert isinstance(app.screen, HomeScreen)


async def test_a_key_under_the_mouse_explains_itself() -> None:
    async with at_home(some(), (120, 30)) as (app, pilot):
        bar = app.screen.query_one(KeyBar)
        await until(pilot, lambda: any(key.label == "Mark" for key in bar.keys))
        at, key = _place_of(bar, "Mark")
        await pilot.hover(KeyBar, (at + 1, 0))
        await until(pilot, lambda: bar.tooltip == key.tooltip != "")
        await pilot.hover(TitleBar, (1, 0))
        await until(pilot, lambda: bar.tooltip is None)


async def test_enter_is_in_the_footer_where_a_list_has_the_focus() -> None:
    async with at_home(some(simulated=True), (80, 24)) as (_, pilot):
        for key, label in (("T", "⏎ Open"),):
            await pilot.press(key, shows=label)
            await pilot.press("escape")


async def test_the_footer_is_in_the_order_in_which_actions_are_declared() -> None:
    async with at_home(some(), (80, 24)) as (app, pilot):
        await pilot.press("app.settings")
        bar = app.screen.query_one(KeyBar)
        await until(pilot, lambda: len(bar.keys) == 4)
        assert [key.label for key in bar.keys] == ["Change", "Again", "Back", "Help"]
