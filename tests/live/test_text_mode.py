"""The main job in the text mode on a real Podman: try, apply, and take it back, by words."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from hardentui.__main__ import main
from tests.support.podman import BUSYBOX, Bench

pytestmark = [
    pytest.mark.live,
    pytest.mark.long,
    pytest.mark.timeout(180),
]
NAME = "text-mode-service"


def test_chosen_fixes_are_tried_applied_and_taken_back(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def state() -> str:
        return podman.podman(
            "inspect",
            "--format",
            "{{.HostConfig.Memory}} {{.Id}}",
            NAME,
        )

    podman.run(
        NAME,
        "--network",
        "none",
        BUSYBOX,
        "sleep",
        "100000",
    )
    before = state()

    def say(*lines: str) -> str:
        monkeypatch.setattr(
            "sys.stdin",
            io.StringIO("".join(f"{line}\n" for line in lines)),
        )
        assert main(["--text", "--url", podman.url]) == 0
        return "".join(capsys.readouterr())

    try:
        fixes = "choose no-memory-limit new-privileges-allowed"
        said = say(
            f"open {NAME}",
            fixes,
            "harden",
            "y",
            "n",
            "quit",
            "quit",
        )
        assert "hardened twin works" in said
        assert "Nothing was changed." in said
        assert state() == before
        said = say(
            f"open {NAME}",
            fixes,
            "harden",
            "y",
            "y",
            "y",
            "quit",
        )
        assert f"apply {NAME}: done" in said
        assert state().startswith(f"{512 << 20} ")
        said = say("undo", "yes", "quit")
        assert "yes or no" in said
        assert state() == before
        assert (
            podman.podman(
                "inspect",
                "--format",
                "{{.State.Running}}",
                NAME,
            )
            == "true"
        )
    finally:
        for name in podman.podman(
            "ps",
            "-a",
            "--format",
            "{{.Names}}",
        ).split():
            if name.startswith(NAME):
                podman.remove(name)
