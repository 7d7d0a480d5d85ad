"""Files that a service moves from one of its directories to another, after it was hardened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
NAME = "one-file-system"
IMAGE = f"localhost/{NAME}:1"
_SERVICE = (
    "trap 'exit 0' TERM; mkdir -p /srv/app/incoming /srv/app/done;"
    " echo x >/srv/app/incoming/x; echo y >/srv/app/done/y; while :; do sleep 0.1; done"
)
_LATE = (
    "cd /srv/app; echo z >incoming/z; seen=$(stat -c %i incoming/z); mv incoming/z done/z"
    ' && [ "$(stat -c %i done/z)" = "$seen" ] && ln incoming/x done/x && echo moved'
)
"""mv copies what rename(2) refuses to move: then it is another file."""


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    podman.wipe(NAME)
    yield podman
    podman.wipe(NAME)


@pytest.mark.parametrize(
    ("image_has", "moves"),
    [
        pytest.param("true", True, id="it makes them"),
        pytest.param(
            "mkdir -p /srv/app/incoming /srv/app/done",
            True,
            id="the image has them",
            marks=pytest.mark.long,
        ),
        pytest.param(
            "mkdir -p /srv/app/incoming /srv/app/done; echo old >/srv/app/settings",
            False,
            id="the image has settings beside them",
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_file_is_moved_late_or_the_card_says_that_it_cannot(
    bench: Bench,
    image_has: str,
    moves: bool,
    tmp_path: Path,
) -> None:
    def does_late() -> bool:
        done = bench.podman("exec", NAME, "sh", "-c", f"{_LATE} 2>&1; true")
        return done.endswith("moved")

    bench.podman("run", "--name", NAME, BUSYBOX, "sh", "-c", image_has)
    bench.podman("commit", "-q", NAME, IMAGE)
    bench.remove(NAME)
    bench.run(NAME, IMAGE, "sh", "-c", _SERVICE)
    assert does_late(), "not even before"
    bench.remove(NAME)
    bench.run(NAME, IMAGE, "sh", "-c", _SERVICE)
    words = ("--url", bench.url, "--yes")
    done = hardentui("harden", NAME, *words, ends=0, XDG_STATE_HOME=str(tmp_path))
    card = " ".join(done.stdout.split())
    assert bench.get(f"/containers/{NAME}/json")["HostConfig"]["ReadonlyRootfs"], card
    between = "a rename or a hard link between "
    assert f"{between}{'/srv/app, /run' if moves else '/srv/app/done, /srv/app/incoming'}" in card
    assert does_late() is moves, card
