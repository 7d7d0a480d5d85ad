"""One declaration feeds key, footer, palette and help."""

from __future__ import annotations

from collections import Counter

import pytest
from textual.widgets import Input

from hardentui.model.settings import Settings
from hardentui.tui import actions
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.apply import ApplyScreen
from hardentui.tui.screens.card import CardScreen
from hardentui.tui.screens.command_log import CommandLogScreen
from hardentui.tui.screens.connection import ConnectionScreen
from hardentui.tui.screens.explain import ExplainScreen
from hardentui.tui.screens.export import ExportScreen
from hardentui.tui.screens.help import HelpScreen
from hardentui.tui.screens.home import HomeScreen
from hardentui.tui.screens.host import HostScreen
from hardentui.tui.screens.images import ImagesScreen
from hardentui.tui.screens.journal import JournalScreen
from hardentui.tui.screens.logs import LogsScreen
from hardentui.tui.screens.meaning import MeaningScreen
from hardentui.tui.screens.networks import NetworksScreen
from hardentui.tui.screens.training import LabScreen, TrainingScreen
from hardentui.tui.screens.trial import TrialScreen
from hardentui.tui.screens.trust import TrustScreen
from hardentui.tui.screens.values import DiffScreen, ValuesScreen
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.screens.write import WriteScreen
from tests.tui.replayed import some
from tests.tui.support import make_app, running, scrolled, shows, until

SCREENS = (
    HomeScreen,
    WalkScreen,
    DiffScreen,
    HostScreen,
    ImagesScreen,
    NetworksScreen,
    TrustScreen,
    MeaningScreen,
    ConnectionScreen,
    CommandLogScreen,
    ExplainScreen,
    ValuesScreen,
    WriteScreen,
    HelpScreen,
    TrialScreen,
    CardScreen,
    ApplyScreen,
    JournalScreen,
    LogsScreen,
    ExportScreen,
    TrainingScreen,
    LabScreen,
)


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screens_actions_exist_and_their_keys_are_its_own(screen: type[HomeScreen]) -> None:
    declared = (*screen.ACTIONS, *actions.APP)
    keys = Counter(key for action in declared for key in action.key.split(","))
    assert [key for key, count in keys.items() if count > 1] == []
    for action in screen.ACTIONS:
        assert hasattr(screen, f"action_{action.target.partition('(')[0]}"), action.id
    for action in actions.APP:
        assert hasattr(HardenApp, f"action_{action.target.partition('(')[0]}"), action.id


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_copies_but_those_where_one_types_all_the_time(screen: type[HomeScreen]) -> None:
    assert (actions.COPY in screen.ACTIONS) is (screen.__name__ not in ("ValuesScreen", "ExportScreen"))


def test_every_action_has_an_id_and_explains_itself() -> None:
    declared = [action for screen in SCREENS for action in screen.ACTIONS] + list(actions.APP)
    ids = {action.id: action for action in declared}
    assert all(ids[action.id] == action for action in declared), "two actions share an id"
    assert all(action.tooltip.endswith(".") and action.label for action in declared)


async def test_keys_can_be_changed_by_id_and_the_help_knows() -> None:
    app = make_app(some(), settings=Settings(keys={"home.sort": "o"}))
    async with running(app) as pilot:
        await pilot.press("s", shows="worst first")
        await pilot.press("o", shows="by name")
        await pilot.press("question_mark")
        await scrolled(pilot, "down", "o        Sort")


async def test_the_palette_carries_out_what_is_possible_here() -> None:
    app = make_app(some())
    async with running(app) as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: app.screen.query(Input).first().has_focus)
        await pilot.press(*"sort by", shows="Sort by the next column.")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await shows(pilot, "by name")
        await pilot.press("ctrl+p", *"simulated", shows="No matches found")
        await pilot.press("escape")  # Textual's search fails where the app ends while it is still searching
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
