"""Results for the instructor: signed JSON, CSV without formulas, a page that a hostile name cannot break."""

import csv
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.checks import all_checks
from hardentui.errors import InputError
from hardentui.features.training.course import (
    Course,
    LabResult,
    TrainingProgress,
    canonical,
    export,
    load_course,
    load_labs,
)

LABS = load_labs(checks=[check.id for check in all_checks()])
NOW = datetime(2026, 11, 26, tzinfo=UTC)
HOSTILE = '=cmd()<script>alert(1)</script>\x1b]0;x\x07"'
PROGRESS = TrainingProgress(
    learner=HOSTILE, results={"first-run": LabResult(points=10, started=1.0, passed=90.0)}
)


def test_an_instructor_s_key_signs_the_json() -> None:
    key = b"0123456789abcdef0123"
    document = json.loads(export("json", Course(), LABS, PROGRESS, now=NOW, key=key))
    assert document["self_reported"] is False
    assert document["hmac_sha256"] == hmac.new(key, canonical(document), hashlib.sha256).hexdigest()
    document["points"] = 999
    assert document["hmac_sha256"] != hmac.new(key, canonical(document), hashlib.sha256).hexdigest()
    assert json.loads(export("json", Course(), LABS, PROGRESS, now=NOW))["self_reported"] is True


def test_a_spreadsheet_takes_nothing_for_a_formula() -> None:
    rows = list(csv.DictReader(export("csv", Course(), LABS, PROGRESS, now=NOW).splitlines()))
    assert len(rows) == len(LABS)
    assert rows[0]["learner"].startswith("'=cmd()")
    assert (rows[0]["lab"], rows[0]["points"], rows[0]["seconds"]) == ("first-run", "10", "89")


def test_a_class_chooses_labs_and_the_mark(tmp_path: Path) -> None:
    path = tmp_path / "class.toml"
    path.write_text('title = "Spring"\nlabs = ["first-run", "read-only"]\npass_mark = 50\n')
    course = load_course(str(path), LABS)
    assert course.share(PROGRESS, LABS) == 50
    assert course.passed(PROGRESS, LABS)
    path.write_text('labs = ["no-such"]\n')
    with pytest.raises(InputError, match="no-such"):
        load_course(str(path), LABS)
    path.write_text("pass_mark = 300\n")
    with pytest.raises(InputError, match="pass_mark"):
        load_course(str(path), LABS)


def test_first_success_takes_three_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    assert main(["train", "--demo"]) == 0
    assert "0 of 30 labs passed" in capsys.readouterr().out
    assert main(["train", "start", "first-run", "--demo"]) == 0
    told = capsys.readouterr().out
    assert "SIMULATED" in told
    assert "✗ fail" in told
    assert "✗ works" in told
    assert main(["train", "run", "--cap-add=SYS_ADMIN", "--privileged"]) == 1
    assert main(["train", "run"]) == 0, "a lab that began on the simulated host goes on there"
    assert "Solved: 10 points" in capsys.readouterr().out
    assert (
        main(["train", "export", "--format", "html", "-o", str(tmp_path / "c.html"), "--learner", "Anna"])
        == 0
    )
    assert "Anna" in (tmp_path / "c.html").read_text()
    assert main(["train", "stop"]) == 0


def test_labs_of_others_are_tested_by_doing_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    good = (Path(__file__).parents[4] / "checklists" / "labs" / "read-only.toml").read_text()
    directory = tmp_path / "mine"
    directory.mkdir()
    (directory / "mine.toml").write_text(good)
    assert main(["config", "checklist", "test", str(directory), "--demo"]) == 0
    (directory / "wrong.toml").write_text(
        good.replace('solution = ["--read-only"]', 'solution = ["--memory=64m"]')
    )
    capsys.readouterr()
    assert main(["config", "checklist", "test", str(directory), "--demo"]) == 1
    told = capsys.readouterr().out
    assert "mine: good" in told
    assert "writable-rootfs does not pass with the solution" in told


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
        '"--memory-reservation" = "',
        '[attack]\ntitle = "',
        'finish = """\n',
        'learn = """\n',
        'picture = """\n',
    ):
        assert before in source, before
        if before == "start = []":
            source = source.replace(before, f'start = ["--label=a={HOSTILE_TEXT}"]')
        elif before.startswith("\n"):
            source = source.replace(before, before.replace('"', f'"{HOSTILE_TEXT}'), 1)
        else:
            source = source.replace(before, before + HOSTILE_TEXT, 1)
    return source


def test_texts_of_a_lab_reach_no_terminal_as_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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
        (0, "train", "export", "--format", "csv"),
        (0, "train", "export"),
        (0, "config", "checklist", "test", str(directory)),
    ):
        where = [] if words[0] == "config" else ["--labs", str(directory)]
        assert main(["--demo", words[0], *where, *words[1:]]) == code, words
        told = capsys.readouterr()
        assert "\x1b" not in told.out + told.err, words
        assert "\x07" not in told.out + told.err, words
        shown += (told.out + told.err).count("]0;owned")
    assert shown >= 10
