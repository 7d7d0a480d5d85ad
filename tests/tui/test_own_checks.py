"""A site's own checks in the terminal UI: found in their step, chosen, and in the plan like all
others."""

from __future__ import annotations

from pathlib import Path

from hardentui.tui.screens.walk import WalkScreen
from tests.tui.replayed import some
from tests.tui.support import at_home, shows, until

SITE = """
id = "site"
title = "Ours"
extends = "baseline"

[[step]]
number = 8
checks = ["site-memory"]

[[own]]
id = "site-memory"
title = "More memory than the site allows"
step = 8
severity = "critical"
option = "memory"
operator = "at-most"
value = "2g"
why = "Three services share 8 GiB."
"""


async def test_an_own_check_is_chosen_like_every_other_one(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    host = some()
    host.checklist = str(path)
    async with at_home(host, (120, 36)) as (app, pilot):
        await until(pilot, lambda: app.session.host is not None)
        await shows(pilot, "▸ shop-web", "· site")
        await pilot.press("enter", opens=WalkScreen)
        await pilot.press("8")
        await shows(
            pilot,
            "More memory than the site allows",
            "site-memory",
            "Set --memory to 2g",
        )
        await pilot.press("space", shows=("with 1 fix", "2g"))
        await pilot.press(
            "e",
            shows=("--memory must be at most 2g", "Three services share 8 GiB."),
        )
