"""What is known of containers while they change."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from hardentui.workbench.looking.judging import Judge
from tests.support.waiting import eventually
from tests.tui.replayed import some


@pytest.mark.parametrize("again", [False, True])
def test_what_changed_during_a_look_is_looked_at_again(monkeypatch: pytest.MonkeyPatch, again: bool) -> None:
    host = some()
    bench = host.first_look().workbench()
    containers, key = bench.containers, host.key("shop-web")
    judging, goes_on, judge = threading.Event(), threading.Event(), Judge.container

    def slowly(*arguments: Any, **words: Any) -> Any:
        judging.set()
        assert goes_on.wait(60)
        return judge(*arguments, **words)

    monkeypatch.setattr(Judge, "container", slowly)
    stop, changes = threading.Event(), threading.Semaphore(0)

    def look() -> None:
        if again:
            containers.refresh(key)
        else:
            containers.scan(lambda _: None, lambda _: None, threading.Event(), {key})

    looking = threading.Thread(target=look)
    watching = threading.Thread(target=containers.watch, args=(changes.release, lambda _: None, stop))
    watching.start()
    try:
        assert eventually(lambda: host.watched)
        looking.start()
        assert judging.wait(60)
        host.harden("shop-web")
        host.happens("shop-web")
        assert all(changes.acquire(timeout=60) for _ in host.labels)
        goes_on.set()
        looking.join(60)
        row = next(row for row in containers.rows() if row.key == key)
        assert row.report is None, "what was read before the event is not known any more"
        assert containers.refresh(key) is not None
        assert containers.report(key) is not None
    finally:
        goes_on.set()
        stop.set()
        watching.join(60)
        bench.close()
