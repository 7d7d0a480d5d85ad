"""`hardentui ./quadlets`: the same list, walk, diff and writing, on files."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Button

from hardentui.features.at_rest.browsing import FilesLook
from hardentui.tui.app import HardenApp
from tests.tui.support import NOON, running, screen_text, shows, until, writes
from tests.tui.test_in_place import tick

WEB = (
    "[Container]\nImage=docker.io/library/nginx:1.27\n# "
    "loud\nPodmanArgs=--privileged\nNetwork=shop\n"
)
COMPOSE = "services:\n  web: # the server\n    image: docker.io/a/b:1\n"


@pytest.mark.parametrize(
    ("name", "text", "kept", "added"),
    [
        ("web.container", WEB, "# loud\n", "NoNewPrivileges=true\n"),
        ("compose.yaml", COMPOSE, "  web: # the server\n", "- no-new-privileges:true\n"),
    ],
)
async def test_files_are_listed_walked_and_written(
    tmp_path: Path,
    name: str,
    text: str,
    kept: str,
    added: str,
) -> None:
    (tmp_path / name).write_text(text)
    look = FilesLook((str(tmp_path),), "")
    app = HardenApp(
        lambda: look,
        now=lambda: NOON,
        environ={},
    )
    async with running(app, (120, 40)) as pilot:
        await shows(
            pilot,
            "no engine",
            "web",
            f"{tmp_path}/{name}"[:20],
        )
        await pilot.press("enter", shows="? unknown")
        await pilot.press("F", "d", shows="edit its file")
        await pilot.press("escape", "w")
        await until(pilot, lambda: writes(app))
        await tick(app, pilot, "in-place")
        await until(
            pilot,
            lambda: not app.screen.query_one("#write", Button).disabled,
        )
        await pilot.press("ctrl+s")
        await until(pilot, lambda: (tmp_path / name).read_text() != text)
        assert "systemctl" not in screen_text(app), "nothing runs it here"
    after = (tmp_path / name).read_text()
    assert kept in after
    assert added in after


async def test_what_needs_an_engine_says_so(tmp_path: Path) -> None:
    (tmp_path / "web.container").write_text(WEB)
    look = FilesLook((str(tmp_path),), "")
    app = HardenApp(
        lambda: look,
        now=lambda: NOON,
        environ={},
    )
    async with running(app, (120, 40)) as pilot:
        await pilot.press("enter", shows="score")
        await pilot.press("m", shows="No engine was asked: these are files.")
        await pilot.press("F", "A", shows="NoNewPrivileges=true")
        await pilot.press("escape", shows="score")


async def test_h_shows_the_recommended_change_of_a_file(tmp_path: Path) -> None:
    """No twin can be tried: nothing runs here."""
    (tmp_path / "web.container").write_text(WEB)
    look = FilesLook((str(tmp_path),), "")
    app = HardenApp(
        lambda: look,
        now=lambda: NOON,
        environ={},
    )
    async with running(app, (80, 24)) as pilot:
        await shows(pilot, "no engine", "web")
        await pilot.press("h")
        await until(pilot, lambda: writes(app))
        await shows(pilot, "NoNewPrivileges=true")
        assert "--cpus" not in screen_text(app), "no limit is invented"
        await pilot.press("escape")
        await until(pilot, lambda: not writes(app))
