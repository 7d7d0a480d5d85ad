"""Checks that compare containers are never answered before the others were looked at."""

from collections.abc import Iterator

import pytest

from hardentui.features.views import Row
from hardentui.features.workbench import Workbench
from hardentui.model.finding import Status
from tests.tui.replayed import Host

HOST = (("shop-web", "shop-web"), ("db", "db"), ("cache", "cache"))


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
        finding.check: finding.status for finding in looked_at.report.findings if finding.check in comparing
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
