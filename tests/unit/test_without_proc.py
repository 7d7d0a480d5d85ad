"""Without /proc (a bare chroot): what cannot be known is unknown, and nothing is an internal error."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import cannot_run


@pytest.mark.parametrize(
    "command", [["doctor"], ["check", "--demo"], ["check", "host"], ["trial", "web"], ["journal"]]
)
def test_there_is_no_internal_error_without_proc(command: list[str]) -> None:
    if os.geteuid() != 0:
        cannot_run("hiding /proc takes root")
    hidden = 'mount -t tmpfs none /proc && exec "$@"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", hidden, "sh", sys.executable, "-m", "hardentui", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 70, done.stderr
    assert "internal error" not in done.stderr
