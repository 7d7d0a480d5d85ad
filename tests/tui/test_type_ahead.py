"""Keys that arrive at once, as over a slow line, do what they would do one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from hardentui.tui import type_ahead
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.type_ahead import TypeAhead
from tests.tui.replayed import CHECKLIST, Host, some
from tests.tui.support import at_home, drawn, shows, until


async def test_keys_for_a_dialog_that_is_not_there_yet_are_not_lost(tmp_path: Path) -> None:
    host = Host(("shop-web", "shop-web"))
    checklist = tmp_path / "few.toml"
    checklist.write_text(CHECKLIST.read_text())
    host.checklist = str(checklist)
    async with at_home(host) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        await pilot.type_ahead(
            "enter", "5", "e", "W", *"until March", "enter", "ctrl+u", *"anna", *["enter"] * 3
        )
        await pilot.press("app.waivers")
        await until(pilot, lambda: "until March" in drawn(app))
        assert "anna" in drawn(app)


async def test_keys_that_close_screens_and_open_others_are_not_lost() -> None:
    async with at_home(some()) as (app, pilot):
        await pilot.type_ahead(
            "question_mark", "escape", "enter", "d", "escape", "escape", "slash", *"vault"
        )
        await shows(pilot, "1 of 3 containers")
        assert isinstance(app.screen, HomeScreen)
        await pilot.type_ahead(
            "enter",
            "enter",
            "d",
            "escape",
            "3",
        )
        await shows(pilot, "vault", "› 3 ")


async def test_a_key_that_is_never_handled_does_not_hold_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A widget may be removed with the messages that it was sent."""
    handled = []

    async def swallow(key: events.Key) -> None:
        handled.append(key.key)

    async with at_home(some()) as (app, pilot):
        keys = TypeAhead(app, swallow)
        keys._climb = lambda node, then: None  # type: ignore[method-assign]
        monkeypatch.setattr(type_ahead, "_PATIENCE", 0.01)
        for key in ("a", "b", "ctrl+q"):
            await keys.take(events.Key(key, None))
        assert handled == ["a", "ctrl+q"]
        await until(pilot, lambda: handled == ["a", "ctrl+q", "b"])
