"""Training in the terminal UI, on the simulated host."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, TextArea

from hardentui.checks import all_checks
from hardentui.features.first_look import FirstLook
from hardentui.features.training.course import load_labs
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.training import LabScreen, TrainingScreen
from tests.tui.support import running, screen_text, shows, until


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def make_app() -> HardenApp:
    return HardenApp(lambda: FirstLook.open(Selection(demo=True)), environ={})


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_lab_is_done_with_the_keyboard_alone(size: tuple[int, int]) -> None:
    app = make_app()
    async with running(app, size) as pilot:
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await shows(pilot, "0 of 30 labs passed", "Your first fix: privileged")
        await pilot.press("down", "enter", shows=("Lab: One container eats the host", "✗ works", "Your task"))
        await pilot.press("e", shows="Hint 1")
        await pilot.press("i", *"--volume=/:/x", "enter", shows="/ is outside the lab")
        options = app.screen.query_one("#options", Input)
        options.value = ""
        await pilot.press("i", *"podman run --memory=64m", "enter")
        await shows(pilot, "✓ blocked", "Solved: 8 points.", "X repeats this one as an exam.")
        await shows(pilot, "Created with podman run --memory=64m")
        assert "Next move" not in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await shows(pilot, "1 of 30 labs passed", "✓")
        await until(pilot, lambda: getattr(app.screen, "current", "") == "first-run")
        await pilot.press("enter")
        await shows(pilot, "Lab: Your first fix", "✗ works", "Created with podman run --privileged")
        await pilot.press("i", "enter", shows="Solved: 10 points.")
    again = make_app()
    async with running(again, size) as pilot:
        await pilot.press("T")
        await until(pilot, lambda: getattr(again.screen, "current", "") == "read-only")


async def test_a_policy_is_written_on_the_screen() -> None:
    app = make_app()
    async with running(app, (100, 36)) as pilot:
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        ids = [lab.id for lab in load_labs(checks=[check.id for check in all_checks()])]
        to_it = ["down"] * ids.index("signed-images")
        await pilot.press(*to_it, "enter", shows=("Only signed images", "insecureAcceptAnything"))
        await until(pilot, lambda: isinstance(app.screen, LabScreen))
        app.screen.query_one("#policy", TextArea).text = '{"default": [{"type": "reject"}]}'
        await pilot.press("i", "ctrl+s", shows="Solved: 10 points.")


async def test_an_exam_shows_neither_hints_nor_reasons() -> None:
    app = make_app()
    async with running(app, (100, 36)) as pilot:
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await pilot.press("enter", shows=("Why it matters", "Next move"))
        await pilot.press("lab.exam", shows="exam: 3 minutes, no hints")
        await until(pilot, lambda: "Why it matters" not in screen_text(app))
        await pilot.press("e", shows="no hints in an exam")


async def test_hints_that_were_paid_for_are_still_there_after_leaving() -> None:
    app = make_app()
    async with running(app, (100, 36)) as pilot:
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await pilot.press("enter", shows=("Why it matters", "✗ works"))
        await pilot.press("e", "e", shows="Hint 2")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await pilot.press("enter", shows=("Hint 1", "Hint 2"))
        assert "Hint 3" not in screen_text(app)


async def test_a_lab_solved_without_points_says_why() -> None:
    app = make_app()
    async with running(app, (100, 36)) as pilot:
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await pilot.press("enter", shows="✗ works")
        await pilot.press("lab.solution", shows="Solution")
        await pilot.press("i", "enter")
        await shows(pilot, "Solved, without points: the solution was shown before. n starts over.")


async def test_the_certificate_is_written_from_the_map(tmp_path: Path) -> None:
    app = make_app()
    async with running(app, (80, 24)) as pilot:
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await pilot.press("i", shows="The name on the certificate:")
        await pilot.press(*"Anna", "enter")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await pilot.press("E", shows=("training", "30 labs", ".html"))
        file = app.screen.query_one("#file", Input)
        file.value = str(tmp_path / "certificate.html")
        await pilot.press("enter")
        await until(pilot, lambda: (tmp_path / "certificate.html").exists())
    assert "Anna" in (tmp_path / "certificate.html").read_text()
