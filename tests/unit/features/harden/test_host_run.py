"""The run of trials of all containers of a host: how its process begins."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hardentui.errors import UsageError
from hardentui.features.harden import host_run
from hardentui.features.harden.host_run import Asked, RunFiles
from hardentui.features.harden.unattended import _Turns
from hardentui.features.opening.opened import Opened


class Started:
    """A process that ends after so many looks at it; None: it does not."""

    def __init__(self, ends_after: int | None) -> None:
        self.looks = 0
        self._ends_after = ends_after

    def poll(self) -> int | None:
        self.looks += 1
        ended = self._ends_after is not None and self.looks > self._ends_after
        return 2 if ended else None


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFiles:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    opened = SimpleNamespace(engines=(), simulated=True, private_service=False)
    clock = iter(range(0, 10**6, 50))  # seconds: a slow machine
    monkeypatch.setattr(
        host_run,
        "time",
        SimpleNamespace(time=lambda: 0.0, monotonic=lambda: next(clock), sleep=lambda _: None),
    )
    return RunFiles(cast(Opened, opened))


def test_it_begins_however_long_the_machine_takes(
    files: RunFiles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = Started(ends_after=None)
    monkeypatch.setattr(host_run, "start_detached", lambda words: process)
    monkeypatch.setattr(files, "is_running", lambda: process.looks > 5)
    files.start()
    assert process.looks == 6


def test_one_that_ended_before_it_began_is_told_at_once(
    files: RunFiles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = Started(ends_after=1)
    words: list[Any] = []

    def start(command: object) -> Started:
        words.append(command)
        return process

    monkeypatch.setattr(host_run, "start_detached", start)
    with pytest.raises(UsageError, match="did not begin"):
        files.start()
    assert process.looks == 2
    assert len(words) == 1


def test_who_asks_to_stop_is_heard_until_the_next_start(files: RunFiles) -> None:
    heard = [files.is_asked_to_stop]
    for do in (files.stop, files.clear_stop):
        do()
        heard.append(files.is_asked_to_stop)
    assert heard == [False, True, False]


def test_what_is_asked_of_one_leaves_what_was_asked_of_the_others(files: RunFiles) -> None:
    files.ask({"a/1": Asked(tight=True)})
    files.ask({"a/2": Asked(probe="true")})
    assert files.asked() == {"a/1": Asked(tight=True), "a/2": Asked(probe="true")}


def test_after_a_turn_the_engine_has_a_rest_of_the_same_time() -> None:
    turns = _Turns(1)
    with turns:
        time.sleep(0.2)
    over = time.monotonic()
    with turns:
        assert time.monotonic() - over > 0.15


def test_a_turn_that_fails_is_over() -> None:
    turns = _Turns(1)
    with pytest.raises(ValueError, match="no twin"), turns:
        raise ValueError("no twin")
    with turns:
        pass
