"""`check FILES --since REPORT`: what failed before is known, and only what is new fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.features.at_rest.test_checking import Run, run

__all__ = ["run"]

OLD = (
    "[Container]\nImage=x.example/a:1\nPodmanArgs=--privileged\nEnvironment=DB_PASSWORD=tr0ub4dor\n"
)


@pytest.fixture
def baseline(run: Run, tmp_path: Path) -> str:
    run({"u/a.container": OLD}, "check", "./u", "--format", "json", "-o", "before.json")
    return "before.json"


def test_known_findings_do_not_fail(run: Run, baseline: str) -> None:
    code, text = run({}, "check", "./u", "--since", baseline)
    assert (code, "as in before.json: only new ones fail" in text) == (0, True)
    assert "critical privileged" not in text
    assert run({}, "check", "u/", "--since", baseline, "--fail-on", "low")[0] == 0
    assert run({}, "check", "./u")[0] == 1


@pytest.mark.parametrize(
    "more",
    [
        "Volume=/var/run/docker.sock:/var/run/docker.sock\n",  # another check
        "Environment=API_TOKEN=tr0ub4dor-and-3\n",  # the same check, another password
    ],
)
def test_a_new_finding_fails(run: Run, baseline: str, more: str) -> None:
    files = {"u/a.container": OLD + more}
    code, text = run(files, "check", "./u", "--since", baseline, "--fail-on", "low")
    assert (code, "critical privileged" in text) == (1, False)


def test_a_new_file_has_no_past(run: Run, baseline: str) -> None:
    files = {"u/b.container": OLD}
    code, text = run(files, "check", "./u", "--since", baseline, "--format", "json")
    document = json.loads(text[: text.rindex("}") + 1])
    failing = {
        subject["name"]: {each["check"] for each in subject["findings"] if each["status"] == "fail"}
        for subject in document["subjects"]
    }
    assert (code, failing["a"], "privileged" in failing["b"]) == (1, set(), True)


def test_lines_above_a_known_finding_change_nothing(run: Run, baseline: str) -> None:
    assert run({"u/a.container": "# moved\n\n" + OLD}, "check", "./u", "--since", baseline)[0] == 0
