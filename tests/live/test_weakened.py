"""Containers that were started well and weakened since, past the engine: a check of each tells."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live

NAME = "weakened"
OPTIONS = (
    "--network=none",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--user=1000",
    "--memory=64m",
)
_QUIET = "</dev/null >/dev/null 2>&1"


@pytest.mark.parametrize(
    ("check", "weaken"),
    [
        ("root-exec-session", f"(setsid nsenter -t $PID -a /bin/sleep 600 {_QUIET} &) ; sleep 1"),
        ("unmasked-system-paths", "nsenter -t $PID -m /bin/busybox umount /proc/keys"),
        (
            "disabled-cgroups",
            "for procs in /sys/fs/cgroup/memory/cgroup.procs /sys/fs/cgroup/cgroup.procs; do "
            "[ ! -e $procs ] || pgrep -P $PID >$procs; done",
        ),
    ],
)
def test_what_was_weakened_after_the_start_is_told(podman: Bench, check: str, weaken: str) -> None:
    command = [sys.executable, "-m", "hardentui", "check", NAME, "--check", check]
    command += ["--fail-on", "medium", "--url", podman.url]
    podman.remove(NAME)
    try:
        podman.run(NAME, *OPTIONS, BUSYBOX, "sh", "-c", "sleep 600 & exec sleep 601")
        before = subprocess.run(podman.command(*command), capture_output=True, text=True, check=False)
        assert before.returncode == 0, before.stdout
        pid = podman.podman("inspect", "--format", "{{.State.Pid}}", NAME)
        podman.execute("sh", "-ec", f"PID={pid}; {weaken}")
        after = subprocess.run(podman.command(*command), capture_output=True, text=True, check=False)
        assert after.returncode == 1
        assert check in after.stdout
    finally:
        podman.remove(NAME)
