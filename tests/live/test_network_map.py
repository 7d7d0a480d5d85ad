"""The network map of a real Podman."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.check_report import by_check
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import told
from tests.support.waiting import eventually

pytestmark = pytest.mark.live
INNER, BACK = "map-inner", "map-back"
WEB, DB, ALONE = "map-web", "map-db", "map-alone"


@pytest.fixture(scope="module")
def bench(podman: Bench) -> Iterator[Bench]:
    podman.podman(
        "network",
        "create",
        "--internal",
        INNER,
    )
    podman.podman("network", "create", BACK)
    sleep = (BUSYBOX, "sleep", "100000")
    podman.run(
        WEB,
        "--network",
        BACK,
        "--network",
        INNER,
        "-p",
        "127.0.0.1:18090:80",
        "-p",
        "18091:81",
        *sleep,
    )
    podman.run(DB, "--network", INNER, *sleep)
    podman.run(
        ALONE,
        "--network",
        "none",
        *sleep,
    )
    yield podman
    podman.remove(WEB, DB, ALONE)
    podman.podman("network", "rm", INNER, BACK)


def test_the_picture_and_the_json_say_what_podman_has(
    bench: Bench,
    tmp_path: Path,
) -> None:
    picture = tmp_path / "map.svg"
    document = told(
        "networks",
        "--url",
        bench.url,
        "--svg",
        str(picture),
        ends=0,
    )
    places = {place["name"]: place for place in document["map"]["places"]}
    assert (places[INNER]["out"], places[BACK]["out"]) == (False, True)
    assert places[INNER]["openings"] == []
    result = {opening["host_port"]: opening["gate"] for opening in places[BACK]["openings"]}
    assert result[18090] == "this host only"
    assert set(result) == {18090, 18091}
    assert ALONE in places["(none)"]["members"]
    words = " ".join(ElementTree.fromstring(picture.read_text()).itertext())  # noqa: S314 - our own text
    assert {INNER, BACK, WEB, DB} <= {*words.split()}


def test_of_an_internal_network_the_map_and_the_check_say_what_is_so(bench: Bench) -> None:
    server = subprocess.Popen(
        bench.command(
            sys.executable,
            "-m",
            "http.server",
            "18123",
            "--bind",
            "0.0.0.0",
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        gateway = bench.podman(
            "network", "inspect", INNER, "--format", "{{(index .Subnets 0).Gateway}}"
        )
        script = f"nc {gateway} 18123 </dev/null && echo connected || true"
        assert eventually(lambda: "connected" in bench.podman("exec", DB, "sh", "-c", script))
        (proof,) = told(
            "networks",
            "--url",
            bench.url,
            "--prove",
            DB,
            "host:18123",
        )["proofs"]
        assert (proof["outcome"], proof["expected"], proof["agrees"]) == ("connected", True, True)
        document = told(
            "check",
            DB,
            "--url",
            bench.url,
            "--check",
            "reachable-host-services",
        )
        assert "18123/tcp" in by_check(document, DB)["reachable-host-services"]["reason"]
    finally:
        server.terminate()
        server.wait()
