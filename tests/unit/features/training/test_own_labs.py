"""Labs that a trainer writes: what the documentation says of them is so, and faults are told."""

import re
import textwrap
from pathlib import Path

import pytest
from msgspec.structs import fields, replace

from hardentui.checks import all_checks
from hardentui.features.training.lab import Ask, Attack, Lab, Neighbour, WrongAnswer
from hardentui.features.training.lab_files import load_labs, parse_lab
from hardentui.features.training.proving import faults_of, lint
from hardentui.features.training.training import Training, Workplace

CHECKS = [check.id for check in all_checks()]
LABS = load_labs(checks=CHECKS)
PAGE = (Path(__file__).parents[4] / "docs" / "own-labs.md").read_text()
_MADE = frozenset({"id", "learner"})
"""Fields of a lab that no file has."""


def example() -> Lab:
    block = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    return parse_lab(textwrap.dedent(block[1]), "our-shop", checks=CHECKS)


def test_the_lab_of_the_page_is_good(tmp_path: Path) -> None:
    lab = example()
    place = Workplace((lab,), progress=str(tmp_path / "p.json"), folder=str(tmp_path / "labs"))
    assert list(lint(lab)) == []
    assert list(faults_of(lab, Training(place, None))) == []


@pytest.mark.parametrize("kind", [Lab, Ask, Attack, Neighbour, WrongAnswer])
def test_the_page_names_every_key(kind: type) -> None:
    keys = {field.encode_name for field in fields(kind)} - _MADE
    assert {key for key in keys if not re.search(rf"[`\[]{key}\b", PAGE)} == set()


@pytest.mark.parametrize("lab", LABS, ids=[lab.id for lab in LABS])
def test_the_linter_finds_nothing_in_our_own(lab: Lab) -> None:
    assert list(lint(lab)) == []


def test_the_linter_tells_where_an_answer_is_told_too_early() -> None:
    lab = example()
    early = "--pids-limit=30 is told before the second hint"
    for told in ("title", "story", "learn", "picture", "task"):
        assert list(lint(replace(lab, **{told: "Try --pids-limit=30."}))) == [early]
    limit = replace(lab.asks["limit"], says="--pids-limit=30 is set")
    assert list(lint(replace(lab, asks={**lab.asks, "limit": limit}))) == [early]
    hints = ("A limit.", "It is --pids-limit=30.", lab.hints[2])
    whole = "its whole answer is told before the last hint"
    assert list(lint(replace(lab, hints=hints))) == [whole]
    assert list(lint(replace(lab, task="--pids-limit=300 is too many"))) == []
