"""What fails beside others is run once more alone, and what fails alone fails the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_RACES = """
from pathlib import Path

def test_passes_the_second_time():
    seen = Path("seen")
    assert seen.exists() or seen.touch()

def test_passes():
    assert True
"""


def _run(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_some.py").write_text(tests)
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    environment.pop("PYTEST_XDIST_WORKER", None)
    return subprocess.run(
        [sys.executable, "-m", "tools.alone", "-n", "2", "-p", "no:asyncio"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_race_is_named_and_fails_nothing(tmp_path: Path) -> None:
    done = _run(tmp_path, _RACES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(
        "Each passed alone. They have a race to end:\n  test_some.py::test_passes_the_second_time\n"
    )
    assert "1 passed" in done.stdout, "the second run has only what failed"


@pytest.mark.parametrize(
    ("tests", "runs"),
    [
        ("def test_fails(): assert False", 2),
        ("\n".join(f"def test_{number}(): assert False" for number in range(5)), 1),
        ("import nothing_of_that_name", 2),
    ],
    ids=["fails alone too", "more than a few fail", "cannot be imported"],
)
def test_what_is_no_race_fails(tmp_path: Path, tests: str, runs: int) -> None:
    done = _run(tmp_path, tests)
    assert done.returncode != 0
    assert done.stdout.count("short test summary info") == runs
    assert "a race to end" not in done.stdout


def test_nothing_fails(tmp_path: Path) -> None:
    done = _run(tmp_path, "def test_passes(): assert True")
    assert done.returncode == 0
    assert "Run again" not in done.stdout
