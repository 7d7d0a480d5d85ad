"""The stop sign of a trial: that of whoever wants it, and its own."""

import threading
import time

from hardentui.features.trial.original_watch import _StopSign


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
