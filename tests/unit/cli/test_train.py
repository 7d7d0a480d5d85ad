"""The training by commands, on the simulated host: what a learner is told to do next can be done."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hardentui.__main__ import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
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
    assert "Solved: 10 points." in said
    assert "Next: hardentui train --demo start memory-limit" in told
    told = train()[2]
    assert "Open now" not in told
    assert "Next: hardentui train start memory-limit" in told


def test_the_labs_of_a_class_are_listed(train: Run, tmp_path: Path) -> None:
    course = tmp_path / "spring.toml"
    course.write_text(
        'title = "Hardening, spring class"\nlabs = ["first-run", "memory-limit"]\npass_mark = 60\n'
    )
    code, said, told = train("--class", str(course))
    assert code == 0, told
    assert said.startswith("Hardening, spring class\n")
    assert "0 of 2 labs passed" in said
    assert "60% are needed to pass." in said
    assert "spring class" in train("export", "--class", str(course))[1]


def test_an_exam_offers_no_hints_and_says_how_to_get_some(train: Run) -> None:
    assert "hint" not in train("--demo", "start", "memory-limit", "--exam")[2]
    assert "hint" not in train("check")[2]
    code, _, told = train("hint")
    assert code == 2
    assert "With hints: hardentui train start memory-limit" in told
    code, said, _ = train("run", "--memory=64m")
    assert code == 0
    assert "Solved: 15 points." in said
