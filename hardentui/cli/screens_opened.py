"""The terminal UI with the settings of this account; loads Textual."""

from __future__ import annotations

import os
from collections.abc import Callable

from hardentui.features.engine_choices import engine_choices
from hardentui.features.first_look import FirstLook
from hardentui.features.settings.reading import Document, read_settings
from hardentui.features.views import Selection
from hardentui.state.remembered import Remembered, read_remembered, remember
from hardentui.tui.app import HardenApp
from hardentui.tui.app import run as run_app
from hardentui.tui.vocabulary import key_name, vocabulary


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
