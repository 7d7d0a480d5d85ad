"""What is known of containers while they change."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.features.looking import containers as containers_module
from hardentui.features.looking.containers import Containers
from hardentui.features.looking.gather import Gatherer, with_peers
from hardentui.features.looking.judging import Judge
from hardentui.features.looking.rows import read_lists
from hardentui.features.views import Report
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


def _not_compared(report: Report | None) -> list[str]:
    assert report is not None
    return [finding.check for finding in report.findings if "other containers" in finding.verdict.reason]


def _scan(containers: Containers) -> None:
    containers.scan(lambda _: None, lambda _: None, threading.Event())


@pytest.fixture
def shop() -> Iterator[tuple[Containers, str]]:
    """Containers with all checks, also those that compare, and the key of one of them."""
    host = some()
    host.checklist = ""
    bench = host.first_look().workbench()
    yield bench.containers, host.key("shop-web")
    bench.close()


def test_a_container_inspected_again_while_all_are_compared_is_compared_too(
    monkeypatch: pytest.MonkeyPatch, shop: tuple[Containers, str]
) -> None:
    containers, key = shop
    refreshed: list[list[str]] = []

    def with_peers_later(all_facts: Any) -> Any:
        refreshed.append(_not_compared(getattr(containers.refresh(key), "report", None)))
        return with_peers(all_facts)

    monkeypatch.setattr(containers_module, "with_peers", with_peers_later)
    _scan(containers)
    assert refreshed[0], "when it was inspected again, the others were not known"
    assert _not_compared(containers.report(key)) == []


def test_a_container_that_was_compared_while_it_was_inspected_again_stays_compared(
    monkeypatch: pytest.MonkeyPatch, shop: tuple[Containers, str]
) -> None:
    containers, key = shop
    gather = Gatherer.container

    def slowly(*arguments: Any, costly: bool = True) -> Any:
        facts = gather(*arguments, costly=costly)
        if costly:
            _scan(containers)
        return facts

    monkeypatch.setattr(Gatherer, "container", slowly)
    row = containers.refresh(key)
    assert row is not None
    assert _not_compared(row.report) == []


def test_what_a_newer_list_says_outlasts_a_slow_inspection(
    monkeypatch: pytest.MonkeyPatch, shop: tuple[Containers, str]
) -> None:
    containers, key = shop
    lists, judge = read_lists(containers._opened.engines), Judge.container
    newer = {
        label: tuple(replace(each, state="exited") for each in listed) for label, listed in lists.items()
    }

    def slowly(*arguments: Any, **words: Any) -> Any:
        containers.take(newer)
        return judge(*arguments, **words)

    containers.take(lists)
    monkeypatch.setattr(Judge, "container", slowly)
    shown: list[str] = []
    containers.scan(lambda row: shown.append(row.state), lambda _: None, threading.Event(), {key})
    row = containers.row(key)
    assert row is not None
    assert [*shown, row.state] == ["exited", "exited"]
    assert row.report is not None
