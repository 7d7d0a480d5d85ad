"""When HardenTUI itself fails, it says where, and nothing of what it was working on."""

import subprocess
import sys

import pytest

from hardentui.cli import run as commands
from hardentui.faults import EXIT_CODE, fault_text
from hardentui.tui.app import HardenApp
from tests.tui.replayed import nothing
from tests.tui.support import make_app

SECRET = "hunter2-of-the-database"


def _fails(value: str) -> int:
    password = value
    try:
        return int(password)
    except ValueError as error:
        raise KeyError(password) from error


def test_a_fault_is_told_by_its_place_and_without_values() -> None:
    with pytest.raises(KeyError) as caught:
        _fails(SECRET)
    told = fault_text(caught.value)
    assert "KeyError (after ValueError)" in told
    assert "unit/test_fault.py:" in told
    assert "_fails" in told
    assert SECRET not in told


def test_a_command_that_fails_says_so_and_is_no_check_with_findings(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        commands,
        "_command",
        lambda *_: _fails(SECRET),
    )
    assert commands.run(["doctor"]) == EXIT_CODE
    told = capsys.readouterr()
    assert "internal error: KeyError" in told.err
    assert SECRET not in told.out + told.err


def test_a_thread_that_fails_tells_no_values() -> None:
    code = f"""
import threading
from hardentui import __main__
def broken():
    password = {SECRET!r}
    raise ValueError(password)
def main(become=None):
    thread = threading.Thread(target=broken)
    thread.start()
    thread.join()
    return 0
__main__.main = main
__main__.command()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "internal error: ValueError" in done.stderr
    assert SECRET not in done.stderr


async def test_the_terminal_ui_ends_without_the_values_of_its_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app: HardenApp = make_app(nothing())

    def broken() -> None:
        password = SECRET
        raise ValueError(password)

    async def run() -> None:
        async with app.run_test() as pilot:
            app.call_later(broken)
            await pilot.pause(0.1)

    with pytest.raises(ValueError, match=SECRET):  # the test's own driver raises it once more
        await run()
    told = capsys.readouterr().err
    assert "internal error: ValueError" in told
    assert "test_fault.py" in told
    assert SECRET not in told
    assert app.return_code == EXIT_CODE
