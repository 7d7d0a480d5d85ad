"""The list shows what a change keeps as what it is, and hardens none of it."""

from __future__ import annotations

import pytest

from hardentui.tui.screens.everything import EverythingScreen
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.widgets.container_list import ContainerList
from tests.tui.replayed import Host, some
from tests.tui.support import at_home, screen_text, shows, until
from tests.unit.features.looking.test_originals import keep

_NAME = "web-before-7116"


def _host() -> Host:
    host = some()
    host.add(_NAME, "shop-web")
    host.stop(_NAME)
    return host


async def test_without_an_entry_of_the_journal_it_is_a_container() -> None:
    async with at_home(_host(), (80, 24)) as (app, pilot):
        await shows(pilot, "4 containers", _NAME)
        assert "original of" not in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_kept_original_comes_last_and_does_not_count(size: tuple[int, int]) -> None:
    host = _host()
    keep(host.key(_NAME).rpartition("/")[2])
    async with at_home(host, size) as (app, pilot):
        await shows(pilot, "3 containers", "original of web")
        listed = app.screen.query_one(ContainerList)
        await until(pilot, lambda: listed.shown[-1] == host.key(_NAME))
        await pilot.press("home.reverse", shows="best first")
        assert listed.shown[-1] == host.key(_NAME), "also in the other order"
        await pilot.press("end", shows="The original of web, kept for an undo.")
        for key in ("enter", "h", "space"):
            app.clear_notifications()
            await pilot.press(key)
            told = [notice.message for notice in app._notifications]
            assert told == [
                (
                    "The original of web, kept for an undo. In the journal (J) u restores it, Forget "
                    "removes it."
                )
            ]
            assert isinstance(app.screen, HomeScreen)
            assert not app.session.marks
        await pilot.press("asterisk", "h", opens=EverythingScreen)
        assert host.key(_NAME) not in app.session.marks
        assert len(app.session.marks) == 3
