"""A live test that cannot run fails in CI; elsewhere it is skipped, and the run is no success."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import INCOMPLETE, cannot_run
from tests.support import podman
from tests.support.images import NGINX, missing_package


@pytest.mark.parametrize(
    "variables",
    [
        {"CI": "true"},
        {"CI": "1"},
        {"HARDENTUI_REQUIRE_LIVE": "1"},
    ],
)
def test_it_fails_where_live_tests_are_required(
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CI", "HARDENTUI_REQUIRE_LIVE"):
        monkeypatch.setenv(name, variables.get(name, ""))
    with pytest.raises(pytest.fail.Exception, match="run: apt"):
        cannot_run("run: apt")


def test_it_is_skipped_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "HARDENTUI_REQUIRE_LIVE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(pytest.skip.Exception, match="run: apt"):
        cannot_run("run: apt")


def test_a_run_without_them_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    (tmp_path / "test_it.py").write_text(
        "from tests.conftest import cannot_run\n"
        "def test_live():\n    cannot_run('apt install podman')\n"
        "def test_other():\n    assert True\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", ".", "test_it.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == INCOMPLETE
    assert "1 passed, 1 skipped" in done.stdout
    assert "Live tests that could not run: 1. apt install podman" in done.stdout


def test_missing_programs_are_named_with_their_packages(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(podman, "_ALSO_HERE", str(tmp_path))
    assert "busybox-static curl iproute2" in podman.missing_programs()
    for program in podman._PROGRAMS:
        (tmp_path / program).touch(mode=0o755)
    assert podman.missing_programs() == ""
    absent = NGINX._replace(program="no-such-server")
    assert missing_package(absent).endswith(NGINX.package)
