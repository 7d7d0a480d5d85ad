"""Labs by commands, on the simulated host; texts of labs of others."""

from pathlib import Path

import pytest

from hardentui.__main__ import main


def test_first_success_takes_three_commands(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    assert main(["train", "--demo"]) == 0
    assert "0 of 36 labs passed" in capsys.readouterr().out
    assert main(["train", "start", "first-run", "--demo"]) == 0
    told = capsys.readouterr().out
    assert "SIMULATED" in told
    assert "✗ fail" in told
    assert "✗ not yet" in told
    assert main(["train", "run", "--cap-add=SYS_ADMIN", "--privileged"]) == 1
    assert main(["train", "run"]) == 0, "a lab that began on the simulated host goes on there"
    told = capsys.readouterr().out
    assert "Solved." in told
    assert "hardentui check --check privileged" in told
    assert told.index("Why it works") < told.index("A question")
    assert main(["train", "reply"]) == 0
    assert "under another name" in capsys.readouterr().out
    assert main(["explain", "privileged"]) == 0
    assert "hardentui train start first-run" in capsys.readouterr().out
    assert main(["train", "stop"]) == 0


HOSTILE_TEXT = "\\u001b]0;owned\\u0007"
"""As TOML writes it: a command that a terminal would act on."""


def hostile_lab() -> str:
    """A lab of somebody else with that in every text."""
    source = (Path(__file__).parents[4] / "checklists" / "labs" / "memory-limit.toml").read_text()
    for before in (
        'title = "',
        'task = "',
        'guided = """\n',
        '\n  "Limits are',
        "start = []",
        '\nremark = "',
        '\nsays = "',
        '[attack]\ntitle = "',
        'finish = """\n',
        'story = """\n',
        'why = """\n',
        'question = "',
        'reply = """\n',
        'learn = """\n',
        'picture = """\n',
    ):
        assert before in source, before
        if before == "start = []":
            source = source.replace(before, f'start = ["--label=a={HOSTILE_TEXT}"]')
        elif before.startswith('\n  "'):
            source = source.replace(
                before,
                before.replace('"', f'"{HOSTILE_TEXT}'),
                1,
            )
        else:
            source = source.replace(before, before + HOSTILE_TEXT, 1)
    return source


def test_texts_of_a_lab_reach_no_terminal_as_commands(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    directory = tmp_path / "labs"
    directory.mkdir()
    (directory / "memory-limit.toml").write_text(hostile_lab())
    shown = 0
    for code, *words in (
        (0, "train"),
        (0, "train", "start", "memory-limit"),
        (1, "train", "run", "--memory-reservation=3m"),
        (0, "train", "hint"),
        (0, "train", "run", "--memory=64m", "--memory-swap=64m"),
        (0, "train", "solution"),
    ):
        assert (
            main(
                [
                    "--demo",
                    "train",
                    "--labs",
                    str(directory),
                    *words[1:],
                ]
            )
            == code
        ), words
        told = capsys.readouterr()
        assert "\x1b" not in told.out + told.err, words
        assert "\x07" not in told.out + told.err, words
        shown += (told.out + told.err).count("]0;owned")
    assert shown >= 10
