"""A short animated picture of the main job: found, tried, applied. Written to
screenshots/recording.svg.

The app runs on the simulated host, at the size of a small terminal, driven by the keys of a user.
Each screen that differs from the one before is a frame; the frames take turns in one SVG, by CSS
alone.

Run `make recording`, or `python tools/recording.py [FILE]`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from textual.pilot import Pilot

from hardentui.tui.app import HardenApp
from tools.screenshots import CONTAINER, DIRECTORY, SMALL, opened, picture_of

SCENES = (
    ("", 2.5),
    (f"/{CONTAINER}", 1.0),
    ("enter", 1.0),
    ("h", 3.0),
    ("enter", 5.0),
    ("d", 4.0),
    ("enter", 5.0),
)
"""Keys, and the seconds for which the screen they lead to stays. `/text` types a filter."""
_STEP = 0.6
"""Seconds for which a screen stays while something is going on."""
_LONGEST = 60.0
_BETWEEN = 0.3


async def _frames(
    app: HardenApp,
    pilot: Pilot[None],
) -> AsyncIterator[tuple[str, float]]:
    """(picture, seconds) of each screen, in order."""
    for keys, seconds in SCENES:
        typed = ("slash", *keys[1:]) if keys.startswith("/") else keys.split()
        if typed:
            await pilot.press(*typed)
        before = picture_of(app)
        busy = True
        waited = 0.0
        while busy and waited < _LONGEST:
            busy = any(not worker.is_finished for worker in app.workers if worker.group != "watch")
            await pilot.pause(_BETWEEN)
            waited += _BETWEEN
            now = picture_of(app)
            if busy and now != before:
                yield now, _STEP
                before = now
        yield picture_of(app), seconds


def animated(frames: list[tuple[str, float]]) -> str:
    """One SVG that shows pictures of one size in turn, without end.

    Args:
        frames: (SVG, seconds); where nothing moves, the last one stays in sight.
    """
    whole = sum(seconds for _, seconds in frames)
    opening = frames[0][0].partition("viewBox=")[2].partition('"')[2].partition('"')[0]
    rules, pictures, begun = [], [], 0.0
    for number, (picture, seconds) in enumerate(frames):
        start, end = 100 * begun / whole, 100 * (begun + seconds) / whole
        rules.append(
            f"@keyframes f{number} {{ 0%, {start:.3f}% {{ visibility: hidden }} {start:.3f}%, {end:.3f}% "
            f"{{ visibility: visible }} {end:.3f}%, 100% {{ visibility: hidden }} }}\n"
            f"#f{number} {{ animation: f{number} {whole:.2f}s step-end infinite }}\n"
        )
        pictures.append(f'<g id="f{number}">{picture}</g>\n')
        begun += seconds
    style = f"<style>{''.join(rules)}</style>"
    drawn = "".join(pictures)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{opening}">\n{style}\n{drawn}</svg>\n'


async def record() -> str:
    """Drive the app through the scenes."""
    frames: list[tuple[str, float]] = []
    async with opened(SMALL) as (app, pilot):
        async for picture, seconds in _frames(app, pilot):
            if frames and frames[-1][0] == picture:
                frames[-1] = (picture, frames[-1][1] + seconds)
            else:
                frames.append((picture, seconds))
    return animated(frames)


def main(file: Path) -> None:
    """Write the animation to a file."""
    file = file.absolute()
    os.chdir("/")
    with tempfile.TemporaryDirectory(prefix="hardentui-recording-") as state:
        os.environ["XDG_STATE_HOME"] = state
        svg = asyncio.run(record())
    file.write_text(svg, encoding="utf-8")
    print(f"{file.name}: {len(svg) >> 10} kB, {svg.count('<g id=')} frames")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DIRECTORY / "recording.svg")
