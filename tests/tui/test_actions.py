"""One declaration feeds key, footer, palette and help."""

from __future__ import annotations

from collections import Counter

import pytest
from textual.widgets import Input

from hardentui.tui import actions
from hardentui.tui.app import HardenApp
from hardentui.tui.screens import (
    change,
    container,
    everything,
    files,
    findings,
    form,
    home,
    images,
    job,
    journal,
    networks,
    pages,
    reports,
    training,
    trust,
    values,
    walk,
)
from hardentui.tui.screens.base import HardenScreen
from hardentui.tui.screens.home import HomeScreen
from tests.tui.replayed import some
from tests.tui.support import at_home, until
from tools.terminal_ui import MEANINGS

_MODULES = (
    change, container, everything, files, findings, home, images, job, journal, networks, pages, reports,
    training, trust, values, walk,
)  # fmt: skip
SCREENS = tuple(
    dict.fromkeys(
        kind
        for module in _MODULES
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, HardenScreen) and kind.ACTIONS
    )
)


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screens_actions_exist_and_their_keys_are_its_own(screen: type[HardenScreen]) -> None:
    declared = (*screen.ACTIONS, *actions.APP)
    keys = Counter(key for action in declared for key in action.key.split(",") if key)
    assert [key for key, count in keys.items() if count > 1] == []
    for action in screen.ACTIONS:
        assert hasattr(screen, f"action_{action.target.partition('(')[0]}"), action.id
    for action in actions.APP:
        assert hasattr(HardenApp, f"action_{action.target.partition('(')[0]}"), action.id


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_copies_but_those_where_one_types_all_the_time(
    screen: type[HardenScreen],
) -> None:
    types = issubclass(screen, form.FormScreen) or issubclass(screen, values.ValuesScreen)
    assert (actions.COPY in screen.ACTIONS) is not types


def test_a_key_means_the_same_on_every_screen() -> None:
    """Its label is the same everywhere, or the page says what its labels have in common."""
    labels: dict[str, set[str]] = {}
    for action in actions.all_actions():
        for key in action.key.split(","):
            if key and not key.isdigit():
                labels.setdefault(key, set()).add(action.label)
    several = {key: names for key, names in labels.items() if len(names) > 1}
    told = {
        key: {name.replace(".", " ") for name in names.split()}
        for key, (_, names) in MEANINGS.items()
    }
    assert several == told


def test_the_list_has_twelve_keys_at_most_beside_escape() -> None:
    keys = {action.key for action in HomeScreen.ACTIONS if action.key and not action.key.isdigit()}
    assert len(keys - {"escape"}) <= 12


def test_every_action_has_an_id_and_explains_itself() -> None:
    declared = [action for screen in SCREENS for action in screen.ACTIONS] + list(actions.APP)
    ids = {action.id: action for action in declared}
    assert all(ids[action.id] == action for action in declared), "two actions share an id"
    assert all(action.tooltip.endswith(".") and action.label for action in declared)


async def test_the_palette_carries_out_what_is_possible_here() -> None:
    async with at_home(some()) as (app, pilot):
        await pilot.press("ctrl+p")
        await until(pilot, lambda: app.screen.query(Input).first().has_focus)
        await pilot.press(*"sort by", shows="Sort by the next column.")
        await pilot.press(
            "enter",
            opens=HomeScreen,
            shows="by name",
        )
        await pilot.press(
            "ctrl+p",
            *"simulated",
            shows="No matches found",
        )
        await pilot.press(
            "escape"
        )  # Textual's search fails where the app ends while it is still searching
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
