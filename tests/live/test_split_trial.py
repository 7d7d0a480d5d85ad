"""A proposed split is tried on twins of all members: what belongs together connects, the rest is cut."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hardentui.__main__ import main
from hardentui.trial.leftovers import TRIAL_LABEL
from tests.support.podman import BUSYBOX, Bench
from tests.support.schemas import validated

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
SHARED = "split-shared"
WEB, DB, OTHER, GUEST, NEEDY = "split-web", "split-db", "split-other", "split-guest", "split-needy"
SERVE = (BUSYBOX, "httpd", "-f", "-p", "80", "-h", "/etc")
APP = "com.docker.compose.project="
LOOP = f"httpd -p 80 -h /etc; while true; do wget -q -T 2 -O /dev/null http://{DB}/passwd; sleep 0.2; done"


@pytest.fixture
def shared(podman: Bench) -> Iterator[Bench]:
    podman.podman("network", "create", SHARED)
    shop, wiki = ("--label", f"{APP}shop"), ("--label", f"{APP}wiki")
    on = ("--network", SHARED)
    podman.run(DB, *on, *shop, *SERVE)
    podman.run(WEB, *on, *shop, "-p", "127.0.0.1:18191:80", BUSYBOX, "sh", "-c", LOOP)
    podman.run(OTHER, *on, *wiki, "-p", "127.0.0.1:18192:80", *SERVE)
    podman.run(GUEST, *on, *wiki, BUSYBOX, "sleep", "100000")
    yield podman
    podman.remove(WEB, DB, OTHER, GUEST, NEEDY)
    podman.podman("network", "rm", SHARED)


def tried(bench: Bench, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    words = ["networks", "--split", "--watch", "2", "--try", SHARED, "--format", "json"]
    code = main([*words, "--url", bench.url])
    document = validated(json.loads(capsys.readouterr().out))
    (trial,) = document["trials"]
    marked = ("--filter", f"label={TRIAL_LABEL}")
    assert not bench.podman("ps", "-aq", *marked).strip(), "no twin is left"
    assert not bench.podman("network", "ls", "-q", *marked).strip(), "no network is left"
    return code, trial


def test_what_talks_stays_connected_and_the_rest_is_cut(
    shared: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    code, trial = tried(shared, capsys)
    assert (code, trial["result"]) == (0, "works"), trial
    ways = {(way["start"], way["end"]): way for way in trial["ways"]}
    talk = ways[WEB, DB]
    assert (talk["seen"], talk["before"], talk["after"], talk["by_itself"]) == (True, True, True, True)
    for start, end in ((OTHER, DB), (GUEST, DB), (OTHER, WEB), (GUEST, WEB), (WEB, OTHER), (DB, OTHER)):
        way = ways[start, end]
        assert way["needed"] is False
        assert way["before"] is True, "on one network, as today, it is open"
        assert way["after"] is False, f"{start} must not reach {end} any more"
    assert all(member["after"] for member in trial["members"])
    state = shared.get(f"/containers/{WEB}/json")
    assert [*state["NetworkSettings"]["Networks"]] == [SHARED], "the originals stay where they are"


@pytest.mark.long
def test_a_need_that_nobody_saw_is_seen_on_the_twin(
    shared: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    once = f"nslookup {WEB} > /dev/null || exit 3; exec sleep 100000"
    shared.run(NEEDY, "--network", SHARED, "--label", f"{APP}wiki", BUSYBOX, "sh", "-c", once)
    code, trial = tried(shared, capsys)
    assert (code, trial["result"]) == (1, "breaks"), trial
    needy = next(member for member in trial["members"] if member["container"] == NEEDY)
    assert (needy["before"], needy["after"]) == (True, False)
    assert "3" in needy["why"], "it tells how it ended"
