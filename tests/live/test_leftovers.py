"""Nothing stays behind: all that is there is counted before and after each kind of trial, apply and undo."""

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
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


@pytest.fixture
def site(bench: Bench, tmp_path: Path) -> Iterator[Site]:
    with answering(Site(bench, tmp_path)) as site:
        site.bench.podman("exec", NAME, "sh", "-c", "mkdir -p /srv; echo kept > /srv/page")
        site.bench.podman("exec", NAME, "sh", "-c", "mkdir /opt; echo > /opt/gone; rm /opt/gone")
        yield site


def everything(site: Site) -> dict[str, Any]:
    """What Podman has, and the processes that belong to it: its service's and those that name its place."""
    podman = site.bench.podman
    return {
        "containers": sorted(podman("ps", "-a", "--format", "{{.Names}} {{.State}}").split("\n")),
        "volumes": sorted(podman("volume", "ls", "-q").split()),
        "networks": sorted(podman("network", "ls", "-q").split()),
        "images": sorted(podman("images", "-a", "-q", "--no-trunc").split()),
        "mounts": site.bench.execute("sh", "-c", "grep -c '/merged ' /proc/mounts || true"),
        "processes": processes(site.bench),
    }


def processes(bench: Bench) -> Counter[str]:
    service = (bench.directory / "service.pid").read_text().split()[0]
    names: Counter[str] = Counter()
    for entry in Path("/proc").iterdir():
        try:
            status = (entry / "stat").read_text()
            words = (entry / "cmdline").read_bytes()
        except (OSError, UnicodeDecodeError):
            continue
        parent = status.rpartition(")")[2].split()[1]
        if parent == service or os.fsencode(bench.directory) in words:
            names[status.partition("(")[2].rpartition(")")[0]] += 1
    return names


def differences(site: Site, before: dict[str, Any]) -> dict[str, Any]:
    """What is not as before, once all has settled."""

    def now() -> dict[str, Any]:
        return {kind: (before[kind], seen) for kind, seen in everything(site).items() if seen != before[kind]}

    eventually(lambda: not now())
    return now()


KEEP = ("--yes", "--keep-data")


@pytest.mark.both
def test_an_apply_that_works_and_its_undo(site: Site) -> None:
    before = everything(site)
    site.apply(*site.fixes, *KEEP, ends=0)
    now = everything(site)
    assert len(now["containers"]) == len(before["containers"]) + 1, "the kept original"
    assert set(now["volumes"]) - set(before["volumes"]) == {f"{NAME}-opt-data", f"{NAME}-srv-data"}
    assert (now["networks"], now["images"], now["mounts"]) == (
        before["networks"],
        before["images"],
        before["mounts"],
    )
    assert now["processes"] == before["processes"]
    site.run("undo", "--yes", ends=0)
    assert differences(site, before) == {}


def test_what_the_successor_wrote_stays(site: Site) -> None:
    before = everything(site)
    site.apply(*site.fixes, *KEEP, ends=0)
    site.bench.podman("exec", NAME, "sh", "-c", "echo newer > /srv/page")
    assert site.run("undo", "--yes").returncode == 0
    volume = f"{NAME}-srv-data"
    assert site.bench.podman("run", "--rm", "-v", f"{volume}:/d", BUSYBOX, "cat", "/d/page") == "newer"
    site.bench.podman("volume", "rm", volume)
    assert differences(site, before) == {}


def test_an_apply_that_is_rolled_back_or_cancelled_before_the_start(site: Site) -> None:
    before = everything(site)
    words = ["apply", NAME, "--url", site.bench.url, *site.fixes, *KEEP]
    for begun in (3, 5):
        known = len(site.journal.entries())
        process = site.launch(*words)

        def far_enough(known: int = known, begun: int = begun) -> bool:
            entries = site.journal.entries()
            return len(entries) > known and entries[0].begun >= begun

        assert eventually(far_enough)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=150)
        assert process.returncode == 5, errors
        assert differences(site, before) == {}


def test_an_apply_that_fails(site: Site) -> None:
    before = everything(site)
    failed = site.apply(
        *site.fixes,
        "--yes",
        "--discard-data",
        "--patience",
        "1",
        "--probe",
        ONCE.format(site.journal.directory),
    )
    assert failed.returncode == 5, failed.stderr
    assert differences(site, before) == {}


ONCE = "[ ! -e {0}-probed ] && touch {0}-probed"
"""A probe that succeeds once, before the change."""


def test_a_trial(site: Site) -> None:
    before = everything(site)
    site.run("trial", NAME, "--url", site.bench.url, "--check", "new-privileges-allowed", ends=0)
    assert differences(site, before) == {}
