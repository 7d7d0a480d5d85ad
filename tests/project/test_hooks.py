"""The pre-commit hook and the GitHub Action, run literally in a scratch repository."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BAD = "[Container]\nImage=docker.io/team/web:1\nPodmanArgs=--privileged\n"
FINE = "[Container]\nImage=docker.io/team/web:1\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "bad.container").write_text(BAD)
    (tmp_path / "fine.container").write_text(FINE)
    (tmp_path / "data.volume").write_text("[Volume]\n")
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack/compose.prod.yaml").write_text(
        "services: {a: {image: a, privileged: true}}\n"
    )
    subprocess.run(
        ["git", "add", "-A"],
        cwd=tmp_path,
        check=True,
    )
    return tmp_path


def run(
    words: list[str],
    place: Path,
    **environ: str,
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(place), **environ}
    return subprocess.run(
        words, cwd=place, capture_output=True, text=True, env=environment, check=False
    )


def program(directory: Path) -> Path:
    """The installed command, as a file that can be run."""
    directory.mkdir(parents=True)
    python = directory / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    path = directory / "hardentui"
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -m hardentui "$@"\n')
    for each in (python, path):
        each.chmod(0o755)
    return path


def test_the_hook_checks_the_files_that_are_committed(repository: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    listed = subprocess.run(
        ["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout.split()
    matching = [name for name in listed if re.search(hook["files"], name)]
    assert matching == ["bad.container", "data.volume", "fine.container", "stack/compose.prod.yaml"]
    hardentui = program(repository / ".git/bin")
    entry = [
        str(hardentui),
        *shlex.split(hook["entry"])[1:],
        *hook["args"],
    ]
    every = run([*entry, *matching], repository)
    assert every.returncode == 1, every.stderr
    assert "bad.container:3:12: critical privileged" in every.stdout
    assert "stack/compose.prod.yaml:1:" in every.stdout
    assert run([*entry, "fine.container"], repository).returncode == 0
    assert run([*entry, "data.volume"], repository).returncode == 0, "a commit of a volume alone"


def test_a_file_that_is_named_like_an_option_is_a_file(repository: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (repository / "-obad.container").write_text(FINE)
    hardentui = program(repository / ".git/bin")
    entry = [str(hardentui), *shlex.split(hook["entry"])[1:], *hook["args"]]
    done = run([*entry, "-obad.container"], repository)
    assert (done.returncode, (repository / "bad.container").read_text()) == (0, BAD), done.stderr
    assert done.stdout.startswith("-obad.container:1:")


def test_the_action_annotates(repository: Path, tmp_path: Path) -> None:
    action: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
    install, check = action["runs"]["steps"]
    assert "$SOURCE" in install["run"]
    temporary = tmp_path / "runner"
    program(temporary / "hardentui/bin")  # what the first step makes of this repository
    inputs = {
        **{name: each["default"] for name, each in action["inputs"].items()},
        "sarif": "r.sarif",
    }
    environ = {
        name: re.sub(
            r"\$\{\{ inputs\.([\w-]+) \}\}",
            lambda match: inputs[match[1]],
            value,
        )
        for name, value in check["env"].items()
    }
    done = run(
        ["bash", "-e", "-c", check["run"]], repository, RUNNER_TEMP=str(temporary), **environ
    )
    assert done.returncode == 1, done.stderr
    assert "::error file=bad.container,line=3," in done.stdout
    assert '"startLine": 3' in (repository / "r.sarif").read_text()
    environ |= {"PATHS": "fine.container", "SARIF": ""}
    done = run(
        ["bash", "-e", "-c", check["run"]], repository, RUNNER_TEMP=str(temporary), **environ
    )
    assert done.returncode == 0, done.stdout


def test_watching_checks_again_after_a_change(repository: Path) -> None:
    hardentui = program(repository / ".git/bin")
    process = subprocess.Popen(
        [str(hardentui), "check", "./fine.container", "--watch"],
        cwd=repository,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "HOME": str(repository),
            "PYTHONUNBUFFERED": "1",
        },
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            assert "privileged" not in line
            if line.startswith("Exit code"):
                break
        (repository / "fine.container").write_text(BAD)
        assert any("critical privileged" in line for line in process.stdout)
    finally:
        process.kill()
        process.communicate()
