"""What is started to outlive us, and how little of the machine it takes."""

from __future__ import annotations

import json
import subprocess
import sys

_SHOWN = """
import json, os, subprocess
from hardentui.features.change.starting import start_detached, take_lowest_priority
def shown(pid):
    ranked = f"/proc/{pid}/autogroup"
    among = open(ranked).read().split()[-1] if os.path.exists(ranked) else "10"
    return os.getpriority(os.PRIO_PROCESS, pid), among
before = start_detached(["sleep", "60"])
first = shown(before.pid)
take_lowest_priority()
child = start_detached(["sleep", "60"])
print(json.dumps([first, shown(os.getpid()), shown(child.pid)]))
before.kill(), child.kill()
"""


def test_what_runs_unattended_gives_way_and_so_does_what_it_starts() -> None:
    """A nice value alone counts within a session: the kernel weighs sessions against each other."""
    done = subprocess.run(
        [sys.executable, "-c", _SHOWN],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    usual, ours, started = json.loads(done.stdout)
    assert usual[0] < 19
    assert ours == started == [19, "10"]
