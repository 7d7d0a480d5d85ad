"""Facts that are saved and looked at later: the same findings, no secrets, and files that are none."""

import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from hardentui.__main__ import main
from hardentui.checks import all_checks
from hardentui.errors import InputError
from hardentui.features.checklists import loading as checklists
from hardentui.features.looking.judging import Judge
from hardentui.features.opening.opened import Opened
from hardentui.features.opening.recording import Recorder
from hardentui.features.opening.saved_facts import open_saved, replay
from hardentui.features.opening.simulated import open_simulated
from hardentui.features.workbench import Workbench
from hardentui.model.finding import Finding
from hardentui.model.known import Known, Unread


def _look(opened: Opened) -> list[Finding]:
    """Everything that a check finds there."""
    judge = Judge(checklists.load(), {check.id: check for check in all_checks()})
    bench = Workbench(opened, judge)
    shared = bench.surroundings.host()
    bench.containers.rows()
    bench.containers.scan(
        lambda row: None,
        lambda progress: None,
        threading.Event(),
    )
    reports = [
        *shared,
        *(row.report for row in bench.containers.rows() if row.report),
    ]
    return [finding for report in reports for finding in report.findings]


def _words(findings: list[Finding]) -> set[tuple[str, str, str, str]]:
    return {
        (
            finding.subject.name,
            finding.check,
            finding.status.value,
            finding.severity.word,
        )
        for finding in findings
    }


def _recorded() -> tuple[list[Finding], dict[str, Any]]:
    """The simulated host, looked at through a recorder as if it were a real one."""
    opened = open_simulated()

    def said(arguments: Any, seconds: float) -> Known[str]:
        return (
            '{"nftables": []}'
            if arguments[0] == "nft"
            else Unread(f"{arguments[0]} is not installed")
        )

    recorder = Recorder(
        opened,
        files=opened.files,
        run=said,
    )
    findings = _look(recorder.opened)
    return findings, json.loads(json.dumps(recorder.document()))


def test_saved_facts_give_the_same_findings() -> None:
    live, document = _recorded()
    later = _look(replay(document, "the file"))
    assert len(live) > 500
    assert document["images"], "what was known of the images is kept too"
    assert _words(later) == _words(live)


def test_secrets_are_not_in_the_file() -> None:
    live, document = _recorded()
    text = json.dumps(document)
    assert "correct-horse-battery" not in text
    assert "API_TOKEN=0" not in text
    assert "API_TOKEN=(withheld)" in text
    assert "POSTGRES_PASSWORD=(withheld)" in text
    assert ("db", "plaintext-secret-env", "fail") in {row[:3] for row in _words(live)}
    assert ("db", "plaintext-secret-env", "fail") in {
        row[:3] for row in _words(_look(replay(document, "x")))
    }


def test_a_question_that_was_not_asked_is_unknown_and_not_a_pass() -> None:
    _, document = _recorded()
    document["files"]["text"] = {}
    later = _look(replay(document, "x"))
    effective = {finding.check: finding for finding in later if finding.subject.name == "shop-web"}
    assert "recorded" in effective["writable-rootfs"].verdict.effective


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a file of saved facts"),
        ('{"schema": "hardentui/facts/2"}', "not a file of saved facts"),
        ('{"schema": "hardentui/facts/1"}', "damaged"),
        ('{"schema": "hardentui/facts/1", "time": 3}', "damaged"),
        (
            (
                '{"schema": "hardentui/facts/1", "time": "2026-01-01T00:00:00Z", "files": [], '
                '"engines": 1}'
            ),
            "damaged",
        ),
    ],
)
def test_a_file_that_is_none_is_refused(
    tmp_path: Path,
    text: str,
    says: str,
) -> None:
    path = tmp_path / "facts.json"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        open_saved(str(path))


def test_the_command_saves_what_check_reads(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "facts.json"
    _, document = _recorded()
    with monkeypatch.context() as patch:
        patch.setattr(
            "hardentui.cli.saved.open_engines",
            lambda selection: replay(document, "x"),
        )
        assert main(["check", "--save", str(path)]) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "10 containers" in capsys.readouterr().err
    assert (
        main(
            [
                "check",
                "--facts",
                str(path),
                "shop-web",
                "--format",
                "json",
            ]
        )
        == 1
    )
    whole = json.loads(capsys.readouterr().out)
    assert whole["subjects"][0]["name"] == "shop-web"
    assert whole["host"]["simulated"] is False
