"""The trust assistant of the terminal UI on a real Podman, a real registry and a real signature."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bench_registry import HOST, Registry, started
from tests.support.podman import BUSYBOX, Bench

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(240),
]
POLICY = "/etc/containers/policy.json"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def registry(podman: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """`tui/app:1`, signed with `folder`/release, and `tui/plain:1`."""
    registry = started(podman, tmp_path_factory.mktemp("tui-trust"))
    images = ("tui/app:1", "tui/plain:1")
    try:
        for name in images:
            podman.podman("push", "-q", BUSYBOX, f"{HOST}/{name}")
        assert registry.hardentui("trust", "key", "release", "-o", str(registry.folder)).code == 0
        key = f"{registry.folder}/release.private"
        assert registry.hardentui("trust", "sign", f"{HOST}/tui/app:1", "--key", key, "--yes").code == 0
        yield registry
    finally:
        podman.podman("rmi", "-f", "-i", *(f"{HOST}/{name}" for name in images))


def test_a_policy_is_planned_proven_written_and_taken_back(registry: Registry) -> None:
    before = registry.file(POLICY)
    rule = f"{HOST}/tui={registry.folder}/release.pub"
    words = [
        sys.executable,
        "-m",
        "tests.support.trust_session",
        registry.bench.url,
        rule,
        f"{HOST}/tui/app:1",
    ]
    state = f"XDG_STATE_HOME={registry.folder}/tui-state"
    command = registry.bench.command("env", state, "HOME=/root", *words)
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        said = []
        for line in session.stdout:
            said.append(line)
            if line == "applied\n":
                break
        screen = " ".join("".join(said).split())
        assert f"signed: {HOST}/tui/app:1 accepted (podman" in screen
        assert "refused: signed with another key" in screen
        assert "refused: no signature" in screen
        assert "refused by policy" in screen
        assert said[-1] == "applied\n", screen
        assert registry.file(POLICY) != before
        assert registry.pulls("tui/app:1")
        assert not registry.pulls("tui/plain:1")
        session.stdin.write("\n")
        session.stdin.flush()
        assert session.stdout.readline() == "undone\n"
    assert registry.file(POLICY) == before
    assert registry.pulls("tui/plain:1")
