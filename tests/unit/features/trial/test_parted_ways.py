"""Connections between twins: a sample that was not expected is taken again."""

import json
import threading
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hardentui.features.trial import parting as parted_ways
from hardentui.features.trial.parting import WayKnocker
from hardentui.host.files.recorded import RecordedFiles
from hardentui.model.known import Known
from hardentui.model.network import WayTried


class Answers:
    """A program that opens connections, with these results in turn; the last one stays."""

    def __init__(self, *words: str) -> None:
        self._words: Iterator[str] = iter(words)
        self._last = ""
        self.calls = 0

    def __call__(self, arguments: Sequence[str], seconds: float) -> Known[str]:
        self.calls += 1
        self._last = next(self._words, self._last)
        return json.dumps(self._last)


@pytest.mark.parametrize(
    ("needed", "words", "reached", "calls"),
    [
        (True, ["no answer", "connected"], True, 2),
        (True, ["connected"], True, 1),
        (True, ["no answer"], False, 3),
        (False, ["no answer"], False, 1),
        (False, ["connected", "no answer"], False, 2),
        (False, ["connected"], True, 3),
    ],
)
def test_only_what_stays_unexpected_is_told(
    needed: bool, words: list[str], reached: bool, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parted_ways, "_AGAIN_AFTER", (0, 0))
    twin = cast("Any", SimpleNamespace(pid=1, addresses=("10.1.0.2",)))
    run = Answers(*words)
    knocker = WayKnocker(
        {"web": twin, "db": twin}, RecordedFiles({}), run, threading.Event(), lambda event: None
    )
    (way,) = knocker.after([WayTried("web", "db", (80,), needed)])
    assert (way.after, run.calls) == (reached, calls)
