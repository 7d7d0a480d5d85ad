"""A clock that somebody sets neither hastens nor hinders what goes back unless it is confirmed."""

import time

import pytest
from msgspec.structs import replace

from hardentui.features.change import waiting_time
from hardentui.features.change.waiting_time import seconds_left, waiting
from hardentui.model.journal import JournalEntry
from tests.unit.features.change.test_journal import entry

DAY = 24 * 3600.0


def _restarted(entry: JournalEntry) -> JournalEntry:
    assert entry.confirm_clock is not None
    return replace(
        entry, confirm_clock=replace(entry.confirm_clock, boot="another run of the host")
    )


@pytest.mark.parametrize("shift", [-400 * DAY, -DAY, 0.0, DAY])
def test_while_the_host_runs_the_time_of_day_does_not_matter(
    shift: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = waiting(entry(), 100)
    day = time.time
    monkeypatch.setattr(time, "time", lambda: day() + shift)
    assert 95 < seconds_left(waits) <= 100


@pytest.mark.parametrize(
    ("shift", "left"),
    [
        (-DAY, 100),
        (-40, 100),
        (0, 100),
        (30, 70),
        (DAY, 100 - DAY),
    ],
)
def test_after_a_restart_it_waits_no_longer_than_it_was_to(
    shift: float,
    left: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = _restarted(waiting(entry(), 100))
    day = time.time
    monkeypatch.setattr(time, "time", lambda: day() + shift)
    assert left - 5 < seconds_left(waits) <= left


def test_where_the_kernel_does_not_tell_its_runs_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_time, "_BOOT_ID", "/nowhere")
    assert 95 < seconds_left(waiting(entry(), 100)) <= 100


def test_an_entry_of_an_older_version_waits_by_the_time_of_day() -> None:
    assert 95 < seconds_left(replace(entry(), confirm_by=time.time() + 100)) <= 100
