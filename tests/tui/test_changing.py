"""Hardening from the list and the walk: trial, card, apply, undo; on the simulated host it is
played."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from hardentui.checks.prelude import container
from hardentui.errors import UsageError
from hardentui.features.apply.history import History
from hardentui.features.apply.prepared import PreparedChange
from hardentui.features.apply.wishes import ApplyWishes, refuse_loss
from hardentui.features.change.journal import Journal
from hardentui.features.first_look import FirstLook
from hardentui.features.harden import simulated
from hardentui.features.harden.card import Card
from hardentui.features.harden.kept_trials import KeptTrial
from hardentui.features.harden.outset import Outset
from hardentui.features.harden.simulated import prepare_played
from hardentui.features.harden.task import Hardening
from hardentui.features.views import Selection
from hardentui.model.journal import EntryAction, EntryState, JournalEntry
from hardentui.model.ledger import Holds, Home, LedgerRow, Lost, NewerData
from hardentui.model.operations import CreateVolume, NoteContainer, StartContainer
from hardentui.model.plan import Plan
from hardentui.reading.layer import LayerData
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.change import ChangeScreen
from hardentui.tui.screens.journal import JournalScreen
from hardentui.tui.screens.walk import WalkScreen
from tests.tui.support import Driver, drawn, running, screen_text, shows, until, writes


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def make_app() -> HardenApp:
    return HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})


async def walk(app: HardenApp, pilot: Driver) -> None:
    await until(pilot, lambda: app.session.host is not None)
    await pilot.press(
        "slash",
        *"shop-web",
        "enter",
        "enter",
        opens=WalkScreen,
    )


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_trial_and_an_apply_are_played_on_the_simulated_host(size: tuple[int, int]) -> None:
    app = make_app()
    async with running(app, size) as pilot:
        await walk(app, pilot)
        await pilot.press("t", shows="Choose fixes first")
        await pilot.press(
            "F", "t", opens=ChangeScreen, shows=("on a twin beside it", "no-memory-limit")
        )
        await pilot.press("enter", shows=("hardened twin works", "Left out"))
        await pilot.press(
            "d", shows=("What will be done", "rename the original shop-web to shop-web-before")
        )
        await pilot.press("enter")
        await shows(pilot, "Simulated to the end: nothing was changed.")
        await pilot.press(
            "J",
            opens=JournalScreen,
            shows="No changes yet",
        )


async def test_an_apply_that_is_stopped_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "APPLY_PACE", 30.0)
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

    def prepare(
        plan: Plan,
        diff: str,
        wishes: ApplyWishes,
    ) -> PreparedChange:
        refuse_loss(
            facts,
            LayerData(
                data=("/srv/note",),
                directories=("/srv",),
            ),
            wishes,
            can_keep=True,
        )
        return prepare_played(plan, diff, wishes)

    monkeypatch.setattr(
        "hardentui.features.harden.task.prepare_played",
        prepare,
    )
    app = make_app()
    async with running(app, (100, 30)) as pilot:
        await walk(app, pilot)
        await pilot.press(
            "F",
            "A",
            shows="copied into volumes; space changes it",
        )
        await pilot.press("space", shows="discarded; space changes it")
        await pilot.press("space")
        await until(pilot, lambda: "would be lost: /srv/note" in drawn(app))
        told = " ".join(drawn(app).split())
        assert "Keep it, copied to volumes, or discard it." in told
        assert "space changes it" in told
        assert "--discard-data" not in told
        await pilot.press("space", shows="What will be done")


async def test_what_is_prepared_while_an_apply_runs_does_not_disturb_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(simulated, "APPLY_PACE", 30.0)
    app = make_app()
    async with running(app, (100, 30)) as pilot:
        await walk(app, pilot)
        await pilot.press("F", "A")
        await until(pilot, lambda: "What will be done" in drawn(app))
        await pilot.press("enter", shows="1/7")
        late = UsageError("An earlier change waits.", "")  # what a preparation meets meanwhile
        assert isinstance(app.screen, ChangeScreen)
        app.screen.prepared(
            ApplyWishes(
                confirm_within=120.0,
                keep_data=True,
            ),
            late,
        )
        await pilot.press("i", shows="1/7")
        assert "An earlier change waits" not in drawn(app)
        await pilot.press("escape", shows="Rolled back")


async def at_web(app: HardenApp, pilot: Driver, *keys: str) -> None:
    await until(pilot, lambda: app.session.host is not None)
    await pilot.press(
        "slash",
        *"name:shop",
        "enter",
        *keys,
    )


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_four_keys_from_the_list_to_kept(size: tuple[int, int]) -> None:
    app = make_app()
    async with running(app, size) as pilot:
        await at_web(app, pilot, "h")
        await until(pilot, lambda: isinstance(app.screen, ChangeScreen))
        await shows(
            pilot,
            "on a twin beside it",
            "Enter starts the trial",
        )
        await pilot.press("enter")
        await shows(
            pilot, "hardened twin works", "score", "before", "after", "runs as", "capabilities"
        )
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
        await pilot.press("enter", shows="Simulated to the end:")
        assert isinstance(app.screen, ChangeScreen), "card, difference and apply are one screen"


async def _at_stack(app: HardenApp, pilot: Driver) -> None:
    """The two of one stack, marked, and what hardens them."""
    await until(pilot, lambda: app.session.host is not None)
    await pilot.press("slash", *"shop !web", "enter", "asterisk", "h")


async def test_marked_containers_of_a_stack_are_one_and_the_walk_has_the_same_key() -> None:
    app = make_app()
    async with running(app, (100, 30)) as pilot:
        await _at_stack(app, pilot)
        await shows(pilot, "and 1 other", "with it")
        await pilot.press(
            "enter",
            shows=("hardened twin works", "With it", "Enter applies it"),
        )
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ChangeScreen))
        await pilot.press("enter", opens=WalkScreen)
        await pilot.press("h", shows="Enter starts the trial")
        await pilot.press("enter", shows="hardened twin works")
        await pilot.press("w")
        await until(pilot, lambda: writes(app))


async def test_a_key_of_the_card_asks_for_the_tight_set_and_for_the_margin_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wished: list[bool] = []
    outset = Hardening.outset

    def noted(task: Hardening) -> Outset:
        wished.append(task.wishes.tight)
        return outset(task)

    monkeypatch.setattr(Hardening, "outset", noted)
    app = make_app()
    async with running(app, (120, 36)) as pilot:
        await at_web(app, pilot, "h")
        await shows(pilot, "Enter starts the trial")
        await pilot.press("enter", shows="Enter applies it")
        await pilot.press("v", shows=("tight", "Enter starts the trial"))
        await pilot.press("enter", shows="Enter applies it")
        await pilot.press("v")
        await until(pilot, lambda: wished == [False, True, False])
        await until(pilot, lambda: "   tight" not in screen_text(app))


async def test_a_trial_is_stopped_and_another_probe_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(simulated, "TRIAL_PACE", 30.0)
    app = make_app()
    async with running(app, (80, 24)) as pilot:
        await at_web(app, pilot, "h")
        await shows(pilot, "Enter starts the trial")
        await pilot.press(
            "i",
            *"true",
            "enter",
            shows=("probe", "true"),
        )
        await pilot.press(
            "enter",
            "escape",
            shows="Stopped. The twin is removed",
        )
        assert isinstance(app.screen, ChangeScreen)


async def test_a_probe_of_one_member_is_given_on_the_screen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """NAME=COMMAND is about that one; a second one is added, and all reach the trial as they are."""
    given: list[tuple[str, ...]] = []
    try_out = Hardening.try_out

    def noting(task: Hardening, outset: Any, probes: tuple[str, ...], *more: Any) -> Card:
        given.append(probes)
        return try_out(task, outset, probes, *more)

    monkeypatch.setattr(Hardening, "try_out", noting)
    app = make_app()
    async with running(app, (120, 40)) as pilot:
        await _at_stack(app, pilot)
        await shows(pilot, "and 1 other", "with it")
        assert isinstance(app.screen, ChangeScreen)
        first, other, *_ = app.screen._state.names
        await pilot.press("i", shows="NAME=COMMAND asks one of them")
        await pilot.press("ctrl+u", *f"{other}=false", "enter", shows="probe: false")
        await pilot.press("i", "ctrl+u", *f"{other}=true", "enter", shows="probe: true")
        await pilot.press("i", "ctrl+u", *f"{first}=echo hi", "enter", shows="echo hi")
        await pilot.press("enter", shows="hardened twin works")
        assert given[0] == (f"{other}=true", f"{first}=echo hi")
        assert given[1] == ("true",)


async def test_it_goes_on_at_the_card_that_a_closed_terminal_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The demo keeps no trials, so what is kept comes from the test."""
    kept: list[KeptTrial] = []
    try_out = Hardening.try_out

    def remembering(task: Hardening, *given: Any) -> Card:
        card = try_out(task, *given)
        kept.append(
            KeptTrial(
                at=0.0,
                image="",
                trial=card.trial,
            )
        )
        return card

    monkeypatch.setattr(Hardening, "try_out", remembering)
    monkeypatch.setattr(
        Hardening,
        "tried_before",
        lambda task: kept[-1] if kept else None,
    )
    picked_up, asked, goes_on = Hardening.picked_up, threading.Event(), threading.Event()

    def slowly(task: Hardening, *given: Any) -> Card:
        asked.set()
        assert goes_on.wait(60)
        return picked_up(task, *given)

    monkeypatch.setattr(Hardening, "picked_up", slowly)
    app = make_app()
    async with running(app, (100, 40)) as pilot:
        await at_web(app, pilot, "h")
        await shows(pilot, "Enter starts the trial")
        await pilot.press("enter")
        await shows(pilot, "hardened twin works", "Enter applies it")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ChangeScreen))
        await pilot.press("h")
        await until(pilot, asked.is_set)
        await pilot.press("enter")  # too early: no second trial begins beside the card of the first
        goes_on.set()
        await shows(
            pilot,
            "hardened twin works",
            "Tried at",
            "i, F or v tries again",
        )
        await pilot.press("s", shows="Simulated to the end:")
    assert len(kept) == 1, "nothing was tried twice"


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
        await pilot.press(
            "J", opens=JournalScreen, shows=("1 change by this account", "␛]0;owned", "[bold]")
        )
        assert "\x1b" not in screen_text(app)
        await pilot.press("u", shows=("Undo apply of", "y yes"))
        await pilot.press("escape", opens=JournalScreen)
        await pilot.press("K", shows="not waiting")
        await pilot.press("journal.forget", shows=("Close this entry?", "y yes"))
        await pilot.press("escape", opens=JournalScreen)
        assert Journal().read(entry.id) == entry


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_an_undo_tells_where_newer_data_lies_and_offers_to_bring_it_back(
    size: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = LedgerRow(
        container="notes",
        path="/srv/notes",
        holds=Holds.DATA,
        before=Home.LAYER,
        after=Home.VOLUME,
        source="notes-srv-notes-data",
        lost=Lost.NEVER,
    )
    operations = (
        NoteContainer(id="1", name="notes", running=True),
        CreateVolume(name=row.source, source="1", directory=row.path, existed=False),
        StartContainer(name="notes"),
    )
    entry = JournalEntry(
        id="20260101-120000-abcd",
        time="2026-01-01T12:00:00+00:00",
        action=EntryAction.APPLY,
        container="notes",
        state=EntryState.DONE,
        operations=operations,
        begun=len(operations),
        ledger=(row,),
    )
    Journal().write(entry)
    undone: list[bool] = []

    def undo(self: History, entry: JournalEntry, *others: object, **how: bool) -> JournalEntry:
        undone.append(how["bring_back"])
        data = NewerData(
            container="notes",
            path=row.path,
            home=Home.VOLUME,
            source=row.source,
            brought=True,
        )
        return structs.replace(entry, newer=(data,))

    monkeypatch.setattr(History, "undo", undo)
    app = make_app()
    async with running(app, size) as pilot:
        await pilot.press("J", opens=JournalScreen, shows="volume notes-srv-notes-data")
        await pilot.press(
            "u", shows=("What was written since stays", "y yes", "b yes, and give that back")
        )
        await pilot.press("b")
        told = "notes has again what was written since"
        await until(pilot, lambda: any(told in note.message for note in app._notifications))
    assert undone == [True]
