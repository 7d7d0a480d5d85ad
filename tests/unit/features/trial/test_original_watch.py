"""The stop sign of a trial, and what may be left of a disk while twins run."""

import threading
import time

import pytest

from hardentui.features.trial.original_watch import _least, _StopSign
from hardentui.model.trial import Resource


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
