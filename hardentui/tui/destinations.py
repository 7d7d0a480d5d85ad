"""The screens that others lead to. Each is imported when it is first opened: the first one does not wait for
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from textual.screen import Screen

    from hardentui.features.views import Row
    from hardentui.features.workbench import Workbench
    from hardentui.model.facts import ContainerFacts
    from hardentui.model.plan import Choice
    from hardentui.tui.screen_report import ScreenReport


class Destination(Struct, frozen=True):
    """A screen that one key opens from everywhere: the name of its class, and its factory."""

    kind: str
    open: Callable[[], Screen[None]]


def _commands() -> Screen[None]:
    from hardentui.tui.screens.command_log import CommandLogScreen

    return CommandLogScreen()


def _checklist() -> Screen[None]:
    from hardentui.tui.screens.checklists import ChecklistScreen

    return ChecklistScreen()


def _compare() -> Screen[None]:
    from hardentui.tui.screens.compare import CompareScreen

    return CompareScreen()


def _connection() -> Screen[None]:
    from hardentui.tui.screens.connection import ConnectionScreen

    return ConnectionScreen()


def _host() -> Screen[None]:
    from hardentui.tui.screens.host import HostScreen

    return HostScreen()


def _images() -> Screen[None]:
    from hardentui.tui.screens.images import ImagesScreen

    return ImagesScreen()


def _journal() -> Screen[None]:
    from hardentui.tui.screens.journal import JournalScreen

    return JournalScreen()


def _networks() -> Screen[None]:
    from hardentui.tui.screens.networks import NetworksScreen

    return NetworksScreen()


def _training() -> Screen[None]:
    from hardentui.tui.screens.training import TrainingScreen

    return TrainingScreen()


def _trust() -> Screen[None]:
    from hardentui.tui.screens.trust import TrustScreen

    return TrustScreen()


def _doctor() -> Screen[None]:
    from hardentui.tui.screens.this_machine import DoctorScreen

    return DoctorScreen()


def _settings() -> Screen[None]:
    from hardentui.tui.screens.this_machine import SettingsScreen

    return SettingsScreen()


def _waivers() -> Screen[None]:
    from hardentui.tui.screens.waivers import WaiversScreen

    return WaiversScreen()


DESTINATIONS = {
    "checklist": Destination("ChecklistScreen", _checklist),
    "commands": Destination("CommandLogScreen", _commands),
    "compare": Destination("CompareScreen", _compare),
    "connection": Destination("ConnectionScreen", _connection),
    "host": Destination("HostScreen", _host),
    "images": Destination("ImagesScreen", _images),
    "journal": Destination("JournalScreen", _journal),
    "networks": Destination("NetworksScreen", _networks),
    "training": Destination("TrainingScreen", _training),
    "trust": Destination("TrustScreen", _trust),
    "doctor": Destination("DoctorScreen", _doctor),
    "settings": Destination("SettingsScreen", _settings),
    "waivers": Destination("WaiversScreen", _waivers),
}


def why_not_open(name: str, screens: Iterable[Screen[object]]) -> str:
    """Why it cannot be opened above these screens (the topmost one last); empty if it can."""
    there = [type(screen).__name__ == DESTINATIONS[name].kind for screen in screens]
    if not any(there):
        return ""
    return "You are there already." if there[-1] else "It is open below this screen: esc goes back to it."


# --- of a container --------------------------------------------------------------------------------


def walk(key: str) -> Screen[None]:
    from hardentui.tui.screens.walk import WalkScreen

    return WalkScreen(key)


def meaning(key: str) -> Screen[None]:
    from hardentui.tui.screens.meaning import MeaningScreen

    return MeaningScreen(key)


def fix_many(keys: Sequence[str]) -> Screen[None]:
    from hardentui.tui.screens.fix_many import FixManyScreen

    return FixManyScreen(keys)


def card(key: str, queued: int = 0) -> Screen[None]:
    from hardentui.tui.screens.card import CardScreen

    return CardScreen(key, queued)


def monitor(bench: Workbench, key: str) -> Screen[None]:
    from hardentui.tui.screens.monitor import MonitorScreen

    return MonitorScreen(bench, key)


def logs(bench: Workbench, facts: ContainerFacts) -> Screen[None]:
    from hardentui.tui.screens.logs import LogsScreen

    return LogsScreen(bench, facts)


def rights(bench: Workbench, row: Row) -> Screen[None]:
    from hardentui.tui.screens.rights import RightsScreen

    return RightsScreen(bench, row)


def copies(bench: Workbench, row: Row, choices: Sequence[Choice]) -> Screen[None]:
    from hardentui.tui.screens.copying import CopyScreen, copyables

    return CopyScreen(row.name, copyables(bench, row, choices))


# --- of the screen below ---------------------------------------------------------------------------


def export(bench: Workbench, shown: ScreenReport) -> Screen[None]:
    from hardentui.tui.screens.export import ExportScreen

    return ExportScreen(bench, shown)


def help_on(about: Screen[object], reasons: Mapping[str, str]) -> Screen[None]:
    from hardentui.tui.screens.help import HelpScreen

    return HelpScreen(about, reasons)
