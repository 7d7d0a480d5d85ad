"""Hardening from the list: the outset, the trial, the card on one screen, and what follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hardentui.features.first_look import FirstLook
from hardentui.features.harden.card import Card
from hardentui.features.harden.task import Hardening, KeptTrial
from hardentui.features.trial import simulated_trial
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.change import ChangeScreen
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.screens.write import WriteScreen
from tests.tui.support import Driver, drawn, running, shows, until


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(simulated_trial, "PACE", 0.0)


def make_app() -> HardenApp:
    return HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})


async def at_web(app: HardenApp, pilot: Driver, *keys: str) -> None:
    await until(pilot, lambda: app.session.host is not None)
    await pilot.press("slash", *"name:shop", "enter", *keys)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_four_keys_from_the_list_to_kept(size: tuple[int, int]) -> None:
    app = make_app()
    async with running(app, size) as pilot:
        await at_web(app, pilot, "h")
        await until(pilot, lambda: isinstance(app.screen, ChangeScreen))
        await shows(pilot, "on a twin beside it", "Enter starts the trial")
        await pilot.press("enter")
        await shows(pilot, "hardened twin works", "score", "before", "after", "runs as", "capabilities")
        card = drawn(app)
        for label in (
            "can write",
            "memory, processes",
            "can connect to",
            "Left out",
            "Judged by",
            "Enter applies it",
        ):
            assert label in card, label
        await pilot.press("e", shows="round 1")
        await pilot.press("d", shows="What will be done")
        await pilot.press("enter", shows="Done.")
        assert isinstance(app.screen, ChangeScreen), "card, difference and apply are one screen"


async def test_marked_containers_come_one_after_another_and_the_walk_has_the_same_key() -> None:
    app = make_app()
    async with running(app, (100, 30)) as pilot:
        await at_web(app, pilot, "home.mark_all", "h")
        await shows(pilot, "then 3 others")
        cards: list[object] = []
        while len(cards) < 4:
            await until(pilot, lambda: isinstance(app.screen, ChangeScreen) and app.screen not in cards)
            cards.append(app.screen)
            await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ChangeScreen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, WalkScreen))
        await pilot.press("h", shows="Enter starts the trial")
        await pilot.press("enter", shows="hardened twin works")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, WriteScreen))


async def test_a_trial_is_stopped_and_another_probe_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_trial, "PACE", 30.0)
    app = make_app()
    async with running(app, (80, 24)) as pilot:
        await at_web(app, pilot, "h")
        await shows(pilot, "Enter starts the trial")
        await pilot.press("i", *"true", "enter", shows=("probe", "true"))
        await pilot.press("enter", "escape", shows="Stopped. The twin is removed")
        assert isinstance(app.screen, ChangeScreen)


async def test_it_goes_on_at_the_card_that_a_closed_terminal_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo keeps no trials, so what is kept comes from the test."""
    kept: list[KeptTrial] = []
    try_out = Hardening.try_out

    def remembering(task: Hardening, *given: Any) -> Card:
        card = try_out(task, *given)
        kept.append(KeptTrial(at=0.0, image="", trial=card.trial))
        return card

    monkeypatch.setattr(Hardening, "try_out", remembering)
    monkeypatch.setattr(Hardening, "tried_before", lambda task: kept[-1] if kept else None)
    app = make_app()
    async with running(app, (100, 40)) as pilot:
        await at_web(app, pilot, "h")
        await shows(pilot, "Enter starts the trial")
        await pilot.press("enter")
        await shows(pilot, "hardened twin works", "Enter applies it")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ChangeScreen))
        await pilot.press("h")
        await shows(pilot, "hardened twin works", "Tried at", "i or F tries again")
        await pilot.press("s", shows="Done.")
    assert len(kept) == 1, "nothing was tried twice"
