"""The terminal UI with the settings of this account; loads Textual."""

from __future__ import annotations

import os
from collections.abc import Callable

from hardentui.features.engine_choices import engine_choices
from hardentui.features.first_look import FirstLook
from hardentui.features.reports.result import CheckResult
from hardentui.features.settings import Document, read_settings
from hardentui.features.views import Selection
from hardentui.remembered import Remembered, read_remembered, remember
from hardentui.tui.app import HardenApp
from hardentui.tui.app import run as run_app


def open_screens(
    selection: Selection,
    first_look: Callable[[], FirstLook],
    simulate: Callable[[], FirstLook],
    target: str = "",
    fleet: CheckResult | None = None,
) -> int:
    """Open the terminal UI; returns the exit code of the process.

    Args:
        target: the files that are shown; empty = an engine.
        fleet: several hosts, judged; their list is shown first.
    """
    settings = read_settings(Document.read(), os.environ)

    def keep(remembered: Remembered) -> None:
        remember(remembered)

    return run_app(
        HardenApp(
            first_look,
            simulate=simulate,
            settings=settings,
            choices=lambda: engine_choices(selection),
            remembered=read_remembered() if settings.remember else None,
            remember=keep if settings.remember else None,
            target=target or selection.url or selection.connection,
            opening="hosts" if fleet is not None else "",
            fleet=fleet,
            checklist=selection.checklist,
        )
    )
