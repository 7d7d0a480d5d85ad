"""Training in the terminal UI, on the simulated host."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, TextArea

from hardentui.checks import all_checks
from hardentui.features.first_look import FirstLook
from hardentui.features.training.lab_files import load_labs
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp
from hardentui.tui.screens.explaining import ExplainScreen
from hardentui.tui.screens.lab import LabScreen
from hardentui.tui.screens.training import TrainingScreen
from hardentui.tui.screens.walk import WalkScreen
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
        await pilot.press(
            "T", opens=TrainingScreen, shows=("0 of 36 labs passed", "Your first fix: privileged")
        )
        await pilot.press(
            "down", "enter", shows=("Lab: One container eats the host", "✗ not yet", "Your task")
        )
        await pilot.press("h", shows="Hint 1")
        await pilot.press(
            "i",
            *"--volume=/:/x",
            "enter",
            shows="/ is outside the lab",
        )
        await pilot.press("i", "ctrl+u", *"podman run --memory=64m", "enter")
        await shows(
            pilot,
            "Solved, with 1 hint.",
            "3 of 3 done, 1 at the start.",
            "esc returns to the labs",
        )
        await pilot.press("pagedown", "pagedown", shows="Created with podman run --memory=64m")
        assert "Press i, change" not in screen_text(app), "nobody asked for the next move"
        await pilot.press(
            "escape",
            opens=TrainingScreen,
            shows=("1 of 36 labs passed", "✓"),
        )
        await until(pilot, lambda: getattr(app.screen, "current", "") == "read-only")
        await pilot.press("up", "up", "enter")
        await shows(
            pilot,
            "Lab: Your first fix",
            "✗ not yet",
            "Created with podman run --privileged",
        )
        assert app.screen.query_one("#options", Input).value == "--privileged"
        await pilot.press(
            "i", *"--init", "enter", shows="Created with podman run --privileged --init"
        )
        await pilot.press("i", "ctrl+u", "enter", shows="Solved.")
    again = make_app()
    async with running(again, size) as pilot:
        await pilot.press("T")
        await until(
            pilot,
            lambda: getattr(again.screen, "current", "") == "read-only",
        )


async def test_a_policy_is_written_on_the_screen() -> None:
    app = make_app()
    async with running(app, (100, 36)) as pilot:
        await pilot.press("T", opens=TrainingScreen)
        ids = [lab.id for lab in load_labs(checks=[check.id for check in all_checks()])]
        to_it = ["down"] * ids.index("signed-images")
        await pilot.press(
            *to_it,
            "enter",
            shows="Only signed images",
            opens=LabScreen,
        )
        policy = app.screen.query_one("#policy", TextArea)
        await until(
            pilot, lambda: "insecureAcceptAnything" in policy.text
        )  # its task names the word, too
        policy.text = '{"default": [{"type": "reject"}]}'
        await pilot.press("i", "ctrl+s", shows="lets nobody work")
        lab = next(lab for lab in load_labs(checks=[c.id for c in all_checks()]) if lab.policy)
        policy.text = lab.solved_policy
        await pilot.press("i", "ctrl+s", shows="Solved.")


async def test_hints_are_still_there_after_leaving() -> None:
    app = make_app()
    async with running(app, (100, 36)) as pilot:
        await pilot.press("T", opens=TrainingScreen)
        await pilot.press("enter", shows=("Why it matters", "✗ not yet"))
        await pilot.press("h", "h", shows="Hint 2")
        await pilot.press("escape", opens=TrainingScreen)
        await pilot.press("enter", shows=("Hint 1", "Hint 2"))
        assert "Hint 3" not in screen_text(app)


async def test_a_lab_solved_as_shown_says_so() -> None:
    app = make_app()
    async with running(app, (100, 36)) as pilot:
        await pilot.press("T", opens=TrainingScreen)
        await pilot.press("enter", shows="✗ not yet")
        await pilot.press("g", shows="Next move")
        await pilot.press("s", shows="Solution")
        await pilot.press("i", "ctrl+u", "enter")
        await shows(pilot, "Solved, with guidance and the solution.")


async def test_the_walk_names_the_lab_about_a_finding_and_so_does_its_page() -> None:
    app = make_app()
    async with running(app, (120, 40)) as pilot:
        await pilot.press("enter", opens=WalkScreen, shows="writable-rootfs")
        await pilot.press("down", "down", "down", shows="learn it")
        await pilot.press("e", opens=ExplainScreen)
        await pilot.press("end", shows="Learn it in a lab")


@pytest.mark.parametrize("size", [(80, 24), (120, 50)])
async def test_a_solved_lab_tells_why_it_works_and_answers_its_question_on_request(
    size: tuple[int, int],
) -> None:
    """The answer is on the screen at once, also where the page is longer."""
    app = make_app()
    async with running(app, size) as pilot:
        await pilot.press("T", opens=TrainingScreen)
        await pilot.press("enter", shows=("not yet", "Your task"))
        await pilot.press("e", shows="solve it first")
        await pilot.press("i", shows="⏎ Recreate it")
        await pilot.press("ctrl+u", "enter", shows=("Solved.", "Why it works", "e Answer"))
        assert "under another name" not in screen_text(app)
        await pilot.press("e", shows="under another name")


async def test_why_an_answer_was_refused_stays_on_the_page_until_the_next() -> None:
    app = make_app()
    async with running(app, (100, 36)) as pilot:
        await pilot.press("T", opens=TrainingScreen)
        await pilot.press("enter", shows="✗ not yet")
        await pilot.press(
            "i", *" --readonly", "enter", shows="podman run has no option --readonly."
        )
        await pilot.press("h", shows=("Hint 1", "podman run has no option --readonly."))
        await pilot.press("i", "ctrl+u", "enter", shows="Solved, with 1 hint.")
        assert "--readonly" not in screen_text(app)
