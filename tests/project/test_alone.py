"""What fails beside others is run once more alone, and what fails alone fails the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import INCOMPLETE

_ROOT = Path(__file__).parents[2]
_RACES = """
from pathlib import Path

def test_passes_the_second_time():
    seen = Path("seen")
    assert seen.exists() or seen.touch()

def test_passes():
    assert True
"""


_UNABLE = """
from tests.conftest import cannot_run

def test_live():
    cannot_run("run: apt")
"""


def _run(folder: Path, tests: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_some.py").write_text(tests)
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    for name in ("PYTEST_XDIST_WORKER", "CI", "HARDENTUI_REQUIRE_LIVE"):
        environment.pop(name, None)
    return subprocess.run(
        [sys.executable, "-m", "tools.alone", *arguments, "-n", "2", "-p", "no:asyncio"],
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


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A commit, and the note of an earlier run."""
    (tmp_path / ".gitignore").write_text(".tested\n.venv\n.pytest_cache\n__pycache__\nseen\n")
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / ".tested").write_text("an older commit")
    return tmp_path


def _commit(folder: Path, tests: str) -> str:
    (folder / "test_some.py").write_text(tests)
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-q", "-m", "All")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def test_a_commit_is_tested_when_everything_passed_at_once(checkout: Path) -> None:
    tests = "def test_passes(): assert True"
    commit = _commit(checkout, tests)
    assert _run(checkout, tests, "--note", ".tested").returncode == 0
    assert (checkout / ".tested").read_text() == commit


@pytest.mark.parametrize(
    ("tests", "code"),
    [
        (_RACES, 0),
        (_UNABLE, INCOMPLETE),
        (_RACES + _UNABLE, INCOMPLETE),
        ("def test_f(): 1 / 0", 1),
    ],
    ids=["a race", "a live test cannot run", "both", "a failure"],
)
def test_nothing_else_is_a_tested_commit(checkout: Path, tests: str, code: int) -> None:
    _commit(checkout, tests)
    done = _run(checkout, tests, "--note", ".tested")
    assert done.returncode == code, done.stdout + done.stderr
    assert not (checkout / ".tested").exists()


def test_changes_that_are_in_no_commit_are_not_tested(checkout: Path) -> None:
    _commit(checkout, "")
    done = _run(checkout, "def test_passes(): assert True", "--note", ".tested")
    assert done.returncode == 0
    assert not (checkout / ".tested").exists()
