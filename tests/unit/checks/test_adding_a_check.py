"""A new check is a function, a record and a word in a list. CONTRIBUTING.md's is tried in a copy."""

import json
from pathlib import Path

import pytest

from tests.support.check_report import every_finding
from tests.support.program_copy import ProgramCopy

LAWS = Path(__file__).parent / "test_check_laws.py"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> ProgramCopy:
    """A copy of the program with the example among its checks."""
    copy = ProgramCopy(tmp_path_factory.mktemp("copy"))
    copy.add_example("A complete check, at the end of")
    checks = copy.directory / "hardentui" / "checks" / "__init__.py"
    text = checks.read_text(encoding="utf-8")
    checks.write_text(
        text.replace('"health": "', '"health": "no-init-process '),
        encoding="utf-8",
    )
    return copy


def test_it_is_explained_with_its_step_texts_and_fix(copy: ProgramCopy) -> None:
    shown = copy.run(
        "-m",
        "hardentui",
        "explain",
        "no-init-process",
    ).stdout
    assert shown.startswith("No init process\nno-init-process  step 7, low, about the container\n")
    assert "Process 1 has to reap children" in shown
    assert "RunInit=true" in shown


def test_it_is_part_of_the_ten_steps(copy: ProgramCopy) -> None:
    done = copy.run(
        "-m", "hardentui", "check", "--demo", "--format", "json", "--check", "no-init-process"
    )
    report = json.loads(done.stdout)
    findings = every_finding(report)
    assert {(finding["check"], finding["step"]) for finding in findings} == {("no-init-process", 7)}
    assert "fail" in {finding["status"] for finding in findings}


def test_the_laws_of_all_checks_hold_for_it(copy: ProgramCopy) -> None:
    assert copy.passed(LAWS, "-k", "init-process") >= 5
