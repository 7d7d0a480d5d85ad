"""Try, apply and undo from the terminal UI; on the simulated host it is played."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hardentui.checks.examples import container
from hardentui.errors import UsageError
from hardentui.features.apply import simulated_apply
from hardentui.features.apply.apply_wishes import ApplyWishes, refuse_loss
from hardentui.features.apply.applying import PreparedChange
from hardentui.features.apply.simulated_apply import prepare_played
from hardentui.features.change.journal import Journal
from hardentui.features.first_look import FirstLook
from hardentui.features.trial import simulated_trial
from hardentui.features.views import Selection
from hardentui.model.journal import EntryAction, EntryState, JournalEntry
from hardentui.model.plan import Plan
from hardentui.reading.layer_data import LayerData
from hardentui.tui.app import HardenApp
from hardentui.tui.messages import Prepared
from hardentui.tui.screens.change import ChangeScreen
from hardentui.tui.screens.journal import JournalScreen
from hardentui.tui.screens.walk import WalkScreen
from tests.tui.support import Driver, drawn, running, screen_text, shows, until


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def make_app() -> HardenApp:
    return HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})


async def walk(app: HardenApp, pilot: Driver) -> None:
    await until(pilot, lambda: app.session.host is not None)
    await pilot.press("slash", *"shop-web", "enter", "enter")
    await until(pilot, lambda: isinstance(app.screen, WalkScreen))


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_trial_and_an_apply_are_played_on_the_simulated_host(size: tuple[int, int]) -> None:
    app = make_app()
    async with running(app, size) as pilot:
        await walk(app, pilot)
        await pilot.press("t", shows="Choose fixes first")
        await pilot.press("F", "t")
        await until(pilot, lambda: isinstance(app.screen, ChangeScreen))
        await shows(pilot, "on a twin beside it", "no-memory-limit")
        await pilot.press("enter", shows=("hardened twin works", "Left out"))
        await pilot.press("d", shows=("What will be done", "rename the original to shop-web-before"))
        await pilot.press("enter")
        await until(pilot, lambda: re.search(r"\bDone\.", drawn(app)) is not None)
        await pilot.press("J")
        await until(pilot, lambda: isinstance(app.screen, JournalScreen))
        await shows(pilot, "No changes yet")


async def test_a_trial_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_trial, "PACE", 30.0)
    app = make_app()
    async with running(app, (100, 30)) as pilot:
        await walk(app, pilot)
        await pilot.press("F", "t")
        await shows(pilot, "Enter starts the trial")
        await pilot.press("enter", shows="create a twin")
        await pilot.press("escape", shows="Stopped. The twin is removed")
        assert isinstance(app.screen, ChangeScreen)


async def test_an_apply_that_is_stopped_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_apply, "PACE", 30.0)
    app = make_app()
    async with running(app, (100, 30)) as pilot:
        await walk(app, pilot)
        await pilot.press("F", "A")
        await until(pilot, lambda: "What will be done" in drawn(app))
        await pilot.press("enter", shows="1/7")
        await pilot.press("escape", shows="Rolled back")


async def test_a_refusal_to_lose_data_names_the_key_and_not_an_option_of_the_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = container().replace(changes=())

    def prepare(plan: Plan, diff: str, wishes: ApplyWishes) -> PreparedChange:
        refuse_loss(facts, LayerData(data=("/srv/note",), directories=("/srv",)), wishes, can_keep=True)
        return prepare_played(plan, diff, wishes)

    monkeypatch.setattr("hardentui.features.harden.task.prepare_played", prepare)
    app = make_app()
    async with running(app, (100, 30)) as pilot:
        await walk(app, pilot)
        await pilot.press("F", "A", shows="copied into volumes; space changes it")
        await pilot.press("space", shows="discarded; space changes it")
        await pilot.press("space")
        await until(pilot, lambda: "would be lost: /srv/note" in drawn(app))
        told = " ".join(drawn(app).split())
        assert "The space key (copied into volumes) copies it to volumes" in told
        assert "the space key (discarded) continues without it" in told
        assert "--discard-data" not in told
        await pilot.press("space", shows="What will be done")


async def test_what_is_prepared_while_an_apply_runs_does_not_disturb_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(simulated_apply, "PACE", 30.0)
    app = make_app()
    async with running(app, (100, 30)) as pilot:
        await walk(app, pilot)
        await pilot.press("F", "A")
        await until(pilot, lambda: "What will be done" in drawn(app))
        await pilot.press("enter", shows="1/7")
        late = UsageError("An earlier change waits.", "")  # what a preparation meets meanwhile
        app.screen.post_message(Prepared(ApplyWishes(confirm_within=120.0, keep_data=True), error=late))
        await pilot.press("i", shows="1/7")
        assert "An earlier change waits" not in drawn(app)
        await pilot.press("escape", shows="Rolled back")


HOSTILE = "web\x1b]0;owned\x07[bold]"


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_the_journal_shows_hostile_names_as_text_and_asks_before_it_undoes(
    size: tuple[int, int],
) -> None:
    entry = JournalEntry(
        id="20260101-120000-abcd",
        time="2026-01-01T12:00:00+00:00",
        action=EntryAction.APPLY,
        container=HOSTILE,
        by="anna\x1b[31m",
        state=EntryState.DONE,
        reason="\x1b[2J",
        diff="--- a\n+++ b\n-\x1b[1mold\n+new\n",
    )
    Journal().write(entry)
    app = make_app()
    async with running(app, size) as pilot:
        await pilot.press("J")
        await until(pilot, lambda: isinstance(app.screen, JournalScreen))
        await shows(pilot, "1 change by this account", "␛]0;owned", "[bold]")
        assert "\x1b" not in screen_text(app)
        await pilot.press("u", shows=("Undo apply of", "y yes"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, JournalScreen))
        await pilot.press("K", shows="not waiting")
        await pilot.press("journal.forget", shows=("Close this entry?", "y yes"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, JournalScreen))
        assert Journal().read(entry.id) == entry
