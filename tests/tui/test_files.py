"""`hardentui ./quadlets`: the same list, walk, diff and writing, on files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from textual.widgets import Button

from hardentui.features.at_rest.browsing import FilesLook
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.files import FilesScreen
from hardentui.tui.screens.job import JobScreen
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


FRONT = "services:\n  front:\n    image: quay.io/acme/front:2\n    privileged: true\n"


async def test_all_files_are_hardened_on_one_page(tmp_path: Path) -> None:
    """What they have alike is told once; a level, a struck fix and a file decide what is written."""
    for name in ("web", "api", "cron"):
        (tmp_path / f"{name}.container").write_text(WEB.replace("PodmanArgs=--privileged\n", ""))
    (tmp_path / "compose.yaml").write_text(FRONT)
    look = FilesLook((str(tmp_path),), "")
    app = HardenApp(
        lambda: look,
        now=lambda: NOON,
        environ={},
    )
    async with running(app, (120, 40)) as pilot:
        await shows(pilot, "no engine", "front")
        await pilot.press("X", opens=FilesScreen)
        await shows(
            pilot,
            "all but what may break a service",
            "The same in most services",
            "3 services",
            "3 files would",
        )
        assert screen_text(app).count("no-new-privileges") == 1
        await pilot.press("down", "space", shows="[ ] --security-opt no-new-privileges")
        await pilot.press(
            "v", shows=("all that can be carried out", "4 files would change", "front")
        )
        await pilot.press("d", shows="Go to a service")
        await pilot.press("w", opens=JobScreen)
        await shows(pilot, "4 files would change", "+++ b/", "ReadOnly=true")
        assert "NoNewPrivileges=true" not in screen_text(app), "it was struck out of all"
        await pilot.press("ctrl+s", shows="Write 4 files in place?")
        await pilot.press("y")
        await until(pilot, lambda: "ReadOnly=true" in (tmp_path / "web.container").read_text())
    for name in ("web", "api", "cron"):
        text = (tmp_path / f"{name}.container").read_text()
        assert "NoNewPrivileges" not in text
        assert "# loud" in text
    assert "privileged: true" not in (tmp_path / "compose.yaml").read_text()


LOUD = "services:\n" + "".join(
    f"  {name}:\n    image: docker.io/library/nginx:1.27\n    privileged: true\n"
    for name in ("web", "api", "cron")
)


async def test_what_to_do_first_leads_into_files(tmp_path: Path) -> None:
    """A line about several services marks them; one about a single service opens its walk."""
    (tmp_path / "compose.yaml").write_text(LOUD)
    look = FilesLook((str(tmp_path),), "")
    app = HardenApp(
        lambda: look,
        now=lambda: NOON,
        environ={},
    )
    async with running(app, (120, 40)) as pilot:
        await shows(pilot, "Do these first", "3 containers")
        await pilot.press("1", shows="3 containers are marked")
        assert len(app.session.marks) == 3


async def test_a_file_is_never_promised_a_trial(tmp_path: Path) -> None:
    (tmp_path / "web.container").write_text(WEB.replace("PodmanArgs=--privileged\n", ""))
    look = FilesLook((str(tmp_path),), "")
    app = HardenApp(
        lambda: look,
        now=lambda: NOON,
        environ={},
    )
    async with running(app, (120, 40)) as pilot:
        await shows(pilot, "Do these first", "may break")
        assert "trial" not in screen_text(app)
        await pilot.press("1", shows="? unknown")


async def test_files_become_a_patch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "web.container").write_text(WEB)
    look = FilesLook((str(tmp_path),), "")
    app = HardenApp(
        lambda: look,
        now=lambda: NOON,
        environ={},
    )
    async with running(app, (120, 40)) as pilot:
        await shows(pilot, "no engine", "web")
        await pilot.press("h", opens=FilesScreen)
        await pilot.press("v", shows=("all that can be carried out", "1 file would change"))
        await pilot.press("w", opens=JobScreen, shows="+ReadOnly=true")
        await pilot.press("w", shows="Directory for hardening.patch")
        await pilot.press("enter")
        await until(pilot, (tmp_path / "hardening.patch").exists)
    _git(tmp_path, "init", "-q", ".")
    _git(tmp_path, "apply", "hardening.patch")
    assert "--privileged" not in (tmp_path / "web.container").read_text()


async def test_h_on_a_file_without_a_recommended_fix_says_what_there_is(tmp_path: Path) -> None:
    """It must not end the program."""
    (tmp_path / "agent.container").write_text(
        "[Container]\nImage=quay.io/a/b\nPodmanArgs=--privileged\nNetwork=host\n"
    )
    look = FilesLook((str(tmp_path),), "")
    app = HardenApp(
        lambda: look,
        now=lambda: NOON,
        environ={},
    )
    async with running(app, (80, 24)) as pilot:
        await shows(pilot, "no engine", "agent")
        await pilot.press("h", opens=FilesScreen)
        await shows(pilot, "no file would change", "Nothing to change at this level")
        await pilot.press("v", shows="1 file would change")
        await pilot.press("escape", shows="no engine")


def _git(place: Path, *words: str) -> None:
    subprocess.run(
        ["git", *words],
        check=True,
        cwd=place,
    )
