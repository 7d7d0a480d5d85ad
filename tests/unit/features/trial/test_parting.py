"""Which ways of a split are tried, in which order twins start, and what follows from what was seen."""

import json
import threading
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hardentui.checks.prelude import container
from hardentui.features.trial import way_knocker
from hardentui.features.trial.parting import result_of
from hardentui.features.trial.split_request import SplitRequest, SplitTools
from hardentui.features.trial.split_twins import called_first
from hardentui.features.trial.way_knocker import WayKnocker, ways_to_try
from hardentui.host.files.recorded import RecordedFiles
from hardentui.model.facts import ContainerFacts, NetworkFacts
from hardentui.model.known import Known
from hardentui.model.network_split import MemberTried, NewNetwork, SeenWay, SplitResult, WayTried

SHARED = NetworkFacts("shared")
GOOD = MemberTried("web", True, True)


def member(name: str, *more: str) -> ContainerFacts:
    networks = {network: NetworkFacts(network) for network in ("shared", *more)}
    return container(networks=networks).replace(name=name)


def request(*members: ContainerFacts, seen: tuple[SeenWay, ...] = ()) -> SplitRequest:
    networks = (
        NewNetwork(
            "shop-back",
            ("web", "db"),
            internal=True,
            isolated=False,
        ),
        NewNetwork(
            "wiki-front",
            ("wiki",),
            internal=False,
            isolated=True,
        ),
    )
    return SplitRequest(
        "shared",
        "rootful",
        networks,
        members,
        seen,
        {},
    )


PORTS = {
    "web": frozenset({80}),
    "db": frozenset({5432}),
    "wiki": frozenset({80, 81, 82, 83}),
}


def test_what_belongs_together_is_needed_and_the_rest_must_be_cut() -> None:
    split = request(
        member("web"),
        member("db"),
        member("wiki"),
        seen=(SeenWay("web", "db"),),
    )
    ways, untried = ways_to_try(split, PORTS)
    assert untried == 0
    needed = {(way.start, way.end): way.needed for way in ways}
    assert needed == {
        ("web", "db"): True,
        ("db", "web"): True,
        ("web", "wiki"): False,
        ("db", "wiki"): False,
        ("wiki", "web"): False,
        ("wiki", "db"): False,
    }
    assert (ways[0].start, ways[0].end, ways[0].seen) == ("web", "db", True), (
        "what was seen comes first"
    )
    assert next(way for way in ways if way.end == "wiki").ports == (80, 81, 82)


@pytest.mark.parametrize(
    ("seen", "order"),
    [
        ((), "abc"),
        ((("a", "b"), ("b", "c")), "cba"),
        ((("a", "c"), ("c", "a")), "cab"),
        ((("a", "gone"), ("b", "c")), "acb"),
    ],
)
def test_who_is_called_starts_before_who_calls(
    seen: tuple[tuple[str, str], ...],
    order: str,
) -> None:
    ordered = called_first(
        [member(name) for name in "abc"],
        [SeenWay(*way) for way in seen],
    )
    assert "".join(facts.name for facts in ordered) == order


def way(*, needed: bool, after: bool | None) -> WayTried:
    return WayTried(
        "web",
        "db",
        (80,),
        needed,
        after=after,
    )


@pytest.mark.parametrize(
    ("members", "ways", "untried", "result"),
    [
        (
            [GOOD],
            [
                way(needed=True, after=True),
                way(needed=False, after=False),
            ],
            0,
            SplitResult.WORKS,
        ),
        (
            [GOOD],
            [way(needed=True, after=False)],
            0,
            SplitResult.BREAKS,
        ),
        (
            [GOOD],
            [way(needed=False, after=True)],
            0,
            SplitResult.BREAKS,
        ),
        (
            [GOOD],
            [way(needed=False, after=None)],
            0,
            SplitResult.NOT_TOLD,
        ),
        (
            [GOOD],
            [way(needed=True, after=True)],
            1,
            SplitResult.NOT_TOLD,
        ),
        ([GOOD], [], 0, SplitResult.NOT_TOLD),
        (
            [GOOD, MemberTried("db", True, False)],
            [way(needed=True, after=True)],
            0,
            SplitResult.BREAKS,
        ),
        (
            [GOOD, MemberTried("db")],
            [way(needed=True, after=True)],
            0,
            SplitResult.NOT_TOLD,
        ),
        (
            [MemberTried("db", False)],
            [],
            0,
            SplitResult.NOTHING_WORKS,
        ),
    ],
)
def test_only_what_was_seen_in_full_works(
    members: list[MemberTried],
    ways: list[WayTried],
    untried: int,
    result: SplitResult,
) -> None:
    assert result_of(members, ways, untried) is result


class Answers:
    """A program that opens connections, with these results in turn; the last one stays."""

    def __init__(self, *words: str) -> None:
        self._words: Iterator[str] = iter(words)
        self._last = ""
        self.calls = 0

    def __call__(
        self,
        arguments: Sequence[str],
        seconds: float,
    ) -> Known[str]:
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
    needed: bool,
    words: list[str],
    reached: bool,
    calls: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(way_knocker, "_AGAIN_AFTER", (0, 0))
    twin = cast(
        "Any",
        SimpleNamespace(
            pid=1,
            addresses=("10.1.0.2",),
        ),
    )
    run = Answers(*words)
    files, nobody = RecordedFiles({}), cast("Any", None)
    tools = SplitTools(
        nobody,
        files,
        run,
        lambda event: None,
        threading.Event(),
    )
    knocker = WayKnocker({"web": twin, "db": twin}, tools)
    (way,) = knocker.after([WayTried("web", "db", (80,), needed)])
    assert (way.after, run.calls) == (reached, calls)
