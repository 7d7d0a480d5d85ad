"""What a soak reads of the kernel's log, and what it tells to be lost: with a real journald, and with a
real auditd.

The kernel has one auditd, and sends it what else goes to its own log: both stand in one file, whose
tests run one after the other.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hardentui.features.apply import soak_log
from hardentui.features.apply.soak_log import Soaked, logged_calls, lost_by_kernel
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


_IN_OWN_RUN = 'mount -t tmpfs own /run && exec "$0" "$@"'
_CONFIGURATION = """
local_events = yes
write_logs = yes
log_file = {log}
log_group = root
log_format = {style}
flush = NONE
freq = 1
max_log_file = 1
num_logs = 2
max_log_file_action = ROTATE
space_left = 2
space_left_action = IGNORE
admin_space_left = 1
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
"""


class Auditd:
    """A real one, with a log of its own."""

    def __init__(self, folder: Path, style: str) -> None:
        self.log = folder / "log" / "audit.log"
        self.log.parent.mkdir(mode=0o700)
        settings = folder / "settings"
        settings.mkdir(mode=0o750)
        text = _CONFIGURATION.format(log=self.log, style=style)
        (settings / "auditd.conf").write_text(text)
        (settings / "auditd.conf").chmod(0o640)
        (settings / "plugins.d").mkdir(mode=0o750)
        own_run = ("unshare", "--mount", "--propagation", "private", "sh", "-ec", _IN_OWN_RUN)
        self.process = subprocess.Popen([*own_run, "auditd", "-n", "-c", str(settings)])

    def is_up(self) -> bool:
        return f"pid {self.process.pid}" in _control("-s") and self.log.exists()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def _control(*words: str) -> str:
    done = subprocess.run(
        ["auditctl", *words], capture_output=True, text=True, check=False, timeout=30
    )
    return done.stdout


@pytest.fixture
def style() -> str:
    return "RAW"


@pytest.fixture
def auditd(tmp_path: Path, style: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Auditd]:
    if not shutil.which("auditd"):
        cannot_run("auditd is missing; run: sudo apt-get install --no-install-recommends auditd")
    before = dict(line.split(" ", 1) for line in _control("-s").splitlines())
    if before.get("pid", "") != "0":
        pytest.skip("another auditd runs, or the kernel lets nobody ask: " + str(before))
    auditd = Auditd(tmp_path, style)
    monkeypatch.setattr(soak_log, "AUDIT_LOG", str(auditd.log))
    try:
        assert eventually(auditd.is_up, 30)
        yield auditd
    finally:
        auditd.stop()
        limits = ("-r", before["rate_limit"]), ("-b", before["backlog_limit"])
        for words in (*limits, ("-e", before["enabled"])):
            _control(*words)


def _no_journal(words: Sequence[str], seconds: float) -> Known[str]:
    return Unread(f"{words[0]} is not asked, nor within {seconds} seconds")


def _audited(podman: Bench, pid: int, soak: Soak) -> Soaked:
    identity = podman.get(f"/containers/{NAME}/json")["Id"]
    seen = logged_calls(soak, identity, pid, LocalFiles(), _run)
    assert isinstance(seen, Soaked), seen
    return seen


def _run(words: Sequence[str], seconds: float) -> Known[str]:
    """The journal has nothing of what auditd takes."""
    if words[0] == "auditctl":
        return _control(*words[1:])
    return Unread("journalctl ended with status 1")


def _begun() -> Soak:
    now = time.time()
    return Soak(since=now, until=now + 60, logs="/x", learned="/x", audit_lost=lost_by_kernel(_run))


@pytest.mark.long
@pytest.mark.parametrize("style", ["RAW", "ENRICHED"])
def test_what_it_kept_is_read(auditd: Auditd, podman: Bench, pid: int) -> None:
    soak = _begun()
    podman.podman("exec", NAME, "ionice")
    assert eventually(lambda: "ioprio_get" in _audited(podman, pid, soak).calls)
    assert _audited(podman, pid, soak).lost == ()
    assert auditd.log.stat().st_size


@pytest.mark.long
def test_a_call_of_another_process_is_not_the_containers(
    auditd: Auditd, podman: Bench, pid: int
) -> None:
    soak = _begun()
    podman.podman("run", "--rm", "--name", "other", *_same_profile(podman), "ionice")
    assert eventually(lambda: "syscall=" in auditd.log.read_text())
    assert "ioprio_get" not in _audited(podman, pid, soak).calls


def _same_profile(podman: Bench) -> list[str]:
    (option,) = podman.get(f"/containers/{NAME}/json")["HostConfig"]["SecurityOpt"]
    image = podman.get(f"/containers/{NAME}/json")["ImageName"]
    return ["--uidmap", "0:200000:1000", "--security-opt", option, image]


@pytest.mark.long
def test_what_was_rotated_away_is_noticed(auditd: Auditd, podman: Bench, pid: int) -> None:
    soak = _begun()
    podman.podman("exec", NAME, "ionice")
    assert eventually(lambda: "ioprio_get" in _audited(podman, pid, soak).calls)
    time.sleep(1.1)  # records tell whole seconds
    older = auditd.log.with_name("audit.log.1")

    def is_full() -> bool:
        for _ in range(50):
            _control("-m", "x" * 8_000)
        return older.exists() and "ioprio" not in older.read_text() and _is_lost()

    def _is_lost() -> bool:
        return "the audit log was rotated away since it began" in _audited(podman, pid, soak).lost

    assert eventually(is_full, 60)


@pytest.mark.long
def test_that_it_was_stopped_meanwhile_is_noticed(auditd: Auditd, podman: Bench, pid: int) -> None:
    soak = _begun()
    auditd.stop()
    assert eventually(lambda: "DAEMON_END" in auditd.log.read_text())
    (why,) = _soaked_without_journal(podman, pid, soak).lost
    assert why.startswith("auditd was stopped meanwhile, and ")


def _soaked_without_journal(podman: Bench, pid: int, soak: Soak) -> Soaked:
    identity = podman.get(f"/containers/{NAME}/json")["Id"]

    def run(words: Sequence[str], seconds: float) -> Known[str]:
        kept = "--grep" in words and "callbacks suppressed" in words[words.index("--grep") + 1]
        return (
            _run(words, seconds) if kept or words[0] == "auditctl" else _no_journal(words, seconds)
        )

    seen = logged_calls(soak, identity, pid, LocalFiles(), run)
    assert isinstance(seen, Soaked), seen
    return seen


@pytest.mark.long
def test_that_it_had_suspended_its_log_is_noticed(auditd: Auditd, podman: Bench, pid: int) -> None:
    soak = _begun()
    auditd.process.send_signal(signal.SIGUSR2)  # it goes on after it had suspended logging
    assert eventually(
        lambda: "auditd had suspended its log" in _audited(podman, pid, soak).lost,
    )


@pytest.mark.long
def test_what_the_kernel_itself_has_lost_is_noticed(
    auditd: Auditd, podman: Bench, pid: int
) -> None:
    soak = _begun()
    _control("-r", "2")
    many = "i=0; while [ $i -lt 60 ]; do ionice; i=$((i+1)); done"
    podman.podman("exec", NAME, "sh", "-c", many)
    assert eventually(
        lambda: any("records were lost" in why for why in _audited(podman, pid, soak).lost)
    )
