"""A new command with its screen is a task, two modules and two rows. Those of CONTRIBUTING.md are added to
a copy of the program."""

import json

import pytest

from tests.support.program_copy import ProgramCopy

OPEN = """
import asyncio
from hardentui.features.first_look import FirstLook
from hardentui.features.views import Selection
from hardentui.tui.app import HardenApp

async def main() -> None:
    app = HardenApp(
        lambda: FirstLook.open(Selection(demo=True)), environ={}, opening="uptime"
    )
    async with app.run_test(size=(100, 30)) as pilot:
        for _ in range(600):
            await pilot.pause(0.1)
            shown = "\\n".join(
                "".join(segment.text for segment in strip)
                for strip in app.screen._compositor.render_strips()
            )
            if type(app.screen).__name__ == "UptimeScreen" and "shop-web" in shown:
                print("SHOWN", app.screen.heading().plain)
                return
        print(shown)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> ProgramCopy:
    """A copy of the program with the five pieces."""
    copy = ProgramCopy(tmp_path_factory.mktemp("copy"))
    copy.add_example("The task, in a room or in a module of its own,")
    copy.add_example("The command,")
    copy.add_example("Its row, below `doctor` in", below='"doctor": ')
    copy.add_example("The screen,")
    copy.add_example("Its row, below `commands` in", below='"pages.CommandsScreen"')
    return copy


def test_it_is_told_as_text_and_as_json(copy: ProgramCopy) -> None:
    text = copy.run("-m", "hardentui", "uptime", "--demo")
    assert text.returncode == 0, text.stderr
    assert "shop-web" in text.stdout
    document = json.loads(
        copy.run(
            "-m",
            "hardentui",
            "uptime",
            "--demo",
            "--format=json",
        ).stdout
    )
    assert document["schema"] == "hardentui/uptime/1"
    assert document["containers"]["shop-web"]


def test_help_and_completion_know_it(copy: ProgramCopy) -> None:
    assert "how long containers have been running" in copy.run("-m", "hardentui", "--help").stdout
    assert "--format" in copy.run("-m", "hardentui", "uptime", "--help").stdout
    completion = copy.run(
        "-m",
        "hardentui",
        "config",
        "completion",
        "bash",
    )
    assert "uptime" in completion.stdout


def test_its_screen_opens(copy: ProgramCopy) -> None:
    done = copy.run("-c", OPEN)
    assert "SHOWN Uptime" in done.stdout, done.stdout + done.stderr
