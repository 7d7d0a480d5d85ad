"""A proposed split is tried on twins of all members: what belongs together connects, the rest is
cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hardentui.engine.shapes import TRIAL_LABEL
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import told

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
SHARED = "split-shared"
WEB, DB, OTHER, GUEST, NEEDY = "split-web", "split-db", "split-other", "split-guest", "split-needy"
POD = "split-pod"
SERVE = (BUSYBOX, "httpd", "-f", "-p", "80", "-h", "/etc")
APP = "com.docker.compose.project="
LOOP = f"httpd -p 80 -h /etc; while true; do sleep 2 | nc {DB} 80; sleep 0.1; done"


@pytest.fixture
def shared(podman: Bench) -> Iterator[Bench]:
    yield from _shared_on(podman)


@pytest.fixture
def shared_rootless(rootless_podman: Bench) -> Iterator[Bench]:
    yield from _shared_on(rootless_podman)


def _shared_on(bench: Bench) -> Iterator[Bench]:
    bench.podman("network", "create", SHARED)
    shop, wiki = ("--label", f"{APP}shop"), ("--label", f"{APP}wiki")
    on = ("--network", SHARED)
    bench.run(DB, *on, *shop, *SERVE)
    bench.run(
        WEB,
        *on,
        *shop,
        "-p",
        "127.0.0.1:18191:80",
        BUSYBOX,
        "sh",
        "-c",
        LOOP,
    )
    bench.run(
        OTHER,
        *on,
        *wiki,
        "-p",
        "127.0.0.1:18192:80",
        *SERVE,
    )
    bench.run(
        GUEST,
        *on,
        *wiki,
        BUSYBOX,
        "sleep",
        "100000",
    )
    yield bench
    bench.podman(
        "pod",
        "rm",
        "-f",
        "-i",
        "-t",
        "0",
        POD,
    )
    bench.remove(WEB, DB, OTHER, GUEST, NEEDY)
    bench.podman("network", "rm", SHARED)


def tried(bench: Bench, ends: int) -> Any:
    words = ("--split", "--watch", "2", "--try", SHARED)
    (trial,) = told(
        "networks",
        *words,
        "--url",
        bench.url,
        ends=ends,
    )["trials"]
    marked = ("--filter", f"label={TRIAL_LABEL}")
    assert not bench.podman("ps", "-aq", *marked).strip(), "no twin is left"
    assert not bench.podman("network", "ls", "-q", *marked).strip(), "no network is left"
    return trial


def test_what_talks_stays_connected_and_the_rest_is_cut(shared: Bench) -> None:
    _is_parted(shared)


@pytest.mark.long
def test_rootless(shared_rootless: Bench) -> None:
    _is_parted(shared_rootless)


def _is_parted(shared: Bench) -> None:
    trial = tried(shared, ends=0)
    assert trial["result"] == "works", trial
    ways = {(way["start"], way["end"]): way for way in trial["ways"]}
    talk = ways[WEB, DB]
    assert (
        talk["seen"],
        talk["before"],
        talk["after"],
        talk["by_itself"],
    ) == (
        True,
        True,
        True,
        True,
    )
    for start, end in (
        (OTHER, DB),
        (GUEST, DB),
        (OTHER, WEB),
        (GUEST, WEB),
        (WEB, OTHER),
        (DB, OTHER),
    ):
        way = ways[start, end]
        assert way["needed"] is False
        assert way["before"] is True, "on one network, as today, it is open"
        assert way["after"] is False, f"{start} must not reach {end} any more"
    assert all(member["after"] for member in trial["members"])
    state = shared.get(f"/containers/{WEB}/json")
    assert [*state["NetworkSettings"]["Networks"]] == [SHARED], "the originals stay where they are"


@pytest.mark.long
@pytest.mark.parametrize("kind", ["shared", "shared_rootless"])
def test_a_pod_is_tried_as_one_member(
    kind: str,
    request: pytest.FixtureRequest,
) -> None:
    bench: Bench = request.getfixturevalue(kind)
    bench.podman(
        "pod",
        "create",
        "--name",
        POD,
        "--network",
        SHARED,
        "-p",
        "127.0.0.1:18193:80",
    )
    bench.run(
        f"{POD}-behind",
        "--pod",
        POD,
        BUSYBOX,
        "httpd",
        "-f",
        "-p",
        "81",
        "-h",
        "/etc",
    )
    wait = "until wget -q -O /dev/null http://127.0.0.1:81/passwd; do sleep 0.1; done"
    bench.run(
        f"{POD}-web", "--pod", POD, BUSYBOX, "sh", "-c", f"{wait}; exec httpd -f -p 80 -h /etc"
    )
    pod = bench.podman(
        "pod",
        "inspect",
        "--format",
        "{{.InfraContainerID}}",
        POD,
    )
    infra = bench.podman(
        "inspect",
        "--format",
        "{{.Name}}",
        pod,
    )
    trial = tried(bench, ends=0)
    assert trial["result"] == "works", trial
    assert infra in {member["container"] for member in trial["members"] if member["after"]}
    ways = {(way["start"], way["end"]): way for way in trial["ways"]}
    for start, end in ((infra, DB), (WEB, infra), (GUEST, infra)):
        way = ways[start, end]
        assert (way["needed"], way["before"], way["after"]) == (False, True, False), way
    assert ways[GUEST, infra]["ports"] == [80, 81]
    running = bench.podman(
        "ps",
        "-q",
        "--filter",
        f"pod={POD}",
    ).split()
    assert len(running) == 3, "the pod itself goes on"


@pytest.mark.long
def test_a_need_that_nobody_saw_is_seen_on_the_twin(shared: Bench) -> None:
    # it fails later than a twin is waited for, as one does that waits for an answer
    once = f"wget -q -O /dev/null http://{WEB}/passwd || {{ sleep 6; exit 3; }}; exec sleep 100000"
    shared.run(
        NEEDY,
        "--network",
        SHARED,
        "--label",
        f"{APP}wiki",
        BUSYBOX,
        "sh",
        "-c",
        once,
    )
    trial = tried(shared, ends=1)
    assert trial["result"] == "breaks", trial
    needy = next(member for member in trial["members"] if member["container"] == NEEDY)
    assert (needy["before"], needy["after"]) == (True, False)
    assert "3" in needy["why"], "it tells how it ended"
