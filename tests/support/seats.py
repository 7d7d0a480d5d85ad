"""Sandboxes of learners on a bench, and a class that is served from them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hardentui.features.training import classroom
from hardentui.features.training.classroom_desks import ClassroomDesks
from hardentui.features.training.seat import SeatLimits, Seats
from hardentui.serving import Served, TrainingServer, token_hash
from tests.support.podman import SCRIPT, Bench


@contextmanager
def seats_of(podman: Bench) -> Iterator[Seats]:
    """Of a bench: cgroups inside cannot be made on v1, so labs about limits are not for here
    (tests/host/test_class_v2.py has them)."""
    if os.geteuid() != 0:
        pytest.skip("the bench of root has the accounts of --userns=auto")
    os.environ["PODMAN_BENCH_DIR"] = str(podman.directory)
    made = Seats(
        podman=(str(SCRIPT), "podman"),
        limits=SeatLimits(disk="64m", ids=4096),
        nested=False,
    )
    made.prepare()
    yield made
    made.remove_all()
    assert podman.podman("images", "--all", "--quiet", "--filter=label=io.hardentui.seat") == ""
    del os.environ["PODMAN_BENCH_DIR"]


@contextmanager
def served(seats: Seats | None) -> Iterator[dict[str, str]]:
    """The class of this account, served as `train --serve` does; yields the link of each learner."""
    made = classroom.the_class()
    if seats is not None:
        seats.prepare()
    desks = ClassroomDesks(seats)
    names = {token_hash(learner.token): learner.name for learner in made.learners}
    server = TrainingServer(Served(names, desks.answer, desks.result, ""), port=0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {learner.name: server.link(learner.token) for learner in made.learners}
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        desks.close()


ROOM = 8 << 30
"""Bytes of a machine on which ten learners are to find room."""


class Memory:
    """All that a bench runs, in the room of such a machine: its cgroup has that limit."""

    def __init__(self, podman: Bench) -> None:
        groups = (podman.directory / "cgroups").read_text().split()
        self._group = next(Path(group) for group in groups if "/memory/" in group)
        (self._group / "memory.limit_in_bytes").write_text(str(ROOM))

    def measured(self) -> tuple[int, int]:
        """The most bytes it ever had, and how often more was refused."""
        most, refused = (
            int((self._group / name).read_text())
            for name in ("memory.max_usage_in_bytes", "memory.failcnt")
        )
        sys.stderr.write(f"memory at most: {most >> 20} MiB of {ROOM >> 20}; refused: {refused}\n")
        return most, refused
