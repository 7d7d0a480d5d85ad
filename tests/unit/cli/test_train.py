"""The training by commands, on the simulated host: what a learner is told to do next can be done."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hardentui.__main__ import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def train(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    for variable in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["train", *words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_passed_lab_leads_to_the_next_one_and_is_not_open_any_more(train: Run) -> None:
    assert "For a hint: hardentui train hint" in train("--demo", "start", "first-run")[2]
    code, said, told = train("run")
    assert code == 0
    assert "Solved." in said
    assert "Next: hardentui train --demo start memory-limit" in told
    told = train()[2]
    assert "Open now" not in told
    assert "Next: hardentui train start memory-limit" in told
