"""The trust assistant of the terminal UI on a real Podman, a real registry and a real signature."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bench_registry import HOST, Registry, started
from tests.support.podman import BUSYBOX, Bench

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
POLICY = "/etc/containers/policy.json"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def registry(
    podman: Bench,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Registry]:
    """`tui/app:1`, signed with `directory`/release, and `tui/plain:1`."""
    registry = started(podman, tmp_path_factory.mktemp("tui-trust"))
    images = ("tui/app:1", "tui/plain:1")
    try:
        for name in images:
            podman.podman(
                "push",
                "-q",
                BUSYBOX,
                f"{HOST}/{name}",
            )
        assert (
            registry.hardentui(
                "trust",
                "key",
                "release",
                "-o",
                str(registry.directory),
            ).code
            == 0
        )
        key = f"{registry.directory}/release.private"
        assert (
            registry.hardentui(
                "trust",
                "sign",
                f"{HOST}/tui/app:1",
                "--key",
                key,
                "--yes",
            ).code
            == 0
        )
        yield registry
    finally:
        podman.podman(
            "rmi",
            "-f",
            "-i",
            *(f"{HOST}/{name}" for name in images),
        )


def test_a_policy_is_planned_proven_written_and_taken_back(registry: Registry) -> None:
    before = registry.file(POLICY)
    rule = f"{HOST}/tui={registry.directory}/release.pub"
    words = [
        sys.executable,
        "-m",
        "tests.support.trust_session",
        registry.bench.url,
        rule,
        f"{HOST}/tui/app:1",
    ]
    state = f"XDG_STATE_HOME={registry.directory}/tui-state"
    command = registry.bench.command(
        "env",
        state,
        "HOME=/root",
        *words,
    )
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
        assert f"signed {HOST}/tui/app:1 accepted (podman" in screen
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


def test_an_image_is_signed_with_a_key_made_here_and_a_pull_proves_it(registry: Registry) -> None:
    image = f"{HOST}/tui/plain:1"
    words = [
        sys.executable,
        "-m",
        "tests.support.signing_session",
        registry.bench.url,
        image,
        str(registry.directory),
    ]
    state = f"XDG_STATE_HOME={registry.directory}/tui-state"
    command = registry.bench.command(
        "env",
        state,
        "HOME=/root",
        *words,
    )
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    key, wrong, signed, tested = done.stdout.splitlines()
    assert "typed.private: keep it secret" in key
    assert "no passphrase" not in key
    assert f"{image} was not signed" in wrong
    assert f"signed {image} proof a pull that requires this key was accepted (podman" in signed
    assert "verdict accepted (podman" in tested
    assert "its registry has a sigstore attachment" in tested
    assert "correct horse" not in done.stdout + done.stderr
    key_file = f"{registry.directory}/typed.private"
    again = registry.hardentui(
        "trust",
        "sign",
        image,
        "--key",
        key_file,
        "--yes",
    )
    assert again.code != 0, "the private key has the passphrase that was typed"
