"""A service that writes a program of its own beside its data, and runs it from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
NAME = "own-helper"


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    podman.wipe(NAME)
    yield podman
    podman.wipe(NAME)


@pytest.mark.parametrize("place", ["/var/lib/shop", "/var/cache/shop"])
def test_its_root_is_read_only_and_the_helper_still_runs(
    bench: Bench,
    place: str,
    tmp_path: Path,
) -> None:
    service = (
        f"trap 'exit 0' TERM; mkdir -p {place}; cp /bin/busybox {place}/sleep;"
        f" echo data >{place}/orders; while {place}/sleep 1; do :; done"
    )
    bench.run(NAME, BUSYBOX, "sh", "-c", service)
    words = ("--url", bench.url, "--yes")
    done = hardentui("harden", NAME, *words, ends=0, XDG_STATE_HOME=str(tmp_path))
    assert bench.get(f"/containers/{NAME}/json")["HostConfig"]["ReadonlyRootfs"], done.stdout
    running = bench.podman("exec", NAME, "sh", "-c", f"ls {place}; ps -o args")
    assert f"{place}/sleep 1" in running
    assert "orders" in running
