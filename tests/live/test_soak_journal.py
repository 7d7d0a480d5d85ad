"""What the kernel's log has lost, as a real journald tells it that reads the real kernel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence

import pytest

from hardentui.features.apply.soak_log import Soaked, logged_calls
from hardentui.host.commands import run_program
from hardentui.host.files import LocalFiles
from hardentui.model.journal import Soak
from hardentui.model.known import Known, Unread
from tests.conftest import cannot_run
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

_JOURNALD = "/usr/lib/systemd/systemd-journald"
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root sees the messages of the kernel"),
    pytest.mark.timeout(120),
]
NAME = "soaks"
_OWN_JOURNAL = """
mount -t tmpfs own /run
mkdir -p /run/log/journal /run/systemd/journald.conf.d
[ ! -d /var/log/journal ] || mount -t tmpfs own /var/log/journal
printf '[Journal]\\nAudit=no\\nStorage=volatile\\n' >/run/systemd/journald.conf.d/own.conf
exec "$0"
"""
"""`Audit=no`: it changes nothing of the kernel, which writes its audit to its own log."""


class Journal:
    """A journald in a mount namespace of its own."""

    def __init__(self) -> None:
        words = ("unshare", "--mount", "--propagation", "private", "sh", "-ec", _OWN_JOURNAL)
        self.process = subprocess.Popen((*words, _JOURNALD))

    def run(self, words: Sequence[str], seconds: float) -> Known[str]:
        inside = ("nsenter", "--target", str(self.process.pid), "--mount", "--")
        answer = run_program((*inside, *words), seconds)
        if isinstance(answer, Unread):
            return Unread(answer.reason.replace("nsenter", words[0]))
        return answer

    def header(self) -> str:
        answer = self.run(("journalctl", "--header"), 10)
        return answer if isinstance(answer, str) else ""


@pytest.fixture
def journal() -> Iterator[Journal]:
    if not os.path.exists(_JOURNALD) or shutil.which("journalctl") is None:
        cannot_run("journald is missing; run: sudo apt-get install --no-install-recommends systemd")
    journal = Journal()
    try:
        assert eventually(lambda: "head realtime" in journal.header().lower())
        yield journal
    finally:
        journal.process.terminate()
        journal.process.wait()


@pytest.fixture
def pid(podman: Bench) -> Iterator[int]:
    """The main process of a container whose ioprio_get the kernel logs."""
    profile = podman.directory / "tmp" / "logs.json"
    logged = {"names": ["ioprio_get"], "action": "SCMP_ACT_LOG"}
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [logged]}))
    podman.run(NAME, "--security-opt", f"seccomp={profile}", BUSYBOX, "sleep", "900")
    try:
        yield podman.get(f"/containers/{NAME}/json")["State"]["Pid"]
    finally:
        podman.remove(NAME)
        profile.unlink()


def _soaked(journal: Journal, podman: Bench, pid: int, since: float) -> Soaked:
    soak = Soak(since=since, until=since + 60, logs="/x", learned="/x")
    identity = podman.get(f"/containers/{NAME}/json")["Id"]
    seen = logged_calls(soak, identity, pid, LocalFiles(), journal.run)
    assert isinstance(seen, Soaked), seen
    return seen


def test_what_the_kernel_left_out_is_noticed(journal: Journal, podman: Bench, pid: int) -> None:
    began = time.time()

    def lost(since: float) -> str:
        return " ".join(_soaked(journal, podman, pid, since).lost)

    def keeps_all() -> bool:
        """What others made the kernel leave out before is over."""
        since = time.time()
        podman.podman("exec", NAME, "ionice")
        was_logged = eventually(lambda: "ioprio_get" in _soaked(journal, podman, pid, since).calls)
        return bool(was_logged) and not lost(since)

    assert eventually(keeps_all, 60)
    assert "the journal no longer reaches back to its begin" in lost(began - 3600)
    since = time.time()
    many = "i=0; while [ $i -lt 400 ]; do ionice; i=$((i+1)); done; sleep 5; ionice; ionice"
    podman.podman("exec", NAME, "sh", "-c", many)
    assert eventually(lambda: "the kernel left out" in lost(since))
