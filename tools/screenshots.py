"""Pictures of the app: scripted runs on the simulated host, written to screenshots/ as SVG.

Run `make screenshots`, or `python -m tools.screenshots [DIRECTORY]`.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from textual.pilot import Pilot

from hardentui.features.change.journal import Journal
from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.model.journal import (
    EntryAction,
    EntryState,
    JournalChange,
    JournalEntry,
    JournalProof,
)
from hardentui.model.settings import Settings
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.container import MonitorScreen

_ENDLESS = ("watch", "logs")
"""Groups of workers that go on until their screen is left."""
DIRECTORY = Path(__file__).parent.parent / "screenshots"
SMALL, LARGE, HUGE = (80, 24), (120, 36), (180, 50)
CONTAINER = "shop-web"
_WEB_FONTS = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)
"""A picture that fetches fonts from the web looks different offline, and tells others who looks at
it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: the size, the keys that lead there, and the theme.

    Attributes:
        opens: the keys are pressed in the walk of one container.
    """

    name: str
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    opens: bool = True
    theme: str = "hardentui-dark"


PICTURES = (
    Picture("home-80x24", SMALL, opens=False),
    Picture("home-120x36", LARGE, opens=False),
    Picture(
        "home-light-120x36",
        LARGE,
        opens=False,
        theme="hardentui-light",
    ),
    Picture("walk-80x24", SMALL, ("8",)),
    Picture("walk-120x36", LARGE, ("4", "F")),
    Picture(
        "walk-light-120x36",
        LARGE,
        ("4", "F"),
        theme="hardentui-light",
    ),
    Picture("walk-180x50", HUGE, ("5", "F")),
    Picture("values-80x24", SMALL, ("5", "i", *"256m")),
    Picture("diff-120x36", LARGE, ("F", "d")),
    Picture("write-120x36", LARGE, ("F", "w")),
    Picture("explain-120x36", LARGE, ("8", "e")),
    Picture(
        "host-120x36",
        LARGE,
        ("H",),
        opens=False,
    ),
    Picture(
        "images-120x36",
        LARGE,
        ("I",),
        opens=False,
    ),
    Picture(
        "networks-120x36",
        LARGE,
        ("M",),
        opens=False,
    ),
    Picture(
        "trust-120x36",
        LARGE,
        ("P",),
        opens=False,
    ),
    Picture(
        "meaning-80x24",
        SMALL,
        ("e",),
        opens=False,
    ),
    Picture("trial-120x36", LARGE, ("F", "t", "enter")),
    Picture("trial-80x24", SMALL, ("F", "t", "enter")),
    Picture(
        "trial-light-80x24",
        SMALL,
        ("F", "t", "enter"),
        theme="hardentui-light",
    ),
    Picture("apply-120x36", LARGE, ("F", "A")),
    Picture(
        "training-120x36",
        LARGE,
        ("T",),
        opens=False,
    ),
    Picture(
        "lab-80x24",
        SMALL,
        ("T", "enter"),
        opens=False,
    ),
    Picture(
        "help-80x24",
        SMALL,
        ("question_mark",),
        opens=False,
    ),
    Picture(
        "copy-80x24",
        SMALL,
        ("4", "space", "no-key-container.copy_as"),
    ),
    Picture("monitor-120x36", LARGE, ("m",)),
    Picture("rights-120x36", LARGE, ("R",)),
    Picture(
        "trust-assistant-120x36", LARGE, ("P", "i", *"quay.io/team reject", "ctrl+s"), opens=False
    ),
    Picture(
        "split-120x36",
        LARGE,
        ("M", "no-key-networks.split"),
        opens=False,
    ),
    Picture(
        "journal-120x36",
        LARGE,
        ("J",),
        opens=False,
    ),
    Picture(
        "image-findings-80x24",
        SMALL,
        ("I", "e"),
        opens=False,
    ),
)


def _demo() -> FirstLook:
    return FirstLook.open(Selection(demo=True))


async def _settle(app: HardenApp, pilot: Pilot[None]) -> None:
    """Wait until every worker but the endless watch has ended and everything is drawn."""
    for _ in range(4):
        endless = (*_ENDLESS, "job") if isinstance(app.screen, MonitorScreen) else _ENDLESS
        while any(not worker.is_finished for worker in app.workers if worker.group not in endless):
            await pilot.pause(0.02)
        await pilot.pause(0.2)


@asynccontextmanager
async def opened(
    size: tuple[int, int],
    theme: str = "hardentui-dark",
) -> AsyncIterator[tuple[HardenApp, Pilot[None]]]:
    """The app on the simulated host, with its first scan done."""
    noon = datetime(2026, 1, 2, 12, 0, 0)
    app = HardenApp(
        _demo,
        settings=Settings(theme=theme),
        environ={},
        now=lambda: noon,
    )
    async with app.run_test(size=size) as pilot:
        while app.session.host is None:
            await pilot.pause(0.02)
        yield app, pilot


def picture_of(app: HardenApp) -> str:
    """The screen as SVG, without fonts from the web."""
    return _WEB_FONTS.sub(
        "",
        app.export_screenshot(
            title="HardenTUI",
            simplify=True,
        ),
    )


def keep_a_journal() -> None:
    """A change for the picture of the journal: the simulated host keeps none."""
    entry = JournalEntry(
        id="20260102-115500-0001",
        time="2026-01-02T11:55:00+00:00",
        action=EntryAction.APPLY,
        container=CONTAINER,
        engine="rootful",
        by="anna",
        state=EntryState.DONE,
        changes=(
            JournalChange(
                "no-memory-limit",
                "memory",
                None,
                "512m",
            ),
        ),
        proof=(
            JournalProof(
                "no-memory-limit",
                "pass",
                "memory 512 MiB",
            ),
        ),
        diff=f"--- today/{CONTAINER}.sh\n+++ hardened/{CONTAINER}.sh\n@@ -1,2 +1,3 @@\n exec podman run \\\n"
        f"     --name={CONTAINER} \\\n+    --memory=512m \\\n",
        original=f"{CONTAINER}-before-0001",
        downtime_seconds=1.4,
    )
    Journal().write(entry)


async def take(picture: Picture, directory: Path) -> None:
    """Drive the app to one picture and write it."""
    async with opened(picture.size, picture.theme) as (app, pilot):
        if picture.opens:
            key = next(key for key, row in app.session.rows.items() if row.name == CONTAINER)
            app.open_walk(key)
            await _settle(app, pilot)
        for key in picture.keys:
            await pilot.press(key)
            await pilot.pause(0.2)
        await _settle(app, pilot)
        svg = picture_of(app)
    (directory / f"{picture.name}.svg").write_text(svg, encoding="utf-8")
    print(f"{picture.name}.svg")


def main(directory: Path) -> None:
    """Take all pictures; those of before are replaced."""
    directory = directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    os.chdir("/")  # the pictures show the current directory, and nobody's home belongs into them
    with tempfile.TemporaryDirectory(prefix="hardentui-pictures-") as state:
        # nobody's own progress and journal belong into them either
        os.environ["XDG_STATE_HOME"] = state
        keep_a_journal()
        for picture in PICTURES:
            asyncio.run(take(picture, directory))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DIRECTORY)
