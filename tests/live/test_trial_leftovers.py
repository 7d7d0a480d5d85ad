"""A trial leaves nothing behind, however it ends: everything that Podman has is counted before and after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hardentui.__main__ import main
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

NAME, DATA = "left-behind", "left-data"
IMAGE = "localhost/with-volumes:1"
Words = tuple[str, ...]
SLEEP = ("sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait")
WRITES = ("sh", "-c", "trap 'exit 0' TERM; date > /written || exit 1; sleep 100000 & wait")


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    """With an image that declares two volumes."""
    podman.run(NAME, BUSYBOX, "true")
    podman.podman("wait", NAME)
    podman.podman("commit", "-q", "-c", "VOLUME /one", "-c", "VOLUME /two", NAME, IMAGE)
    podman.remove(NAME)
    yield podman
    podman.remove(NAME)
    podman.podman("volume", "rm", "-f", DATA)
    podman.podman("rmi", "-f", IMAGE)


def everything(bench: Bench) -> Mapping[str, list[str]]:
    """What Podman has: objects by id, its processes by name, mounts of volumes."""
    lists = {
        "containers": ("ps", "-a", "--format", "{{.ID}} {{.Names}}"),
        "volumes": ("volume", "ls", "-q"),
        "networks": ("network", "ls", "-q"),
        "images": ("images", "-a", "-q"),
        "pods": ("pod", "ps", "-q"),
    }
    counted = {kind: sorted(bench.podman(*words).splitlines()) for kind, words in lists.items()}
    counted["processes"] = sorted(_processes(str(bench.directory)))
    mounts = bench.execute("cat", "/proc/self/mountinfo").splitlines()
    counted["mounts"] = sorted(line.split()[4] for line in mounts if f"{bench.directory}/" in line)
    return counted


def _processes(directory: str) -> Iterator[str]:
    """The names of the processes whose command line or environment names the bench: conmon, aardvark-dns…"""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            name = (process / "comm").read_text().strip()
        except OSError:
            continue
        if directory.encode() in words and int(process.name) != os.getpid():
            yield name


def start(bench: Bench, *command: str) -> None:
    """The original: its volumes cannot be mounted copy-on-write, so they are copied."""
    bench.run(NAME, "--stop-timeout=10", "--userns=auto", "-v", f"{DATA}:/data", IMAGE, *command)
    eventually(lambda: _monitors(bench) <= len(bench.podman("ps", "-q").splitlines()), 20)


def _monitors(bench: Bench) -> int:
    """How many containers are watched: of what earlier tests removed, Podman ends them in the background."""
    return [*_processes(str(bench.directory))].count("conmon")


def tried(bench: Bench, *arguments: str) -> int:
    return main(["trial", NAME, "--url", bench.url, "--format", "json", *arguments])


def in_background(bench: Bench) -> subprocess.Popen[bytes]:
    """A trial that goes on until it is ended: its probe never succeeds."""
    command = ["trial", NAME, "--url", bench.url, "--all", "--probe", "false", "--patience", "200"]
    return subprocess.Popen(
        [sys.executable, "-m", "hardentui", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def a_twin_runs(bench: Bench) -> bool:
    return bool(bench.podman("ps", "-q", "--filter", "label=hardentui.trial"))


def settled(bench: Bench, before: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    """What there is, once the processes that Podman ends in the background have ended. Those of earlier tests
    may end meanwhile, so of processes only more than before count."""

    def now() -> Mapping[str, list[str]]:
        there = dict(everything(bench))
        more = Counter(there["processes"]) - Counter(before["processes"])
        return {**there, "processes": sorted([*before["processes"], *more.elements()])}

    eventually(lambda: now() == before, 10)
    return now()


@pytest.mark.parametrize(
    ("command", "arguments", "ends"),
    [
        pytest.param(SLEEP, ("--check", "new-privileges-allowed"), {0}, marks=pytest.mark.long),
        (WRITES, ("--check", "writable-rootfs", "--check", "no-memory-limit"), {0, 1}),
        (SLEEP, ("--all", "--probe", "false", "--patience", "1"), {6}),
    ],
    ids=["that works", "that breaks", "that cannot even begin"],
)
def test_after_one(
    bench: Bench, capsys: pytest.CaptureFixture[str], command: Words, arguments: Words, ends: set[int]
) -> None:
    start(bench, *command)
    before = everything(bench)
    assert tried(bench, *arguments) in ends
    assert settled(bench, before) == before


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_after_one_that_was_given_up(bench: Bench, number: signal.Signals) -> None:
    start(bench, *SLEEP)
    before = everything(bench)
    process = in_background(bench)
    assert eventually(lambda: a_twin_runs(bench), 60)
    os.killpg(process.pid, number)
    assert process.wait(60) == 130
    assert settled(bench, before) == before
