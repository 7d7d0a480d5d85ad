"""The terminal UI with the settings of this account; loads Textual."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable

from hardentui.account import ONLY_BELOW
from hardentui.features.first_look import FirstLook, engine_choices
from hardentui.features.settings import Document, read_settings
from hardentui.features.views import Selection
from hardentui.remembered import Remembered, read_remembered, remember
from hardentui.tui.app import HardenApp, run
from hardentui.tui.app import run as run_app


def open_screens(
    selection: Selection,
    first_look: Callable[[], FirstLook],
    simulate: Callable[[], FirstLook],
    target: str = "",
) -> int:
    """Open the terminal UI; returns the exit code of the process.

    Args:
        target: the files that are shown; empty = an engine.
    """
    settings = read_settings(Document.read(os.environ), os.environ)

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
            target=target or selection.url or selection.connection,
        )
    )


_LEFT_OUT = (
    "CONTAINER_HOST",
    "CONTAINER_CONNECTION",
    "DOCKER_HOST",
    "XDG_RUNTIME_DIR",
    "EDITOR",
    "VISUAL",
)


def main() -> int:
    """Run the app; returns its exit code. Nothing outside the session's directory can be written."""
    with tempfile.TemporaryDirectory(prefix="hardentui-session-") as directory:
        for name in _LEFT_OUT:
            os.environ.pop(name, None)
        os.environ.update(
            HOME=directory,
            XDG_STATE_HOME=f"{directory}/state",
            XDG_CONFIG_HOME=f"{directory}/config",
            XDG_CACHE_HOME=f"{directory}/cache",
        )
        os.environ[ONLY_BELOW] = directory
        os.chdir(directory)

        def first_look() -> FirstLook:
            return FirstLook.open(Selection(demo=True))

        return run(
            HardenApp(
                first_look,
                simulate=first_look,
                opening="training",
            )
        )


if __name__ == "__main__":
    sys.exit(main())
