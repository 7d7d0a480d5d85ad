"""What /proc, the cgroup and the kernel's tracepoint say of a container while it runs."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardentui.features.trial.observe.capability_watcher import CapabilityWatcher
from hardentui.features.trial.observe.watch import Sampler, Watch
from hardentui.model.facts import STOCK_CAPABILITIES
from hardentui.model.known import Unread
from hardentui.model.trial import CapabilityCheck, Sampled
from tests.conftest import cannot_run
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

pytestmark = pytest.mark.live

NAME = "watched-samples"


@pytest.fixture
def prepared(podman: Bench) -> Iterator[Bench]:
    yield podman
    podman.remove(NAME)


def prepare(bench: Bench, script: str, *options: str) -> int:
    """A container that waits to be started; returns its pid."""
    bench.podman(
        "create", "--name", NAME, "--stop-timeout=0", *options, BUSYBOX, "sh", "-c", script
    )
    bench.podman("init", NAME)
    pid = bench.get(f"/containers/{NAME}/json")["State"]["Pid"]
    assert isinstance(pid, int)
    return pid


_FILLED = 20 << 20  # bytes that the script writes


def _served_and_filled(seen: object) -> bool:
    return (
        isinstance(seen, Sampled)
        and "8080" in str(seen.listening)
        and isinstance(seen.memory_peak, int)
        and seen.memory_peak > _FILLED
        and isinstance(seen.pids_peak, int)
        and seen.pids_peak >= 4
    )


def test_samples_show_what_it_serves_and_uses(prepared: Bench) -> None:
    script = "httpd -f -p 8080 & sleep 30 | cat & dd if=/dev/zero of=/tmp/x bs=1M count=20; wait"
    sampler = Sampler(prepare(prepared, script), every=0.05)
    sampler.start()
    prepared.podman("start", NAME)
    assert eventually(lambda: _served_and_filled(sampler.so_far())), sampler.so_far()
    prepared.remove(NAME)
    seen = sampler.finish()
    assert isinstance(seen, Sampled), seen
    assert isinstance(seen.listening, tuple)
    assert {socket.port for socket in seen.listening} == {8080}
    assert isinstance(seen.memory_peak, int)
    assert seen.memory_peak > _FILLED
    assert isinstance(seen.pids_peak, int)
    assert seen.pids_peak >= 4


def test_a_container_that_has_ended_is_unknown(prepared: Bench) -> None:
    pid = prepare(prepared, "true")
    prepared.podman("start", NAME)
    prepared.podman("wait", NAME)
    sampler = Sampler(pid)
    sampler.start()
    assert isinstance(sampler.finish(), Unread)


@pytest.fixture
def tracefs() -> Iterator[str]:
    if os.geteuid() != 0:
        cannot_run("only root can trace")
    with tempfile.TemporaryDirectory(prefix="tracefs-") as directory:
        subprocess.run(
            ["mount", "-t", "tracefs", "tracefs", directory],
            check=True,
            timeout=10,
        )
        try:
            if not Path(directory, "events/capability/cap_capable").exists():
                pytest.skip("this kernel has no tracepoint cap_capable")
            yield directory
        finally:
            subprocess.run(
                ["umount", directory],
                check=True,
                timeout=10,
            )


@pytest.mark.parametrize(
    ("script", "asked"),
    [
        ("echo x > /f; chown 33 /f", {"CAP_CHOWN"}),
        ("echo x > /tmp/f", set()),
        ("chroot / true", {"CAP_SYS_CHROOT"}),
    ],
)
def test_the_kernel_says_which_capability_was_used(
    prepared: Bench,
    tracefs: str,
    script: str,
    asked: set[str],
) -> None:
    watcher = CapabilityWatcher(tracefs)
    assert watcher.start([prepare(prepared, script)])
    prepared.podman("start", NAME)
    prepared.podman("wait", NAME)
    checks = watcher.finish(STOCK_CAPABILITIES)
    assert isinstance(checks, tuple), checks
    granted = {check.name for check in checks if check.granted}
    assert (
        granted - {"CAP_DAC_OVERRIDE"} == asked
    )  # the overlay asks for that one in its mounter's name
    assert all(isinstance(check, CapabilityCheck) for check in checks)
    assert os.listdir(f"{tracefs}/instances") == []


def test_what_a_killed_session_left_in_the_kernel_is_removed(tracefs: str) -> None:
    ended = subprocess.run(
        ["sh", "-c", "echo $$"], capture_output=True, text=True, check=True, timeout=10
    )
    left = f"{tracefs}/instances/hardentui-{ended.stdout.strip()}-00"
    os.mkdir(left)
    os.mkdir(f"{tracefs}/instances/hardentui-{os.getpid()}-00")
    Watch(None, STOCK_CAPABILITIES, tracefs=tracefs).open()
    assert os.listdir(f"{tracefs}/instances") == [f"hardentui-{os.getpid()}-00"]
    os.rmdir(f"{tracefs}/instances/hardentui-{os.getpid()}-00")


def test_where_nothing_can_be_traced_the_reason_is_told() -> None:
    watcher = CapabilityWatcher("/nowhere")
    assert not watcher.start([1])
    told = watcher.finish(STOCK_CAPABILITIES)
    assert isinstance(told, Unread)
    assert "/nowhere" in told.reason or "only root" in told.reason
