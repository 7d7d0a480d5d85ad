"""The command line on a real Podman: from found to a hardened container that the kernel proves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hardentui.__main__ import main
from tests.support.check_report import statuses
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live
NAME = "cli-web"
SECRET = "correct-horse-battery-live"


@pytest.fixture
def container(podman: Bench) -> Any:
    arguments = ("-e", f"DB_PASSWORD={SECRET}", "-v", "cli-data:/data", BUSYBOX, "sleep", "100000")
    podman.run(NAME, *arguments)
    yield NAME
    podman.remove(NAME)
    podman.podman("volume", "rm", "-f", "cli-data")


def _check(podman: Bench, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main(["check", "--url", podman.url, "--format", "json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def _statuses(document: Any, name: str = NAME) -> dict[str, str]:
    return statuses(document, name)


def test_found_fixed_and_proven(
    podman: Bench, container: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, before = _check(podman, capsys, NAME)
    assert code == 1
    wanted = {"writable-rootfs": "fail", "new-privileges-allowed": "fail"}
    assert {check: _statuses(before)[check] for check in wanted} == wanted

    fixes = [word for check in wanted for word in ("--check", check)]
    assert main(["fix", NAME, "--url", podman.url, *fixes, "--to", "run", "-o", str(tmp_path)]) == 0
    podman.remove(NAME)
    script = podman.directory / f"{NAME}.sh"
    script.write_text((tmp_path / f"{NAME}.sh").read_text())
    podman.execute("sh", str(script))
    capsys.readouterr()

    _, after = _check(podman, capsys, NAME)
    assert {check: _statuses(after)[check] for check in wanted} == dict.fromkeys(wanted, "pass")


def test_saved_facts_tell_the_same_later_without_the_secret(
    podman: Bench, container: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "facts.json"
    assert main(["check", "--save", str(path), "--url", podman.url]) == 0
    assert SECRET not in path.read_text()
    capsys.readouterr()
    _, live = _check(podman, capsys, NAME)
    podman.remove(NAME)
    code = main(["check", "--facts", str(path), "--format", "json", NAME])
    later = json.loads(capsys.readouterr().out)
    assert code == live["summary"]["exit_code"] == 1
    first, other = _statuses(later), _statuses(live)
    different = {check: status for check, status in first.items() if status != other[check]}
    assert different in ({}, {"missing-vulnerability-scan": "unknown"}), "scans are no facts of the host"


def test_a_container_alone_gets_the_same_answers_as_among_all(
    podman: Bench, container: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, alone = _check(podman, capsys, NAME)
    _, among_all = _check(podman, capsys)
    first, other = _statuses(alone), _statuses(among_all)
    assert {check for check in first if first[check] != other[check]} == set()


def test_neither_output_nor_notes_hold_the_secret(
    podman: Bench, container: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["check"], ["check", "--format", "json"], ["plan", NAME, "--all"], ["check", "host"], []):
        main([*command, "--url", podman.url])
        captured = capsys.readouterr()
        assert captured.out
        assert SECRET not in captured.out + captured.err


def test_doctor_finds_the_engine(podman: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--url", podman.url]) == 0
    assert podman.url in capsys.readouterr().out
