"""What `harden` asks: for several containers no more than for one."""

import sys
from io import StringIO

import pytest

from tests.unit.cli.conftest import Run


class Answers(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("names", "start", "apply"),
    [
        (("shop-web",), "Start the trial? ", "Apply it? "),
        (
            ("shop-web", "shop-api"),
            "Start the trials? ",
            "Apply these 2? ",
        ),
    ],
)
def test_one_question_before_the_trials_and_one_before_the_changes(
    names: tuple[str, ...],
    start: str,
    apply: str,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", Answers("y\ny\n"))
    said = run("harden", *names, "--demo")
    assert said.code == 0
    asked = [line.partition("[")[0] for line in said.err.splitlines() if "? [" in line]
    assert asked == [start, apply]
    assert said.out.count("hardened twin works") == len(names)
    for name in names:
        assert f"apply {name}: done" in said.out


def test_the_answer_no_leaves_all_of_them_alone(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", Answers("y\nn\n"))
    said = run(
        "harden",
        "shop-web",
        "shop-api",
        "--demo",
    )
    assert "Nothing was changed." in said.err
    assert "done" not in said.out
