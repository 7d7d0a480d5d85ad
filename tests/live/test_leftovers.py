"""Nothing stays behind: all that is there is counted before and after each kind of trial, apply and
undo."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.test_apply import NAME, Site, answering
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui, launched
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
LONG = pytest.mark.long

TRIED, DATA = "left-behind", "left-data"
IMAGE = "localhost/with-volumes:1"
SERVES = "trap 'exit 0' TERM; httpd -f -p 80 & wait"
BREAKS = f"grep -q 'NoNewPrivs:.0' /proc/self/status || exit 1; {SERVES}"


def everything(bench: Bench) -> dict[str, Any]:
    """What Podman has, its processes by name, and the mounts below its place."""
    lists = {
        "containers": ("ps", "-a", "--format", "{{.ID}} {{.Names}} {{.State}}"),
        "volumes": ("volume", "ls", "-q"),
        "networks": ("network", "ls", "-q"),
        "images": ("images", "-a", "-q", "--no-trunc"),
        "pods": ("pod", "ps", "-q"),
    }
    counted: dict[str, Any] = {
        kind: sorted(bench.podman(*words).splitlines()) for kind, words in lists.items()
    }
    mounts = bench.execute("cat", "/proc/self/mountinfo").splitlines()
    counted["mounts"] = sorted(line.split()[4] for line in mounts if f"{bench.directory}/" in line)
    return {
        **counted,
        "processes": Counter(_processes(str(bench.directory))),
    }


def _processes(directory: str) -> Iterator[str]:
    """The names of the processes whose command line or environment names the bench: conmon,
    aardvark-dns…"""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            name = (process / "comm").read_text().strip()
        except OSError:
            continue
        if os.fsencode(directory) in words and int(process.name) != os.getpid():
            yield name


def differences(bench: Bench, before: dict[str, Any]) -> dict[str, Any]:
    """What is not as before, once all has settled. Processes of earlier tests, which Podman ends in
    the background, may end meanwhile."""

    def now() -> dict[str, Any]:
        there = everything(bench)
        there["processes"] = before["processes"] | there["processes"]
        return {kind: (before[kind], seen) for kind, seen in there.items() if seen != before[kind]}

    eventually(lambda: not now())
    return now()


# --- trials ---------------------------------------------------------------------------------------


@pytest.fixture
def bench_with_volumes(podman: Bench) -> Iterator[Bench]:
    """With an image that declares two volumes."""
    podman.run(TRIED, BUSYBOX, "true")
    podman.podman("wait", TRIED)
    podman.podman(
        "commit",
        "-q",
        "-c",
        "VOLUME /one",
        "-c",
        "VOLUME /two",
        TRIED,
        IMAGE,
    )
    podman.remove(TRIED)
    yield podman
    podman.remove(TRIED)
    podman.podman("volume", "rm", "-f", DATA)
    podman.podman("rmi", "-f", IMAGE)


def start(bench: Bench, script: str) -> None:
    """The original: its volumes cannot be mounted copy-on-write, so they are copied."""
    options = (
        "--stop-timeout=10",
        "--userns=auto",
        "-v",
        f"{DATA}:/data",
    )
    bench.run(
        TRIED,
        *options,
        IMAGE,
        "sh",
        "-c",
        script,
    )


@pytest.mark.parametrize(
    ("script", "arguments", "ends"),
    [
        pytest.param(SERVES, (), 0, marks=LONG),
        (BREAKS, (), 1),
        (SERVES, ("--probe", "false", "--patience", "1"), 6),
    ],
    ids=["that works", "that breaks", "that cannot even begin"],
)
def test_after_a_trial(
    bench_with_volumes: Bench,
    script: str,
    arguments: tuple[str, ...],
    ends: int,
) -> None:
    bench = bench_with_volumes
    start(bench, script)
    before = everything(bench)
    words = (
        "trial",
        TRIED,
        "--url",
        bench.url,
        "--check",
        "new-privileges-allowed",
    )
    hardentui(*words, *arguments, ends=ends)
    assert differences(bench, before) == {}


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=LONG),
    ],
)
def test_after_a_trial_that_was_given_up(
    bench_with_volumes: Bench,
    number: signal.Signals,
) -> None:
    """Its probe never succeeds, so it goes on until it is ended."""
    bench = bench_with_volumes
    start(bench, SERVES)
    before = everything(bench)
    words = (
        "trial",
        TRIED,
        "--url",
        bench.url,
        "--all",
        "--probe",
        "false",
        "--patience",
        "200",
    )
    process = launched(*words, heard=False)
    assert eventually(
        lambda: bench.podman(
            "ps",
            "-q",
            "--filter",
            "label=hardentui.trial",
        )
    )
    os.killpg(process.pid, number)
    assert process.wait(60) == 130
    assert differences(bench, before) == {}


# --- changes --------------------------------------------------------------------------------------


@pytest.fixture
def site(bench: Bench, tmp_path: Path) -> Iterator[Site]:
    with answering(Site(bench, tmp_path)) as site:
        site.bench.podman(
            "exec",
            NAME,
            "sh",
            "-c",
            "mkdir -p /srv; echo kept > /srv/page",
        )
        site.bench.podman(
            "exec",
            NAME,
            "sh",
            "-c",
            "mkdir /opt; echo > /opt/gone; rm /opt/gone",
        )
        yield site


KEEP = ("--yes", "--keep-data")


@pytest.mark.both
def test_an_apply_that_works_and_its_undo(site: Site) -> None:
    before = everything(site.bench)
    site.apply(*site.fixes, *KEEP, ends=0)
    now = everything(site.bench)
    assert len(now["containers"]) == len(before["containers"]) + 1, "the kept original"
    assert set(now["volumes"]) - set(before["volumes"]) == {f"{NAME}-opt-data", f"{NAME}-srv-data"}
    assert len(now["mounts"]) == len(before["mounts"])
    for kind in ("networks", "images", "processes"):
        assert now[kind] == before[kind]
    site.run("undo", "--yes", ends=0)
    assert differences(site.bench, before) == {}


def test_what_the_successor_wrote_stays(site: Site) -> None:
    before = everything(site.bench)
    site.apply(*site.fixes, *KEEP, ends=0)
    site.bench.podman(
        "exec",
        NAME,
        "sh",
        "-c",
        "echo newer > /srv/page",
    )
    site.run("undo", "--yes", ends=0)
    volume = f"{NAME}-srv-data"
    assert (
        site.bench.podman(
            "run",
            "--rm",
            "-v",
            f"{volume}:/d",
            BUSYBOX,
            "cat",
            "/d/page",
        )
        == "newer"
    )
    site.bench.podman("volume", "rm", volume)
    assert differences(site.bench, before) == {}


def test_an_apply_that_is_rolled_back_or_cancelled_before_the_start(site: Site) -> None:
    before = everything(site.bench)
    for begun in (3, 5):
        process = site.begun(
            begun,
            *site.applied,
            "--keep-data",
            heard=True,
        )
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=150)
        assert process.returncode == 5, errors
        assert differences(site.bench, before) == {}


def test_an_apply_that_fails(site: Site) -> None:
    before = everything(site.bench)
    marker = f"{site.journal.directory}-probed"
    before_the_change = f"[ ! -e {marker} ] && touch {marker}"
    words = ("--yes", "--discard-data", "--patience", "1", "--probe", before_the_change)
    site.apply(*site.fixes, *words, ends=5)
    assert differences(site.bench, before) == {}


def test_a_trial(site: Site) -> None:
    before = everything(site.bench)
    site.run(
        "trial",
        NAME,
        "--url",
        site.bench.url,
        "--check",
        "new-privileges-allowed",
        ends=0,
    )
    assert differences(site.bench, before) == {}
