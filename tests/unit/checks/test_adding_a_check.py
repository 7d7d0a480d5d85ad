"""A new check is one file. The example of CONTRIBUTING.md is dropped into a copy of the program."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LAWS = Path(__file__).parent / "test_check_laws.py"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program with the example among its checks."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("hardentui", "checklists"):
        shutil.copytree(ROOT / name, folder / name)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = re.search(r"as `(hardentui/checks/\S+\.py)`:\n\n```python\n(.*?)```\n", text, re.DOTALL)
    assert example
    (folder / example[1]).write_text(example[2], encoding="utf-8")
    return folder


def _run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(copy), "PYTHONPATH": str(copy), "NO_COLOR": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=100)


def test_it_is_explained_with_its_step_texts_and_fix(copy: Path) -> None:
    shown = _run(copy, "-m", "hardentui", "explain", "no-init-process").stdout
    assert shown.startswith("No init process\nno-init-process  step 7, low, about the container\n")
    assert "Process 1 has to reap children" in shown
    assert "RunInit=true" in shown


def test_it_is_part_of_the_ten_steps(copy: Path) -> None:
    done = _run(copy, "-m", "hardentui", "check", "--demo", "--format", "json", "--check", "no-init-process")
    report = json.loads(done.stdout)
    findings = [finding for subject in report["subjects"] for finding in subject["findings"]]
    assert {(finding["check"], finding["step"]) for finding in findings} == {("no-init-process", 7)}
    assert "fail" in {finding["status"] for finding in findings}


def test_the_laws_of_all_checks_hold_for_it(copy: Path) -> None:
    shutil.copy(LAWS, copy)
    (copy / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    done = _run(copy, "-m", "pytest", "-q", "-c", "pytest.ini", "-k", "init-process", LAWS.name)
    passed = re.search(r"^(\d+) passed", done.stdout, re.MULTILINE)
    assert done.returncode == 0, done.stdout
    assert passed
    assert int(passed[1]) >= 5
