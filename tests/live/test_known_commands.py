"""Commands of other people for known applications do the same work before and after the default
fix, with the data that they had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hardentui.__main__ import main
from tests.live.test_known_applications import carried_out, entry_of, ready
from tests.support.known_applications import NAME, build_application, run_line, script_of
from tests.support.known_commands import COMMANDS, OthersCommand
from tests.support.podman import Bench

pytestmark = [pytest.mark.live, pytest.mark.timeout(900), pytest.mark.long]


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    podman.remove(NAME)
    yield podman
    podman.remove(NAME)
    podman.podman("volume", "rm", "-af")


def typed(command: OthersCommand, host: Path) -> str:
    """A script with it; what it mounts is made."""
    host.mkdir()
    for directory in command.directories:
        (host / directory).mkdir(parents=True)
    for name, content in command.files:
        (host / name).parent.mkdir(parents=True, exist_ok=True)
        (host / name).write_text(content)
    for path in (host, *host.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    words = run_line(command.run).strip().replace("{host}", str(host))
    return f"#!/bin/sh\n{' '.join((words, *command.command))}\n"


def worked(bench: Bench, command: OthersCommand, script: str) -> list[str]:
    """What of its work fails."""
    entry = entry_of(command.run)
    bench.podman(*script_of(script.partition("\n")[2]), timeout=120)
    ready(bench, command.run)
    failed = [carried_out(bench, entry, step) for step in command.run.work]
    return [step for step in failed if step]


@pytest.mark.parametrize(
    "command",
    [pytest.param(command, id=command.name) for command in COMMANDS],
)
def test_it_does_the_same_work_before_and_after_the_default_fix(
    command: OthersCommand,
    bench: Bench,
    tmp_path: Path,
) -> None:
    build_application(bench, command.run)
    host = tmp_path / "host"
    script = typed(command, host)
    assert worked(bench, command, script) == [], "before"

    file = tmp_path / "known.sh"
    file.write_text(script)
    assert main(["fix", str(file), "--in-place", "--quiet"]) == 0
    fixed = file.read_text()
    assert "no-new-privileges" in fixed
    assert "--cap-drop=" in fixed
    assert not {"--memory=", "--cpus=", "--pids-limit="} & {
        word.partition("=")[0] + "=" for word in script_of(fixed) if word not in script
    }
    bench.podman("stop", "-t", "30", NAME, timeout=120)
    bench.podman("rm", NAME)
    assert worked(bench, command, fixed) == [], fixed
    bench.podman("restart", "-t", "30", NAME, timeout=120)
    ready(bench, command.run)
    failed = [carried_out(bench, entry_of(command.run), step) for step in command.run.work]
    assert not any(failed), failed
