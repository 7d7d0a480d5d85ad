"""News of workers come from many threads: what is old, or of something that was closed, does not
stay."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.features.looking.containers import Containers
from hardentui.tui import messages as say
from hardentui.tui.workers import Workers
from tests.tui.replayed import Host, some
from tests.tui.support import make_app, running, shows, started, until


async def test_the_end_of_an_earlier_scan_does_not_end_that_of_what_is_open_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released, scan = threading.Event(), Containers.scan

    def slow_to_stop(
        self: Containers,
        on_report: Any,
        on_progress: Any,
        stop: Any,
        keys: Any = None,
    ) -> None:
        try:
            scan(
                self,
                on_report,
                on_progress,
                stop,
                keys,
            )
        finally:
            if stop.is_set():
                released.wait(60)

    monkeypatch.setattr(Containers, "scan", slow_to_stop)
    first, second = some(), Host(("cache", "db"))
    for host in (first, second):
        host.answering.clear()
    app = make_app(first)
    async with started(app) as pilot:
        await shows(pilot, "scanning 0/3")
        app.look_at(second.first_look)
        await shows(pilot, "scanning 0/1")
        released.set()
        await until(
            pilot,
            lambda: sum(worker.group == "scan" for worker in app.workers) == 1,
        )
        await shows(pilot, "scanning 0/1")
        assert app.session.progress is not None
        second.answering.set()
        await until(pilot, lambda: app.session.progress is None)
        assert list(app.session.rows) == [second.key("db")]


@pytest.mark.parametrize("news", ["list", "scan"])
async def test_a_report_that_was_overtaken_does_not_replace_the_latest(news: str) -> None:
    app = make_app(some())
    async with running(app):
        session = app.session
        assert session.bench is not None
        overtaken = tuple(
            replace(row, report=row.report and replace(row.report, findings=()))
            for row in session.rows.values()
        )
        if news == "list":
            session.handle(say.RowsListed(overtaken))
        else:
            session._inbox.extend(overtaken)
            session.handle(say.ReportsArrived())
        assert session.rows
        assert all(row.report and row.report.findings for row in session.rows.values())


async def test_a_scan_of_an_older_list_does_not_bring_an_old_name_back() -> None:
    app = make_app(some())
    async with running(app):
        session = app.session
        session._inbox.extend(replace(row, name="before") for row in tuple(session.rows.values()))
        session.handle(say.ReportsArrived())
        assert session.rows
        assert not any(row.name == "before" for row in session.rows.values())


def test_the_newest_list_is_told_last() -> None:
    told: list[str] = []
    newer_told = threading.Event()

    def post(message: say.FromWorker) -> None:
        assert isinstance(message, say.RowsListed)
        told.extend(row.name for row in message.rows)
        newer_told.set()

    workers = Workers(
        post,
        deque(),
        lambda fault: pytest.fail(str(fault)),
    )
    began = threading.Event()

    def older() -> Any:
        began.set()
        newer_told.wait(0.3)
        return (SimpleNamespace(name="older"),)

    thread = threading.Thread(
        target=workers.list,
        args=(older,),
    )
    thread.start()
    assert began.wait(60)
    workers.list(lambda: (SimpleNamespace(name="newer"),))  # type: ignore[arg-type, return-value]
    thread.join()
    assert told == ["older", "newer"]


def test_the_newest_look_at_a_container_is_told_last() -> None:
    inbox: deque[Any] = deque()
    newer_told, began = threading.Event(), threading.Event()
    workers = Workers(
        lambda _: newer_told.set(),
        inbox,
        lambda fault: pytest.fail(str(fault)),
    )

    def refresh(key: str) -> str:
        if key == "older":
            began.set()
            newer_told.wait(0.3)
        return key

    bench: Any = SimpleNamespace(containers=SimpleNamespace(refresh=refresh))
    thread = threading.Thread(
        target=workers.recheck,
        args=(bench, "older"),
    )
    thread.start()
    assert began.wait(60)
    workers.recheck(bench, "newer")
    thread.join()
    assert list(inbox) == ["older", "newer"]


def test_of_many_lists_that_wait_one_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def post(message: say.FromWorker) -> None:
        assert isinstance(message, say.RowsListed)
        told.extend(row.name for row in message.rows)

    workers = Workers(
        post,
        deque(),
        lambda fault: pytest.fail(str(fault)),
    )
    began, goes_on, asked = threading.Event(), threading.Event(), threading.Event()
    newest_of = workers._newest_of

    def ask(what: str) -> Callable[[], bool]:
        is_newest = newest_of(what)
        asked.set()
        return is_newest

    monkeypatch.setattr(workers, "_newest_of", ask)

    def named(name: str) -> Any:
        if name == "first":
            began.set()
            assert goes_on.wait(60)
        return (SimpleNamespace(name=name),)

    threads = []
    for name in ("first", "2", "3", "after a gap", "4"):
        asked.clear()
        words = (lambda name=name: named(name), name == "after a gap")
        threads.append(
            threading.Thread(
                target=workers.list,
                args=words,
            )
        )
        threads[-1].start()
        assert asked.wait(60)
        assert began.wait(60)
    goes_on.set()
    for thread in threads:
        thread.join()
    assert told[0] == "first"
    assert sorted(told[1:]) == ["4", "after a gap"]
