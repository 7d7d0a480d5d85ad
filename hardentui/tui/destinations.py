"""The screens that others lead to. Each is imported when it is first opened: the first one does not wait for
them.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.screen import Screen

SCREENS = {
    "checklist": "checklists.ChecklistScreen",
    "commands": "command_log.CommandLogScreen",
    "compare": "compare.CompareScreen",
    "connection": "connection.ConnectionScreen",
    "host": "host.HostScreen",
    "images": "images.ImagesScreen",
    "journal": "journal.JournalScreen",
    "networks": "networks.NetworksScreen",
    "training": "training.TrainingScreen",
    "trust": "trust.TrustScreen",
    "doctor": "this_machine.DoctorScreen",
    "settings": "this_machine.SettingsScreen",
    "waivers": "waivers.WaiversScreen",
    "walk": "walk.WalkScreen",
    "meaning": "meaning.MeaningScreen",
    "card": "card.CardScreen",
    "monitor": "monitor.MonitorScreen",
    "logs": "logs.LogsScreen",
    "rights": "rights.RightsScreen",
    "copies": "copying.CopyScreen",
    "export": "export.ExportScreen",
    "help": "help.HelpScreen",
}
"""Name -> module and class. A key opens the first thirteen from everywhere."""


def screen(name: str, *about: Any) -> Screen[None]:
    """A new screen; `about`: what it is about."""
    module, _, kind = SCREENS[name].partition(".")
    made: Screen[None] = getattr(import_module(f"hardentui.tui.screens.{module}"), kind)(*about)
    return made


def why_not_open(name: str, screens: Iterable[Screen[object]]) -> str:
    """Why it cannot be opened above these screens (the topmost one last); empty if it can."""
    kind = SCREENS[name].partition(".")[2]
    there = [type(screen).__name__ == kind for screen in screens]
    if not any(there):
        return ""
    return "You are there already." if there[-1] else "It is open below this screen: esc goes back to it."
