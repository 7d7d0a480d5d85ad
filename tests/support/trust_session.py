"""The trust assistant, driven inside a bench: what it writes is the bench's own /etc/containers.

Arguments: URL of Podman, rule, signed image. Writes what the screen says, then `applied` and, after
the journal took it back, `undone`.
"""

import asyncio
import sys

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.trust import TrustForm, TrustScreen
from tests.tui.support import drawn, running, until


def tell(text: str) -> None:
    """To the test outside."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def main(url: str, rule: str, signed: str) -> None:
    app = HardenApp(lambda: FirstLook.open(Selection(url=url)), environ={})
    async with running(app, (120, 60)) as pilot:
        await until(pilot, lambda: app.session.host is not None)
        await pilot.press("P")
        await until(pilot, lambda: isinstance(app.screen, TrustScreen))
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, TrustForm))
        await pilot.press(*rule, "tab", *signed, "ctrl+s")
        await until(
            pilot,
            lambda: "Every pull ended as expected" in drawn(app) or "Not applied" in drawn(app),
            90,
        )
        tell(drawn(app))
        await pilot.press("ctrl+s", shows="The journal (J) undoes it")
        await pilot.press("y")
        await until(
            pilot, lambda: any("Undo: u in the" in note.message for note in app._notifications)
        )
        tell("applied")
        sys.stdin.readline()  # until the test has looked at what holds now
        await pilot.press("J", shows="u undoes it")
        await pilot.press("u", "y", shows="is as before")
        tell("undone")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
