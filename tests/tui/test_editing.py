"""$EDITOR for the plan and for a written unit. The terminal is handed over in test_real_terminal.py only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from textual.widgets import Checkbox

from hardentui.account import ONLY_BELOW
from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.values import DiffScreen
from hardentui.tui.screens.walk import WalkScreen
from hardentui.tui.screens.write import WriteScreen
from tests.tui.support import Driver, running, screen_text, shows, until

Editor = Callable[[str], None]


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editor:
    """Have $EDITOR be a script of the shell that finds the file in $1."""
    monkeypatch.setattr(HardenApp, "suspend", lambda self: nullcontext())
    monkeypatch.delenv("VISUAL", raising=False)

    def use(body: str) -> None:
        path = tmp_path / "editor"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        monkeypatch.setenv("EDITOR", str(path))

    return use


def _app() -> HardenApp:
    return HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})


async def _difference(pilot: Driver, *keys: str) -> None:
    """The difference of shop-web."""
    await pilot.press("slash", *"name:shop-web", "enter", "enter", shows=("shop-web", "Plan"))
    walk = pilot.app.screen
    assert isinstance(walk, WalkScreen)
    await until(pilot, lambda: not walk.why_not("safe"))  # what can be chosen is known
    await pilot.press(*keys, "d")
    await until(pilot, lambda: isinstance(pilot.app.screen, DiffScreen))


async def test_the_edited_plan_is_chosen(editor: Editor) -> None:
    editor(
        """grep -q 'check = "writable-rootfs"' "$1" || exit 9
        printf '[[fix]]\\ncheck = "no-memory-limit"\\nparameters = { memory = "333m" }\\n' > "$1" """
    )
    app = _app()
    async with running(app, (110, 36)) as pilot:
        await _difference(pilot, "F")
        await pilot.press("e", shows=("1 fix is chosen", "333m"))
        app.clear_notifications()  # they would hide the plan
        await pilot.press("escape", shows="333m")
        assert [list(chosen) for chosen in app.session.choices.values() if chosen] == [["no-memory-limit"]]


async def test_faults_are_told_with_their_lines_and_can_be_mended(editor: Editor) -> None:
    editor("""printf '[[fix]]\\ncheck = "no-memory-limt"\\n' > "$1" """)
    app = _app()
    async with running(app, (110, 36)) as pilot:
        await _difference(pilot, "a")
        before = {key: dict(chosen) for key, chosen in app.session.choices.items()}
        await pilot.press("e", shows=("line 2: there is no", "'no-memory-limit'?", "e opens it again"))
        assert app.session.choices == before
        editor("""sed -i s/limt/limit/ "$1" """)
        await pilot.press("e", shows="1 fix is chosen")


async def test_a_written_unit_is_edited_and_checked(editor: Editor, tmp_path: Path) -> None:
    editor("""sed -i 's/^ContainerName=/Fooo=/' "$1" """)
    app = _app()
    app.session.directory = str(tmp_path / "units")
    async with running(app, (110, 36)) as pilot:
        await _difference(pilot, "a")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, WriteScreen))
        await pilot.press("f4", shows="Write a Quadlet to a directory first")
        await shows(pilot, "accepts it")
        await pilot.press("ctrl+s")
        unit = tmp_path / "units" / "shop-web.container"
        await until(pilot, unit.exists)
        await shows(pilot, "next:")
        written = unit.read_text()
        await pilot.press("f4", shows=("line ", "Fooo", "nothing was written"))
        assert unit.read_text() == written
        editor("""sed -i 's/^Fooo=/ContainerName=/; $a# mine' "$1" """)
        await pilot.press("f4")
        await until(pilot, lambda: unit.read_text().endswith("# mine\n"))
        assert (tmp_path / "units" / "shop-web.container.bak").read_text() == written


async def test_a_confined_session_runs_no_editor(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor(f"touch {tmp_path}/ran")
    monkeypatch.setenv(ONLY_BELOW, str(tmp_path))
    async with running(_app(), (110, 36)) as pilot:
        await _difference(pilot, "a")
        await pilot.press("e", shows="No program can be started here")
        assert not (tmp_path / "ran").exists()


async def test_a_terminal_that_cannot_be_handed_over_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "sh")
    async with running(_app(), (110, 36)) as pilot:
        await _difference(pilot, "a")
        await pilot.press("e", shows="cannot run an editor")
        assert "chosen." not in screen_text(pilot.app)


async def test_kubernetes_and_ansible_are_written_beside_the_quadlet(tmp_path: Path) -> None:
    app = _app()
    app.session.directory = str(tmp_path / "units")
    async with running(app, (110, 90)) as pilot:
        await _difference(pilot, "a")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, WriteScreen))
        await shows(pilot, "Quadlet", "Kubernetes", "Ansible")
        for tick in ("kube", "ansible"):
            app.screen.query_one(f"#{tick}", Checkbox).value = True
        await shows(pilot, "shop-web.kube.yaml", "kind: Pod")
        await pilot.press("ctrl+s", shows="next:")
    written = {path.name for path in (tmp_path / "units").iterdir()}
    assert {
        "shop-web.container",
        "shop-web.kube.yaml",
        "shop-web.playbook.yml",
        "requirements.yml",
    } <= written
