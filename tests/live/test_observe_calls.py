"""Every system call of a container is seen from its first instruction on, and answered as before."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hardentui.model.known import Unreadable
from hardentui.model.observation import CallLog
from hardentui.reading.seccomp import parse_profile
from hardentui.trial.observe.calls import CallWatcher
from tests.support.podman import BUSYBOX, Bench

pytestmark = pytest.mark.live

DEFAULT = Path("/usr/share/containers/seccomp.json")
NAME = "watched-calls"


@contextmanager
def watching(bench: Bench) -> Iterator[CallWatcher]:
    directory = Path(tempfile.mkdtemp(prefix="hw-", dir=bench.directory))
    directory.chmod(0o755)
    base = json.loads(DEFAULT.read_text())
    watcher = CallWatcher(str(directory), base, parse_profile(base))
    watcher.start()
    try:
        yield watcher
    finally:
        bench.remove(NAME)
        watcher.finish()
        shutil.rmtree(directory)


def run(bench: Bench, watcher: CallWatcher, script: str) -> str:
    """Create, prepare, start and wait; returns what the script printed."""
    bench.podman(
        "create",
        "--name",
        NAME,
        f"--security-opt=seccomp={watcher.profile_path}",
        BUSYBOX,
        "sh",
        "-c",
        script,
    )
    bench.podman("init", NAME)
    bench.podman("start", NAME)
    bench.podman("wait", NAME)
    return bench.podman("logs", NAME)


def counts(log: CallLog | Unreadable) -> dict[str, tuple[int, int, int]]:
    assert isinstance(log, CallLog), log
    return {call.name: (call.program, call.runtime, call.refused) for call in log.calls}


def test_calls_are_counted_and_carried_out(bench: Bench) -> None:
    with watching(bench) as watcher:
        said = run(
            bench,
            watcher,
            "id -u; dd if=/dev/zero of=/dev/null bs=1 count=500 2>&1; mkdir /made && ls -d /made",
        )
        log = watcher.finish()
    assert said.splitlines()[0] == "0"
    assert "500+0 records out" in said
    assert "/made" in said
    result = counts(log)
    assert result["read"][0] >= 500
    assert result["write"][0] >= 500
    assert result["mkdir"] == (1, 0, 0)
    assert isinstance(log, CallLog)
    assert log.faults == ()
    assert log.starts == 1
    assert {call.architecture for call in log.calls} == {"SCMP_ARCH_X86_64"}


def test_what_the_runtime_does_is_told_from_what_the_program_does(bench: Bench) -> None:
    with watching(bench) as watcher:
        run(bench, watcher, "true")
        result = counts(watcher.finish())
    assert result["capset"][0] == 0
    assert result["capset"][1] > 0
    assert result["execve"][1] == 1


def test_a_call_that_the_profile_refuses_is_refused_and_seen(bench: Bench) -> None:
    with watching(bench) as watcher:
        said = run(bench, watcher, "chroot / true; echo $?")
        result = counts(watcher.finish())
    assert said.splitlines()[-1] == "1"
    assert result["chroot"] == (1, 0, 1)


def test_a_program_started_by_exec_is_watched_too(bench: Bench) -> None:
    with watching(bench) as watcher:
        bench.run(NAME, f"--security-opt=seccomp={watcher.profile_path}", BUSYBOX, "sleep", "60")
        assert bench.podman("exec", NAME, "sh", "-c", "rmdir /nowhere; echo ok") == "ok"
        bench.remove(NAME)
        log = watcher.finish()
    assert counts(log)["rmdir"] == (1, 0, 0)
    assert isinstance(log, CallLog)
    assert log.starts == 2


def test_a_runtime_that_hands_nothing_over_is_told(bench: Bench) -> None:
    with watching(bench) as watcher:
        said = watcher.finish()
    assert isinstance(said, Unreadable)
    assert "hand over the filter" in said.reason
