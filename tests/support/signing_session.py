"""A key, a signature and a test of the policy in the terminal UI, driven inside a bench.

Arguments: URL of Podman, image, directory for the key. Writes what the screens say, one line each.
"""

import asyncio
import sys

from textual.widgets import Input

from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.trust import KeyScreen, SignScreen, TrustScreen
from tests.support.trust_session import tell
from tests.tui.support import Driver, drawn, running, until

PASSPHRASE = "correct horse [/x]"


def _fill(app: HardenApp, **values: str) -> None:
    for name, value in values.items():
        app.screen.query_one(f"#{name}", Input).value = value


async def _result(app: HardenApp, pilot: Driver, *words: str) -> None:
    """Tell what the screen says as soon as one of these words stands there, and leave it."""
    await until(
        pilot,
        lambda: any(word in drawn(app) for word in words),
        90,
    )
    tell(" ".join(drawn(app).split()))
    await pilot.press("escape")


async def main(
    url: str,
    image: str,
    directory: str,
) -> None:
    app = HardenApp(lambda: FirstLook.open(Selection(url=url)), environ={})
    async with running(app, (120, 60)) as pilot:
        await until(pilot, lambda: app.session.host is not None)
        await pilot.press("P", "trust.key")
        await until(pilot, lambda: isinstance(app.screen, KeyScreen))
        _fill(
            app,
            name="typed",
            directory=directory,
            passphrase=PASSPHRASE,
            again=PASSPHRASE,
        )
        await pilot.press("ctrl+s")
        await _result(app, pilot, "typed.pub")
        await until(pilot, lambda: isinstance(app.screen, TrustScreen))
        await pilot.press("trust.sign")
        await until(pilot, lambda: isinstance(app.screen, SignScreen))
        _fill(
            app,
            image=image,
            key=f"{directory}/typed.private",
            passphrase="wrong",
        )
        await pilot.press("ctrl+s", "y")
        await _result(
            app,
            pilot,
            "was not signed",
            "signature",
        )
        await until(pilot, lambda: isinstance(app.screen, SignScreen))
        _fill(app, passphrase=PASSPHRASE)
        await pilot.press("ctrl+s", "y")
        await _result(
            app,
            pilot,
            "this key was",
            "was not signed",
        )
        await until(pilot, lambda: isinstance(app.screen, TrustScreen))
        await pilot.press("t", *image, "enter")
        await _result(app, pilot, "verdict")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
