"""hardentui without a command on a terminal: the terminal UI. The engines are asked while it loads."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable

from msgspec.structs import replace

from hardentui.cli.session import selection_of
from hardentui.cli.terminal import Terminal, command_module
from hardentui.features.begun import Begun
from hardentui.features.engine_choices import engine_choices
from hardentui.features.first_look import FirstLook
from hardentui.features.settings.reading import Document, read_settings
from hardentui.features.views import Selection
from hardentui.state.remembered import Remembered, read_remembered, remember
from hardentui.tui.app import HardenApp
from hardentui.tui.app import run as run_app
from hardentui.tui.vocabulary import key_name, vocabulary

# The terminal UI with the settings of this account; loads Textual.


def open_screens(
    selection: Selection, first_look: Callable[[], FirstLook], simulate: Callable[[], FirstLook]
) -> int:
    """Open the terminal UI; returns the exit code of the process."""
    settings = read_settings(Document.read(os.environ), vocabulary(), os.environ, key_name)

    def keep(remembered: Remembered) -> None:
        remember(remembered, os.environ)

    return run_app(
        HardenApp(
            first_look,
            simulate=simulate,
            settings=settings,
            choices=lambda: engine_choices(selection),
            remembered=read_remembered(os.environ) if settings.remember else None,
            remember=keep if settings.remember else None,
        )
    )


def run(options: Namespace, terminal: Terminal) -> int:
    """Look for the engines, and meanwhile load and open the terminal UI."""
    selection = selection_of(options)
    begun = [Begun(lambda: FirstLook.open(selection), "Looking for Podman")]

    def first_look() -> FirstLook:
        return begun.pop().result() if begun else FirstLook.open(selection)

    def simulate() -> FirstLook:
        return FirstLook.open(replace(selection, url="", connection="", demo=True))

    code: int = command_module("screens_opened").open_screens(selection, first_look, simulate)
    return code
