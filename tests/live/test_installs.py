"""Installs with pipx and uv, as in the README: complete, and without what only a checkout has."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hardentui import __version__
from tests.conftest import cannot_run

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
_NO_NETWORK = re.compile(
    r"NewConnectionError|No matching distribution|error sending request|dns error|Failed to fetch"
)


def documented(program: str) -> list[str]:
    """The command of the README that installs with this program."""
    lines = (
        line.partition("#")[0].strip() for line in (ROOT / "README.md").read_text().splitlines()
    )
    return shlex.split(
        next(line for line in lines if line.startswith((f"{program} install", f"{program} tool")))
    )


def environment(home: Path) -> dict[str, str]:
    """That of a user with an empty home, except for the cache of downloads."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG_"))
    }
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return {
        **kept,
        "HOME": str(home),
        "PATH": f"{home}/.local/bin:{os.environ['PATH']}",
        "PIP_CACHE_DIR": f"{cache}/pip",
        "UV_CACHE_DIR": f"{cache}/uv",
        "PIPX_DEFAULT_PYTHON": sys.executable,
        "UV_PYTHON": sys.executable,
    }


def install(program: str, home: Path) -> None:
    """Install as the README says."""
    tool = Path(sys.executable).with_name(program)
    if not tool.exists():
        cannot_run(f"{program} is not in the virtual environment; run: make .venv/bin/.ready")
    words = [str(tool), *documented(program)[1:]]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=ROOT,
        env=environment(home),
    )
    if done.returncode and _NO_NETWORK.search(done.stdout + done.stderr):
        cannot_run("the package registry cannot be reached")
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]


@pytest.mark.parametrize(
    "program",
    [pytest.param("pipx", marks=pytest.mark.long), "uv"],
)
def test_an_install_is_complete(program: str, tmp_path: Path) -> None:
    install(program, tmp_path)
    installed = (tmp_path / ".local" / "bin" / "hardentui").resolve()

    def hardentui(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            ["hardentui", *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env=environment(tmp_path),
        )
        assert "internal error" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    assert installed.is_relative_to(tmp_path)
    assert hardentui("--version") == (0, f"hardentui {__version__}\n")
    code, said = hardentui("check", "--demo")
    assert (code, "10 containers" in said) == (1, True), said
    assert (
        hardentui(
            "check",
            "--demo",
            "--checklist",
            "strict",
        )[0]
        == 1
    )
    assert "0 of 36 labs passed" in hardentui("train", "--demo")[1]
    code, said = hardentui("config", "completion", "bash")
    assert (code, "_shtab_hardentui" in said) == (0, True), said
    page = installed.parents[1] / "share" / "man" / "man1" / "hardentui.1"
    assert page.read_bytes() == (ROOT / "docs" / "man" / "hardentui.1").read_bytes()


def test_setting_up_says_what_it_does_and_without_network_fails_in_one_sentence(
    tmp_path: Path,
) -> None:
    nowhere = {
        **environment(tmp_path),
        "PATH": "/usr/bin:/bin",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    }
    done = subprocess.run(
        [
            str(ROOT / "tools" / "bootstrap"),
            str(tmp_path / "venv"),
            sys.executable,
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**nowhere, "PIP_CONFIG_FILE": "/dev/null", "PIP_NO_CACHE_DIR": "1"},
    )
    assert done.returncode == 1
    assert done.stdout == ""
    making, *downloading, failed = done.stderr.splitlines()
    assert making.startswith("bootstrap: making the environment ")
    assert downloading[0] == "bootstrap: downloading pip"
    assert len(downloading) <= 2  # some Pythons bring a pip that is new enough
    assert failed.startswith(
        "bootstrap: the packages cannot be downloaded, no package index answers: "
    )
