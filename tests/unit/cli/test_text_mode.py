"""The text mode: the main job by words and numbers, in plain lines."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.cli.terminal import Terminal
from hardentui.cli.text_mode import Dialogue
from tests.tui.test_hostile import ATTACKS, _hostile

Talk = Callable[..., str]


@pytest.fixture
def talk(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Talk:
    """Have a dialogue on the simulated host; returns what was said."""

    def say(*lines: str) -> str:
        monkeypatch.setattr(
            "sys.stdin",
            io.StringIO("".join(f"{line}\n" for line in lines)),
        )
        assert main(["--text", "--demo"]) == 0
        return capsys.readouterr().out

    return say


def test_from_the_list_to_a_written_quadlet(
    talk: Talk,
    tmp_path: Path,
) -> None:
    said = talk(
        "open shop-web", "likely", "plan", f"write {tmp_path / 'units'}", "quit", "never read"
    )
    assert "1. backup, score" in said
    assert re.search(r"shop-web: score \d+, 1 high", said)
    assert re.search("fix(es are| is) chosen: ", said)
    assert "changes behaviour: --cpus" in said
    text = (tmp_path / "units" / "shop-web.container").read_text()
    assert "PodmanArgs=--cpus=1.5" in text
    assert "never read" not in said
    assert "not written" not in said


def test_numbers_choose_and_drop_fixes_and_what_cannot_be_is_told(talk: Talk) -> None:
    said = talk(
        "open shop-web",
        "choose no-memory-limit",
        "diff run",
        "choose no-memory-limit",
        "choose 99 x",
    )
    assert "1 fix is chosen: no-memory-limit." in said
    assert "+    --memory=512m" in said
    assert "Dropped: No memory limit." in said
    assert "0 fixes are chosen." in said
    assert "There is no finding '99' here." in said
    said = talk("open shop-web", "choose root-user")
    assert "Runs as root cannot be fixed here: the user to run as must be chosen" in said


def test_a_filter_narrows_the_list_and_its_trouble_is_told(talk: Talk) -> None:
    said = talk("list name:shop", "list sate:running")
    assert "4 containers, worst first." in said
    assert said.count("1. backup") == 2, "what is no filter is left out"
    assert "sate" in said


@pytest.mark.parametrize("attack", ATTACKS)
def test_foreign_text_reaches_the_terminal_only_when_it_is_harmless(
    attack: str,
    tmp_path: Path,
) -> None:
    bench = _hostile(attack, tmp_path).first_look().workbench()
    out = io.StringIO()
    words = iter(
        "1,all,plan,diff,harden,y,y,harden [/x],diff kube,unknown,host,list,1,1,".split(",")
    )
    Dialogue(
        bench, Terminal(out, out, environ={}), lambda: f"{word}\n" if (word := next(words)) else ""
    ).run()
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2066\u200b]",
        out.getvalue(),
    )
    assert "1. " in out.getvalue()


def test_the_chosen_fixes_alone_are_hardened(talk: Talk) -> None:
    said = talk(
        "open shop-web",
        "choose no-memory-limit",
        "harden probe true",
        "",
        "y",
        "quit",
    )
    assert "hardened twin works" in said
    assert "apply shop-web: done" in said
    assert "not written" not in said, "what was applied is not lost"


def test_a_container_is_hardened_with_two_answers(talk: Talk) -> None:
    said = talk(
        "open shop-web",
        "harden",
        "",
        "y",
        "harden",
        "n",
        "harden",
        "",
        "no",
    )
    first, second, third = said.split("Start the trial?")[1:]
    assert "hardened twin works" in first
    assert "apply shop-web: done" in first
    assert "twin works" not in second
    assert "apply shop-web: done" not in third


def test_what_cannot_be_done_says_why(talk: Talk) -> None:
    said = talk(
        "harden",
        "open shop-web",
        "harden curl",
        "undo",
        "quit",
        "quit",
    )
    for sentence in (
        "harden needs an open container.",
        "harden does not understand 'curl'.",
        "This host is simulated: there is no change to undo.",
    ):
        assert sentence in said
