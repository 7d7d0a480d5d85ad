"""`make run` ends without an error of make's where the program has given its result."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("code", "is_result"),
    [(0, True), (1, True), (4, True), (2, False), (3, False), (70, False)],
)
def test_findings_and_what_is_unknown_are_no_error_of_make(
    tmp_path: Path,
    code: int,
    is_result: bool,
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexit {code}\n")
    python.chmod(0o755)
    ready = tmp_path / ".ready"
    ready.touch()
    done = subprocess.run(
        ["make", f"--old-file={ready}", "run", f"BIN={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is is_result
    assert ("Error" in done.stderr) is not is_result, done.stderr
