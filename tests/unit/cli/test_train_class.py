"""A trainer's class by commands: names, labs, start, end, an exam, the report, a result that can be
checked."""

import json
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hardentui.__main__ import main
from tests.support.schemas import validated

Run = Callable[..., tuple[int, str, str]]
COURSE = 'title = "Shop week"\nlabs = ["our-shop", "first-run"]\nown = "ours"\n'
OURS = Path(__file__).parents[3] / "checklists" / "labs" / "read-only.toml"


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


@pytest.fixture
def course(tmp_path: Path) -> str:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "our-shop.toml").write_text(OURS.read_text())
    (tmp_path / "course.toml").write_text(COURSE)
    return str(tmp_path / "course.toml")


def test_a_course_gives_labs_of_one_s_own_and_ours_in_its_order(train: Run, course: str) -> None:
    lines = train("--labs", course)[1].splitlines()
    assert "A page that nobody can deface" in lines[0]
    assert "Your first fix" in lines[1]
    assert "0 of 2 labs passed" in lines[-1]


def test_the_settings_name_labs_for_every_way_to_learn(
    train: Run, course: str, tmp_path: Path
) -> None:
    settings = tmp_path / "XDG_CONFIG_HOME" / "hardentui" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'labs = "{course}"\n')
    assert "0 of 2 labs passed" in train()[1]


def test_nobody_works_before_a_class_starts_nor_after_it_ended(train: Run) -> None:
    train("class", "new", "anna", "ben", "--lab", "first-run")
    start = ("--as", "anna", "--demo", "start", "first-run")
    code, _, told = train(*start)
    assert (code, "has not started yet" in told) == (2, True)
    assert train("class", "new", "carla")[0] == 2, "one class at a time"
    train("class", "start")
    assert train(*start)[0] == 0
    train("class", "end")
    code, _, told = train("--as", "anna", "run")
    assert (code, "The class has ended" in told) == (2, True)
    assert train("--as", "eve", "--demo", "start", "1")[0] == 2
    assert train("class", "new", "carla")[0] == 0


def test_the_report_tells_who_solved_what_and_with_which_help(train: Run, course: str) -> None:
    train("class", "new", "anna", "Ben B.", "--labs", course)
    train("class", "start")
    for words in (
        ("--demo", "start", "our-shop"),
        ("hint",),
        ("run", "--cap-drop=all"),
        ("solution",),
        ("--demo", "start", "our-shop"),
        ("run", "--read-only"),
    ):
        train("--as", "anna", *words)
    document = validated(json.loads(train("report", "--format", "json")[1]))
    anna, ben = document["learners"]
    row = anna["labs"][0]
    assert (row["lab"], row["state"], row["tries"], row["hints"]) == ("our-shop", "passed", 2, 1)
    assert row["solution"], "starting over does not hide that the solution was seen"
    assert row["simulated"]
    assert (ben["learner"], ben["passed"]) == ("Ben B.", 0)
    page = train("report", "--format", "html")[1]
    HTMLParser().feed(page)
    for text in (page, train("report")[1], train("report", "--format", "markdown")[1]):
        assert "saw the solution" in text
        assert "Shop week" in text


def test_an_exam_gives_no_help_and_ends(
    train: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train("class", "new", "anna", "--lab", "read-only", "--exam", "45m")
    train("class", "start")
    assert "hint" not in train("--as", "anna", "--demo", "start", "read-only")[2]
    for help_taken in ("hint", "guide", "solution"):
        code, _, told = train("--as", "anna", help_taken)
        assert (code, "no hints and no solution" in told) == (2, True)
    wrong = train("--as", "anna", "run", "--cap-drop=all")[1]
    assert "not yet" in wrong
    assert "The root file system can still" not in wrong, "a remark is a hint"
    now = time.time()
    monkeypatch.setattr("hardentui.features.training.training.time.time", lambda: now + 46 * 60)
    code, _, told = train("--as", "anna", "run", "--read-only")
    assert (code, "The time is over" in told) == (2, True)


def test_a_result_is_kept_by_the_learner_and_checked_by_the_trainer(
    train: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train("class", "new", "anna", "--lab", "first-run", "--exam", "45m")
    train("class", "start")
    train("--as", "anna", "--demo", "start", "first-run")
    train("--as", "anna", "run")
    said = train("class", "end")[1]
    file = Path(said.partition(": ")[2].strip())
    validated(json.loads(file.read_text()))
    train("class", "new", "ben")
    kept = tmp_path / "anna.json"
    kept.write_text(next(tmp_path.rglob("results/anna.json")).read_text())
    code, said, _ = train("report", "--verify", str(kept))
    assert (code, "1 of 1 lab passed" in said) == (0, True)
    kept.write_text(kept.read_text().replace('"tries": 1', '"tries": 2'))
    assert train("report", "--verify", str(kept))[0] == 2
    kept.write_text("{}")
    assert train("report", "--verify", str(kept))[0] == 2


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("../x",), "cannot be the name"),
        (("a/b",), "cannot be the name"),
        (("anna", "Anna"), "the same name"),
        ((), "needs names"),
    ],
)
def test_names_of_learners_are_names(train: Run, names: tuple[str, ...], why: str) -> None:
    code, _, told = train("class", "new", *names)
    assert (code, why in told) == (2, True)


def test_a_lab_of_one_s_own_is_tried(train: Run, tmp_path: Path) -> None:
    good = tmp_path / "our-shop.toml"
    good.write_text(OURS.read_text())
    assert train("test", str(good), "--demo")[:2] == (0, "our-shop is good.\n")
    text = OURS.read_text()
    bad = tmp_path / "bad-shop.toml"
    bad.write_text(text.replace('solution = ["--read-only"]', 'solution = ["--cap-drop=all"]'))
    code, said, _ = train("test", str(bad), "--demo")
    assert code == 1
    assert "it is not solved by its solution" in said
    start = text.index("wrong = [")
    few = text[:start] + "wrong = []" + text[text.index("\n]\n", start) + 2 :]
    bad.write_text(few)
    code, said, _ = train("test", "--lint", str(bad))
    assert (code, "it has 0 wrong answers" in said) == (1, True)
