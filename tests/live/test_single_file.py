"""The single-file build runs without network and without anything installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import cannot_run

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]


def test_one_file_checks_a_host_without_network(tmp_path: Path) -> None:
    built = subprocess.run(
        [str(ROOT / "tools" / "single_file"), sys.executable],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert built.returncode == 0, built.stderr[-2000:]
    words = [sys.executable, "-I", str(ROOT / "dist" / "hardentui.pyz")]
    if os.geteuid() != 0:
        cannot_run("cutting the network off takes root")
    done = subprocess.run(
        ["unshare", "--net", *words, "check", "--demo", "--summary"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SHIV_ROOT": str(tmp_path / "shiv")},
    )
    assert done.returncode == 1, done.stderr
    assert "10 containers" in done.stdout
    labs = subprocess.run(
        ["unshare", "--net", *words, "train", "--demo"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SHIV_ROOT": str(tmp_path / "shiv")},
    )
    assert "0 of 15 labs passed" in labs.stdout, labs.stderr
