"""hardentui without a command on a terminal: the terminal UI."""

from __future__ import annotations

import os
from argparse import Namespace

from msgspec.structs import replace

from hardentui.cli.session import selection_of
from hardentui.cli.terminal import Terminal
from hardentui.state.remembered import Remembered, read_remembered, remember
from hardentui.workbench.begun import Begun
from hardentui.workbench.engine_choices import engine_choices
from hardentui.workbench.first_look import FirstLook
from hardentui.workbench.settings.document import Document
from hardentui.workbench.settings.reading import read_settings


def run(options: Namespace, terminal: Terminal) -> int:
    """Open the terminal UI. The engines list their containers while it loads."""
    selection = selection_of(options)
    begun = [Begun(lambda: FirstLook.open(selection), "Looking for Podman")]

    def first_look() -> FirstLook:
        return begun.pop().result() if begun else FirstLook.open(selection)

    def simulate() -> FirstLook:
        return FirstLook.open(replace(selection, url="", connection="", demo=True))

    from hardentui.tui.app import HardenApp  # while the engines are working
    from hardentui.tui.app import run as run_app
    from hardentui.tui.vocabulary import key_name, vocabulary

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
