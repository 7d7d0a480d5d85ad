"""Screens that one key opens from everywhere: one of each, imported on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from textual.screen import Screen


class Destination(Struct, frozen=True):
    """The class of a screen, by name, and its factory."""

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
