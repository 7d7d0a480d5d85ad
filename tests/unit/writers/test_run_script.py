"""The run script, executed by a real shell with a podman that only tells its arguments."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from hardentui.model.spec import Option, Spec, Version
from hardentui.options import *
from hardentui.writers.context import UnitContext
from hardentui.writers.run_script import run_arguments, run_script
from tests.property.containers import NASTY

BASE = ((NAME, "web"), (IMAGE, "localhost/app:1"))


def spec_of(*pairs: tuple[Option[Any], Any]) -> Spec:
    return Spec.of(*BASE, *pairs)


def executed(script: str, directory: Path, *arguments: str) -> list[list[str]]:
    """The command lines that the script gives to podman, word by word."""
    fake = directory / "podman"
    log = directory / "log"
    fake.write_text(
        f"#!/bin/sh\nprintf '%s\\0' \"$@\" >> {log}\nprintf '\\1\\0' >> {log}\n[ \"$2\" != exists ]\n"
    )
    fake.chmod(0o755)
    path = directory / "again.sh"
    path.write_text(script)
    environment = {"PATH": f"{directory}:/usr/bin:/bin"}
    subprocess.run(["sh", str(path), *arguments], env=environment, check=True, capture_output=True)
    calls = log.read_bytes().decode().split("\1\0")
    return [call.split("\0")[:-1] for call in calls if call]


def test_podman_before_5_gets_annotations_as_comma_lists(tmp_path: Path) -> None:
    spec = spec_of((ANNOTATIONS, ("a=1,2",)))
    executed(run_script(spec, UnitContext(version=Version(4, 9, 4))), tmp_path, "create")
    executed(run_script(spec, UnitContext(version=Version(5, 0))), tmp_path, "create")
    words = (tmp_path / "log").read_text().replace("\1", "").split("\0")
    assert [word for word in words if word.startswith("--ann")] == [
        '--annotation="a=1,2"',
        "--annotation=a=1,2",
    ]


def test_other_arguments_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.sh").write_text(run_script(spec_of()))
    done = subprocess.run(["sh", str(tmp_path / "x.sh"), "rm"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage" in done.stderr


@pytest.mark.parametrize("value", NASTY, ids=ascii)
def test_nasty_values_reach_podman_unchanged(value: str, tmp_path: Path) -> None:
    spec = spec_of((ENV, (f"E={value}",)), (COMMAND, (value, "mid", value)))
    words = ["create", f"--env=E={value}", "--name=web", "localhost/app:1", value, "mid", value]
    assert executed(run_script(spec), tmp_path, "create") == [words]


def test_comments_cannot_become_commands(tmp_path: Path) -> None:
    spec = Spec(spec_of().settings, frozenset({SYSCTL}), ("evil\nrm -rf / #\x1b[0m",))
    script = run_script(spec, comments=("first\nsecond\\",))
    head = script.split("set -eu")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    assert "\x1b" not in script
    assert not any(line.endswith("\\") for line in head.splitlines())
    assert "--sysctl" in head
    assert executed(script, tmp_path, "create") == [["create", "--name=web", "localhost/app:1"]]


def test_arguments_are_in_the_order_of_the_table() -> None:
    spec = spec_of((RUNTIME, "crun"), (READ_ONLY, True), (ENV, ("A=1",)), (COMMAND, ("x",)))
    assert run_arguments(spec) == (
        "--runtime=crun",
        "run",
        "--env=A=1",
        "--name=web",
        "--read-only",
        "localhost/app:1",
        "x",
    )
