"""Processes that outlive us: started without a trace in ours, reaped if they end first."""

import subprocess
import sys
import threading
import time
from pathlib import Path

from hardentui.features.change.confirm_timer import start_detached

_START = "from hardentui.features.change.confirm_timer import start_detached; start_detached(['cat'], 0)"


def test_a_process_that_outlives_us_causes_no_warning_at_our_end() -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "always", "-c", _START], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as ours:  # at the end of the block the pipe is closed, which ends the other process
        assert ours.stderr is not None
        assert (ours.wait(30), ours.stderr.read()) == (0, b"")


def test_a_process_that_ends_before_us_leaves_no_zombie() -> None:
    before = children()
    start_detached(["true"])
    deadline = time.monotonic() + 30
    while children() - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not children() - before


def children() -> set[str]:
    """The IDs of our child processes, zombies included."""
    return set(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())
