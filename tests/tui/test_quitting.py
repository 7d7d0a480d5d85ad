"""Leaving is quick, whatever the engine does: no worker holds the process."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.home import HomeScreen
from tests.support.hostile import Scripted, answer
from tests.tui.replayed import some
from tests.tui.support import at_home, make_app, running, shows, started, until

_PING = answer(
    b"OK",
    "200 OK",
    "Libpod-API-Version: 5.4.2",
    "Server: Libpod/5.4.2 (linux)",
)


@pytest.mark.parametrize("answers_first", [True, False])
async def test_an_engine_that_hangs_does_not_hold_the_app(
    tmp_path: Path,
    answers_first: bool,
) -> None:
    scripts = [(_PING,), (Scripted.HANG,)] if answers_first else [(Scripted.HANG,)]
    loop = asyncio.get_running_loop()
    with Scripted(tmp_path, *scripts) as engine:
        app = HardenApp(
            lambda: FirstLook.open(Selection(url=f"unix://{engine.path}")),
            environ={},
        )
        async with started(app) as pilot:
            await until(pilot, lambda: len(engine.requests) >= len(scripts))
            if answers_first:
                await shows(pilot, "listing its containers")
            before = loop.time()
            await pilot.press("q")
            await until(pilot, lambda: not app.is_running or app._exit)
        # what asyncio.run does at its end: it waits for every thread
        await asyncio.wait_for(loop.shutdown_default_executor(), 20)
        assert loop.time() - before < 20


async def test_a_fault_while_opening_ends_the_app_loudly() -> None:
    def broken() -> FirstLook:
        raise ZeroDivisionError("a fault of ours")

    app = HardenApp(broken, environ={})
    with pytest.raises(ZeroDivisionError, match="a fault of ours"):
        async with started(app) as pilot:
            await until(pilot, lambda: not app.is_running)


async def test_ctrl_c_asks_once_and_leaves_when_it_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "hardentui.tui.app._TWICE", 60.0
    )  # on a busy machine both keys are far apart
    async with at_home(some()) as (app, pilot):
        await pilot.press("ctrl+c", shows="Press Ctrl-C again to quit.")
        assert app.is_running
        await pilot.press("ctrl+c")
        await until(pilot, lambda: not app.is_running or app._exit)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_to_end_ends_it_as_always(number: signal.Signals) -> None:
    async with at_home(some()) as (app, pilot):
        os.kill(os.getpid(), number)
        await until(pilot, lambda: not app.is_running or app._exit)
    assert app.return_code == 128 + number


async def test_what_was_computed_for_the_list_may_come_after_the_list_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make_app(some())

    async def still_computing(screen: HomeScreen) -> None:
        row = next(iter(app.session.rows.values()))
        assert row.report is not None
        assert app.session.bench is not None
        await asyncio.to_thread(
            screen._compute_promise,
            app.session.bench,
            row.report,
        )
        for _ in range(10):
            await asyncio.sleep(0)  # the app takes messages

    monkeypatch.setattr(
        HomeScreen,
        "on_unmount",
        still_computing,
        raising=False,
    )
    async with running(app) as pilot:
        await shows(pilot, "shop-web")
