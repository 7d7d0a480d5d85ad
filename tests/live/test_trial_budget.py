"""A trial takes nothing from its original: what does not fit is not begun, what is taken has limits,
and the first sign of trouble ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.live.test_trial import leftovers
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui, launched
from tests.support.schemas import validated
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

NAME, VOLUME = "bud-original", "bud-data"
MB = 1 << 20
FIX = ("--check", "default-capabilities-kept")
SLEEPS = "sleep 100000"
FILLS = f"(head -c {300 * MB} /dev/zero; {SLEEPS}) | tail -c {300 * MB}"
"""Holds 300 MB; tail reads until the end, which does not come."""


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    yield podman
    podman.remove(NAME)
    podman.podman("volume", "rm", "-f", VOLUME)
    assert leftovers(podman) == ""


def tried(bench: Bench, *words: str) -> tuple[int, Any]:
    """The exit code and the record of a trial."""
    done = hardentui("trial", NAME, "--url", bench.url, "--format", "json", *FIX, *words)
    assert done.stdout, done.stderr
    return done.returncode, validated(json.loads(done.stdout))


def state_of(bench: Bench, name: str = NAME) -> Any:
    return bench.get(f"/containers/{name}/json")["State"]


def cgroup(bench: Bench, controller: str, name: str = NAME) -> Path:
    """The directory of a container's cgroup, with a cgroup v1 hierarchy or the unified one."""
    lines = Path(f"/proc/{state_of(bench, name)['Pid']}/cgroup").read_text().splitlines()
    paths = {
        key: path
        for _, keys, path in (line.split(":", 2) for line in lines)
        for key in keys.split(",")
    }
    if controller in paths:
        return Path(f"/sys/fs/cgroup/{controller}{paths[controller]}")
    return Path(f"/sys/fs/cgroup{paths['']}")


@contextmanager
def only_so_much_memory(bench: Bench, left: int) -> Iterator[None]:
    """Everything in the bench together may take this much more than now."""
    own = cgroup(bench, "memory")
    top = own.parent.parent  # above the parent of the containers
    v1 = (top / "memory.limit_in_bytes").exists()
    limit = top / ("memory.limit_in_bytes" if v1 else "memory.max")
    if not limit.exists():
        pytest.skip("the bench has no cgroup of its own with a limit of memory")
    used = top / ("memory.usage_in_bytes" if v1 else "memory.current")
    for _ in range(20):  # what is cached would give way first
        with suppress(OSError):
            limit.write_text(str(int(used.read_text()) - 50 * MB))
    held = int(used.read_text())
    limit.write_text(str(held + left))
    try:
        yield
    finally:
        limit.write_text("-1" if v1 else "max")


def holds(bench: Bench, amount: int) -> Callable[[], bool]:
    own = cgroup(bench, "memory")
    file = own / "memory.usage_in_bytes"
    file = file if file.exists() else own / "memory.current"
    return lambda: int(file.read_text()) >= amount


def test_a_twin_that_would_need_what_its_original_holds_is_not_started(bench: Bench) -> None:
    bench.run(NAME, "--network", "none", BUSYBOX, "sh", "-c", FILLS)
    assert eventually(holds(bench, 300 * MB))
    with only_so_much_memory(bench, 200 * MB):
        code, record = tried(bench)
    assert (code, record["result"], record["rounds"]) == (4, "no-room", [])
    assert "Not enough memory" in record["ended"]
    line = next(
        line for line in record["budget"] if line["needed"] > line["free"] - line["reserve"]
    )
    assert line["resource"] == "memory"
    assert line["needed"] >= 300 * MB
    state = state_of(bench)
    assert (state["Running"], state["OOMKilled"]) == (True, False)


def test_harden_says_so_too_and_changes_nothing(bench: Bench) -> None:
    bench.run(NAME, "--network", "none", BUSYBOX, "sh", "-c", FILLS)
    assert eventually(holds(bench, 300 * MB))
    with only_so_much_memory(bench, 200 * MB):
        done = hardentui("harden", NAME, "--url", bench.url, "--yes", *FIX)
    assert done.returncode == 4
    assert "Not enough memory" in " ".join(done.stdout.split())
    assert state_of(bench)["Running"]


GROWS = f"test ! -e /data/full || dd if=/dev/zero of=/dev/shm/f bs=1M count=300 || exit 1; {SLEEPS}"
"""Starts small, and grows when it is started with the file."""


def test_a_twin_that_grows_is_killed_and_not_its_original(bench: Bench) -> None:
    bench.run(
        NAME, "--network", "none", "--shm-size", "400m", "-v", f"{VOLUME}:/data",
        BUSYBOX, "sh", "-c", GROWS,
    )  # fmt: skip
    bench.podman("exec", NAME, "touch", "/data/full")
    with only_so_much_memory(bench, 200 * MB):
        code, record = tried(bench)
    assert (code, record["result"]) == (6, "baseline-fails")
    assert "took it all" in record["baseline"]["advice"]
    limited = [line["resource"] for line in record["budget"] if line["limited"]]
    assert set(limited) == {"memory"}
    state = state_of(bench)
    assert (state["Running"], state["OOMKilled"]) == (True, False)


@pytest.fixture
def small_disk(bench: Bench) -> Iterator[Path]:
    """The volumes of the bench are on a file system of 400 MB."""
    place = bench.directory / "volumes"
    place.mkdir(exist_ok=True)
    bench.execute("mount", "-t", "tmpfs", "-o", "size=400m,mode=0700", "tmpfs", str(place))
    yield place
    bench.remove(NAME)
    bench.podman("volume", "rm", "-f", VOLUME)
    bench.execute("umount", "-l", str(place))


WRITES = (
    "dd if=/dev/zero of=/data/big bs=1M count=230 2>/dev/null; touch /data/ready; "
    "while :; do dd if=/dev/zero of=/data/row bs=64k count=1 conv=notrunc oflag=append 2>/dev/null "
    "|| echo lost >>/tmp/lost; sleep 0.05; done"
)


def test_data_that_would_fill_the_disk_of_the_original_is_not_copied(
    bench: Bench,
    small_disk: Path,
) -> None:
    bench.run(
        NAME,
        "--userns=auto:size=65536",
        "--network",
        "none",
        "-v",
        f"{VOLUME}:/data",
        BUSYBOX,
        "sh",
        "-c",
        WRITES,
    )
    assert eventually(lambda: "ready" in bench.podman("exec", NAME, "ls", "/data"))
    code, record = tried(bench)
    assert (code, record["result"]) == (4, "no-room"), record["budget"]
    line = next(line for line in record["budget"] if line["resource"] == "disk")
    assert line["needed"] >= 230 * MB > line["free"] - line["reserve"]
    assert bench.podman("exec", NAME, "sh", "-c", "cat /tmp/lost 2>/dev/null || true") == ""


def test_a_full_disk_that_no_twin_writes_to_ends_no_trial(bench: Bench) -> None:
    place = bench.directory / "nearly-full"
    place.mkdir()
    bench.execute("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place))
    try:
        bench.run(NAME, "--network", "none", "-v", f"{place}:/data", BUSYBOX, "sh", "-c", SLEEPS)
        code, record = tried(bench)
    finally:
        bench.remove(NAME)
        bench.execute("umount", "-l", str(place))
        place.rmdir()
    assert (code, record["result"]) == (0, "works"), record["ended"]


FORKS = (
    "i=0; while [ $i -lt 30 ]; do sleep 100000 & i=$((i+1)); done; touch /tmp/ready; "
    "while :; do (sleep 0.02 & wait) 2>/dev/null && echo ok >>/tmp/jobs || echo no >>/tmp/failed; "
    "sleep 0.05; done"
)


def test_a_limit_per_user_is_not_shared_with_the_original(bench: Bench) -> None:
    """31 children of 50 that the user may have: with those of a twin it would be too many."""
    bench.run(
        NAME, "--user", "4242", "--ulimit", "nproc=50:50", "--network", "none", "--tmpfs", "/tmp:mode=1777",
        BUSYBOX, "sh", "-c", FORKS,
    )  # fmt: skip
    assert eventually(lambda: "ready" in bench.podman("exec", NAME, "ls", "/tmp"))
    code, record = tried(bench)
    assert bench.podman("exec", NAME, "sh", "-c", "cat /tmp/failed 2>/dev/null || true") == ""
    assert state_of(bench)["Running"]
    assert code in (0, 1), record["ended"]
    assert any("nproc" in lack["what"] for lack in record["lacks"])


def test_a_twin_writes_no_more_log_than_its_original(bench: Bench) -> None:
    chatty = "while :; do dd if=/dev/zero bs=64k count=1 2>/dev/null | tr '\\0' x; echo; done"
    bench.run(
        NAME, "--network", "none", "--log-driver", "k8s-file", "--log-opt", "max-size=1m",
        BUSYBOX, "sh", "-c", chatty,
    )  # fmt: skip
    largest = 0
    trial = launched("trial", NAME, "--url", bench.url, *FIX, heard=False)
    try:
        while trial.poll() is None:
            for folder, _, names in os.walk(bench.directory):  # what vanishes is passed over
                if "ctr.log" in names:
                    with suppress(OSError):
                        size = os.stat(os.path.join(folder, "ctr.log")).st_size
                        largest = max(largest, size)
            time.sleep(0.05)
    finally:
        trial.kill()
        trial.wait(timeout=60)
    assert 0 < largest < 2 * MB


def twins(bench: Bench) -> list[str]:
    return bench.podman("ps", "-q", "--filter", "label=hardentui.trial").split()


@contextmanager
def a_running_trial(bench: Bench, *words: str) -> Iterator[subprocess.Popen[str]]:
    trial = launched("trial", NAME, "--url", bench.url, "--format", "json", *FIX, *words)
    try:
        assert eventually(lambda: twins(bench) or trial.poll() is not None)
        assert trial.poll() is None, trial.communicate(timeout=60)
        yield trial
    finally:
        if trial.poll() is None:
            trial.kill()
        trial.communicate(timeout=60)


def test_the_trial_ends_when_the_original_is_killed(bench: Bench) -> None:
    bench.run(NAME, "--network", "none", BUSYBOX, "sh", "-c", "trap '' TERM; " + SLEEPS)
    with a_running_trial(bench) as trial:
        os.kill(state_of(bench)["Pid"], signal.SIGKILL)
        output, errors = trial.communicate(timeout=60)
    record = validated(json.loads(output))
    assert (trial.returncode, record["result"]) == (7, "original-suffers"), errors
    assert f"{NAME} ended with exit code 137" in record["ended"]
    assert twins(bench) == []


def test_the_trial_ends_when_the_original_is_restarted(bench: Bench) -> None:
    bench.run(NAME, "--restart", "always", "--network", "none", BUSYBOX, "sh", "-c", SLEEPS)
    with a_running_trial(bench) as trial:
        os.kill(state_of(bench)["Pid"], signal.SIGKILL)
        output, errors = trial.communicate(timeout=60)
    record = validated(json.loads(output))
    assert (trial.returncode, record["result"]) == (7, "original-suffers"), errors
    assert twins(bench) == []


def test_harden_keeps_its_hands_off_an_original_that_suffers(bench: Bench) -> None:
    bench.run(NAME, "--network", "none", BUSYBOX, "sh", "-c", "trap '' TERM; " + SLEEPS)
    identity = bench.get(f"/containers/{NAME}/json")["Id"]
    harden = launched("harden", NAME, "--url", bench.url, "--yes", *FIX)
    try:
        assert eventually(lambda: twins(bench))
        os.kill(state_of(bench)["Pid"], signal.SIGKILL)
    finally:
        output, _ = harden.communicate(timeout=120)
    assert harden.returncode == 7
    assert "the trial was ended" in " ".join(output.split())
    assert bench.get(f"/containers/{NAME}/json")["Id"] == identity


@pytest.mark.parametrize("moment", [0.0, pytest.param(1.0, marks=pytest.mark.long)])
def test_a_killed_trial_leaves_no_running_twin(bench: Bench, moment: float) -> None:
    bench.run(NAME, BUSYBOX, "sh", "-c", SLEEPS)
    with a_running_trial(bench) as trial:
        time.sleep(moment)
        trial.kill()
        trial.wait(timeout=30)
    assert eventually(lambda: not leftovers(bench))


def test_twins_are_the_first_for_the_oom_killer_and_the_last_for_the_processor(
    bench: Bench,
) -> None:
    bench.run(NAME, "--network", "none", BUSYBOX, "sh", "-c", SLEEPS)
    seen: set[tuple[str, str, bool]] = set()
    with a_running_trial(bench) as trial:
        while trial.poll() is None and not seen:
            for twin in twins(bench):
                with suppress(OSError, subprocess.CalledProcessError, KeyError):
                    pid = state_of(bench, twin)["Pid"]
                    score = Path(f"/proc/{pid}/oom_score_adj").read_text().strip()
                    parent = cgroup(bench, "cpu", twin).parent
                    shares = next(
                        (parent / name).read_text().strip()
                        for name in ("cpu.shares", "cpu.weight")
                        if (parent / name).exists()
                    )
                    seen.add((score, shares, parent.name.startswith("hardentui-")))
    assert seen <= {("1000", "2", True), ("1000", "1", True)}
    assert seen
    above = cgroup(bench, "memory").parent.parent
    assert eventually(lambda: not list(above.glob("hardentui-*")) and not leftovers(bench))


def test_a_hook_that_runs_for_each_twin_is_told_before_the_first(bench: Bench) -> None:
    ran, program = bench.directory / "hook-ran", bench.directory / "hook"
    program.write_text(f"#!/bin/sh\ndate >>{ran}\n")
    program.chmod(0o755)
    document = {"version": "1.0.0", "hook": {"path": str(program)}, "when": {"always": True}}
    hook = bench.directory / "hooks" / "each.json"  # the bench's hooks_dir
    hook.write_text(json.dumps({**document, "stages": ["prestart"]}))
    try:
        bench.run(NAME, "--network", "none", BUSYBOX, "sh", "-c", SLEEPS)
        assert len(ran.read_text().splitlines()) == 1
        words = ("-m", "hardentui", "trial", NAME, "--url", bench.url, *FIX)
        done = subprocess.run(
            bench.command(sys.executable, *words),
            capture_output=True,
            text=True,
            check=True,
            timeout=200,
        )
    finally:
        hook.unlink()
    assert len(ran.read_text().splitlines()) > 1, "it ran for twins"
    sentence = f"the engine runs {program} for each twin, on the host"
    assert 0 <= done.stderr.index(sentence) < done.stderr.index("starting a twin")
    assert str(program) in " ".join(done.stdout.split())


HEARS = r"""
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("0.0.0.0", 67))
print("ready", flush=True)
while True:
    print(":".join(f"{byte:02x}" for byte in server.recv(2048)[28:34]), flush=True)
"""
"""The hardware address of whoever asks for an address, by DHCP."""


def test_no_request_for_an_address_reaches_the_host(bench: Bench) -> None:
    asks = (
        "while :; do udhcpc -i eth0 -n -q -t 1 -T 1 -s /bin/true >/dev/null 2>&1; sleep 0.2; done"
    )
    bench.run(
        NAME, "--cap-add", "net_raw,net_admin", "--network", "podman", BUSYBOX, "sh", "-c", asks
    )
    networks = bench.get(f"/containers/{NAME}/json")["NetworkSettings"]["Networks"]
    own = networks["podman"]["MacAddress"]
    listener = subprocess.Popen(
        bench.command(sys.executable, "-I", "-S", "-c", HEARS), stdout=subprocess.PIPE, text=True
    )
    assert listener.stdout is not None
    heard: list[str] = []
    ear = threading.Thread(target=lambda: heard.extend(map(str.strip, listener.stdout or ())))
    ear.start()
    try:
        assert eventually(lambda: own in heard), "the original is heard, so a twin could be"
        done = hardentui("trial", NAME, "--url", bench.url, "--check", "writable-rootfs")
        assert done.returncode in (0, 1), done.stderr
    finally:
        listener.kill()
        listener.wait(timeout=10)
        ear.join(timeout=10)
        listener.stdout.close()
    assert set(heard) == {"ready", own}
    tables = bench.execute("nft", "list", "tables")
    assert "hardentui-" not in tables


def test_a_rootless_engine_tries_and_ends_for_its_original_too(rootless_podman: Bench) -> None:
    bench = rootless_podman
    bench.run(NAME, BUSYBOX, "sh", "-c", "trap '' TERM; " + SLEEPS)

    def kill_with_its_first_twin() -> None:
        assert eventually(lambda: twins(bench))
        os.kill(state_of(bench)["Pid"], signal.SIGKILL)

    try:
        code, record = tried(bench)
        assert (code, record["result"]) == (0, "works"), record
        assert {line["resource"] for line in record["budget"]} >= {"memory", "processes", "disk"}
        with ThreadPoolExecutor(1) as other:
            killed = other.submit(kill_with_its_first_twin)
            code, record = tried(bench)
            killed.result(timeout=60)
        assert (code, record["result"]) == (7, "original-suffers"), record
        assert eventually(lambda: not leftovers(bench))
    finally:
        bench.remove(NAME)
