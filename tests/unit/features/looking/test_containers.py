"""What is known of containers while they change."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.engine.locate import Environment
from hardentui.features.engine_choices import engine_choices
from hardentui.features.first_look import FirstLook
from hardentui.features.looking import containers as containers_module
from hardentui.features.looking.containers import Containers
from hardentui.features.looking.gather import Gatherer, with_peers
from hardentui.features.looking.judging import Judge
from hardentui.features.looking.listed import read_lists
from hardentui.features.views import Report, Row, Selection
from hardentui.features.workbench import Workbench
from hardentui.model.facts import ONLY_IN_DETAIL
from hardentui.model.finding import Status
from tests.support.waiting import eventually
from tests.tui.replayed import Host, some


@pytest.mark.parametrize("again", [False, True])
def test_what_changed_during_a_look_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
    again: bool,
) -> None:
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
            containers.scan(
                lambda _: None,
                lambda _: None,
                threading.Event(),
                {key},
            )

    looking = threading.Thread(target=look)
    watching = threading.Thread(
        target=containers.watch, args=(changes.release, lambda _: None, stop)
    )
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
    return [
        finding.check for finding in report.findings if "other containers" in finding.verdict.reason
    ]


def _scan(containers: Containers) -> None:
    containers.scan(
        lambda _: None,
        lambda _: None,
        threading.Event(),
    )


@pytest.fixture
def shop() -> Iterator[tuple[Containers, str]]:
    """Containers with all checks, also those that compare, and the key of one of them."""
    host = some()
    host.checklist = ""
    bench = host.first_look().workbench()
    yield bench.containers, host.key("shop-web")
    bench.close()


@pytest.mark.parametrize(("most", "left_out"), [(25, False), (1, True)])
def test_a_scan_of_a_few_reads_what_takes_long_as_check_does(
    monkeypatch: pytest.MonkeyPatch,
    shop: tuple[Containers, str],
    most: int,
    left_out: bool,
) -> None:
    containers, key = shop
    monkeypatch.setattr(
        containers_module,
        "MOST_IN_DETAIL",
        most,
    )
    _scan(containers)
    report = containers.report(key)
    assert report is not None
    reasons = {finding.verdict.reason for finding in report.findings}
    assert (ONLY_IN_DETAIL.reason in reasons) is left_out


def test_a_container_inspected_again_while_all_are_compared_is_compared_too(
    monkeypatch: pytest.MonkeyPatch,
    shop: tuple[Containers, str],
) -> None:
    containers, key = shop
    refreshed: list[list[str]] = []

    def with_peers_later(all_facts: Any) -> Any:
        refreshed.append(_not_compared(getattr(containers.refresh(key), "report", None)))
        return with_peers(all_facts)

    monkeypatch.setattr(
        containers_module,
        "with_peers",
        with_peers_later,
    )
    _scan(containers)
    assert refreshed[0], "when it was inspected again, the others were not known"
    assert _not_compared(containers.report(key)) == []


def test_a_container_that_was_compared_while_it_was_inspected_again_stays_compared(
    monkeypatch: pytest.MonkeyPatch,
    shop: tuple[Containers, str],
) -> None:
    containers, key = shop
    gather = Gatherer.container

    def slowly(*arguments: Any, **words: Any) -> Any:
        monkeypatch.setattr(Gatherer, "container", gather)
        facts = gather(*arguments, **words)
        _scan(containers)
        return facts

    monkeypatch.setattr(Gatherer, "container", slowly)
    row = containers.refresh(key)
    assert row is not None
    assert _not_compared(row.report) == []


def test_what_a_newer_list_says_outlasts_a_slow_inspection(
    monkeypatch: pytest.MonkeyPatch,
    shop: tuple[Containers, str],
) -> None:
    containers, key = shop
    lists, judge = read_lists(containers._opened.engines), Judge.container
    newer = {
        label: tuple(replace(each, state="exited") for each in listed)
        for label, listed in lists.items()
    }

    def slowly(*arguments: Any, **words: Any) -> Any:
        containers.take(newer)
        return judge(*arguments, **words)

    containers.take(lists)
    monkeypatch.setattr(Judge, "container", slowly)
    shown: list[str] = []
    containers.scan(
        lambda row: shown.append(row.state),
        lambda _: None,
        threading.Event(),
        {key},
    )
    row = containers.row(key)
    assert row is not None
    assert [*shown, row.state] == ["exited", "exited"]
    assert row.report is not None


_FILE = "/home/anna/.config/containers/podman-connections.json"


def test_each_choice_opens_what_it_says_and_keeps_the_checklist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[Selection] = []
    monkeypatch.setattr(FirstLook, "open", opened.append)
    text = json.dumps(
        {"Connection": {"Connections": {"prod": {"URI": "ssh://root@prod/run/podman.sock"}}}}
    )
    environment = Environment(
        {},
        0,
        "/home/anna",
        read={_FILE: text}.get,
    )
    began = Selection(
        url="unix:///mine.sock",
        checklist="pci.toml",
    )
    choices = engine_choices(began, environment)
    for choice in choices:
        choice.open()
    assert [choice.name for choice in choices] == [
        "unix:///mine.sock",
        "prod",
        "the rootful socket",
    ]
    assert opened == [
        began,
        Selection(
            connection="prod",
            checklist="pci.toml",
        ),
        Selection(
            url="unix:///run/podman/podman.sock",
            checklist="pci.toml",
        ),
    ]


def test_the_beginning_has_a_name_of_its_own() -> None:
    nowhere = Environment({}, 0, "/root")
    names = [
        engine_choices(selection, nowhere)[0].name
        for selection in (
            Selection(),
            Selection(demo=True),
            Selection(facts_file="host.json"),
        )
    ]
    assert names == ["automatic search", "simulated host", "host.json"]


HOST = (
    ("shop-web", "shop-web"),
    ("db", "db"),
    ("cache", "cache"),
)


@pytest.fixture
def bench() -> Iterator[Workbench]:
    host = Host(*HOST)
    host.checklist = ""  # the whole one
    bench = host.first_look().workbench()
    yield bench
    bench.close()


def _comparing(bench: Workbench, row: Row) -> dict[str, Status]:
    """What its checks that compare containers answer."""
    comparing = {check.id for check in bench.judge.checks if check.compares}
    assert comparing
    looked_at = bench.containers.refresh(row.key)
    assert looked_at is not None
    assert looked_at.report is not None
    return {
        finding.check: finding.status
        for finding in looked_at.report.findings
        if finding.check in comparing
    }


def test_a_second_look_at_one_container_knows_no_more_of_the_others(bench: Workbench) -> None:
    row = bench.containers.rows()[0]
    for _ in range(3):
        assert set(_comparing(bench, row).values()) == {Status.UNKNOWN}


def test_a_scan_of_the_rest_answers_them(bench: Workbench) -> None:
    row = bench.containers.rows()[0]
    _comparing(bench, row)
    bench.containers.scan_the_rest()
    assert _comparing(bench, row)["default-network"] is not Status.UNKNOWN
    assert all(row.report for row in bench.containers.rows())
