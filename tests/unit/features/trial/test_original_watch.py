"""The stop sign of a trial, and what may be left of a disk while twins run."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hardentui.features.trial import original_watch
from hardentui.features.trial.original_watch import OriginalWatch, _least, _StopSign
from hardentui.model.trial import Resource
from hardentui.options import MOUNTS
from tests.support.rooted import Rooted


def test_it_is_set_with_the_outer_one_and_leaves_that_alone() -> None:
    outer = threading.Event()
    stop = _StopSign(outer)
    assert not stop.wait(0.01)
    threading.Timer(0.2, outer.set).start()
    begun = time.monotonic()
    assert stop.wait(60)
    assert time.monotonic() - begun < 30
    own = _StopSign(threading.Event())
    own.set()
    assert own.is_set()
    assert own.wait()
    other = threading.Event()
    _StopSign(other).set()
    assert not other.is_set()


@pytest.mark.parametrize(
    ("free", "total", "least"),
    [
        (100 << 30, 200 << 30, 2 << 30),  # half of the reserve
        (1 << 30, 200 << 30, 1 << 29),  # nearly full before: half of what was free
        (4 << 20, 5 << 20, 2 << 20),
        (0, 5 << 20, 0),
        (0, 0, 0),  # no limit
    ],
)
def test_a_disk_that_was_nearly_full_before_is_no_sign_of_trouble(
    free: int,
    total: int,
    least: int,
) -> None:
    assert _least(Resource.DISK, free, total) == pytest.approx(least, rel=0.1)
    assert _least(Resource.DISK, free, total) <= free


def test_an_original_that_does_not_answer_keeps_nobody_from_looking_at_its_disk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over, killed = threading.Event(), threading.Event()
    room = [100 << 30]

    def rooms(path: str) -> Any:
        return (room[0], 200 << 30), (1_000_000, 2_000_000)

    def ask(*_: object) -> Any:
        room[0] = 0  # what a twin does meanwhile
        over.wait(60)
        return SimpleNamespace(succeeded=True)

    monkeypatch.setattr(original_watch, "_rooms", rooms)
    monkeypatch.setattr(original_watch, "probe_once", ask)
    document = {"State": {"Pid": 1, "Running": True}}
    containers = SimpleNamespace(inspect=lambda _: document)
    engine = SimpleNamespace(containers=containers, close=lambda: None)
    monkeypatch.setattr(original_watch, "ChangingEngine", lambda _: engine)
    facts: Any = SimpleNamespace(
        name="web",
        id="1",
        running=True,
        inspect=document,
        spec={MOUNTS: ()},
    )
    changing: Any = SimpleNamespace(engine=None)
    cgroup: Any = SimpleNamespace(kill=killed.set)
    watch = OriginalWatch(
        changing,
        Rooted(tmp_path),
        [facts],
        threading.Event(),
        probes=("curl",),
    )
    with watch:
        watch.over(cgroup, ())
        assert killed.wait(30)
        over.set()
    assert "only 0 B are left on the disk that web writes to" in watch.suffering
