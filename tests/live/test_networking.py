"""Proofs by real connections, real contacts, and rules that really hold back, on a real Podman."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hardentui.host.network.knock import knock
from hardentui.host.podman.generator import dry_run, find_generator
from hardentui.model.known import Known
from hardentui.model.reach import ConnectOutcome
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import told
from tests.support.waiting import eventually

pytestmark = pytest.mark.live
FRONT, INNER, FAR = "prove-front", "prove-inner", "prove-far"
WEB, DB, OTHER, CALLER = "prove-web", "prove-db", "prove-other", "prove-caller"
PYTHON = "/usr/bin/python3"
SERVE = (BUSYBOX, "httpd", "-f", "-p", "80", "-h", "/etc")


def _address(
    bench: Bench,
    name: str,
    network: str,
) -> str:
    document = bench.get(f"/containers/{name}/json")
    return str(document["NetworkSettings"]["Networks"][network]["IPAddress"])


@pytest.fixture(scope="module")
def bench(podman: Bench) -> Iterator[Bench]:
    for words in ((FRONT,), ("--internal", INNER), (FAR,)):
        podman.podman("network", "create", *words)
    podman.run(
        WEB,
        "--network",
        FRONT,
        "--network",
        INNER,
        *SERVE,
    )
    podman.run(DB, "--network", INNER, *SERVE)
    podman.run(OTHER, "--network", FAR, *SERVE)
    url = f"http://{_address(podman, OTHER, FAR)}/passwd"
    loop = f"while true; do wget -q -T 2 -O /dev/null {url}; sleep 0.2; done"
    podman.run(
        CALLER,
        "--network",
        FRONT,
        BUSYBOX,
        "sh",
        "-c",
        loop,
    )
    yield podman
    podman.remove(WEB, DB, OTHER, CALLER)
    podman.podman(
        "network",
        "rm",
        FRONT,
        INNER,
        FAR,
    )


def network(bench: Bench, *words: str, ends: int | None = None) -> Any:
    return told(
        "networks",
        "--url",
        bench.url,
        *words,
        ends=ends,
    )


def test_the_map_is_proven_cell_by_cell(bench: Bench) -> None:
    document = network(bench, "--prove", WEB, DB, ends=0)
    assert [(proof["outcome"], proof["agrees"]) for proof in document["proofs"]] == [
        ("connected", True)
    ]
    document = network(bench, "--prove", OTHER, DB, ends=1)  # an internal network, from another one
    assert [(proof["reached"], proof["agrees"]) for proof in document["proofs"]] == [(False, True)]
    document = network(
        bench,
        "--prove",
        OTHER,
        f"{WEB}:80",
    )
    assert {proof["reached"] for proof in document["proofs"]} == {True, False}
    assert all(proof["agrees"] for proof in document["proofs"])


def test_a_proof_leaves_nothing_in_the_containers(bench: Bench) -> None:
    before = bench.podman("diff", DB)
    network(bench, "--prove", WEB, DB)
    assert bench.podman("diff", DB) == before
    assert not bench.get(f"/containers/{WEB}/json")["ExecIDs"]


def test_the_proposed_rules_let_through_what_was_seen_and_nothing_else(
    bench: Bench,
    tmp_path: Path,
) -> None:
    rules = tmp_path / "rules.nft"
    words = ("--outgoing", CALLER, "--watch", "2", "-o", str(rules))
    document = network(bench, *words)
    address = _address(bench, OTHER, FAR)
    contacts = {
        (contact["address"], contact["port"], contact["who"]) for contact in document["contacts"]
    }
    assert (address, 80, f"container {OTHER}") in contacts
    assert document["checked"] is True

    loaded = bench.directory / "rules.nft"
    loaded.write_text(rules.read_text())
    bench.podman(
        "exec",
        OTHER,
        "sh",
        "-c",
        "httpd -p 81 -h /etc",
    )

    def fetched(port: int) -> bool:
        command = (
            "wget",
            "-q",
            "-T",
            "2",
            "-O",
            "/dev/null",
            f"http://{address}:{port}/passwd",
        )
        try:
            bench.podman("exec", CALLER, *command)
        except subprocess.CalledProcessError:
            return False
        return True

    assert fetched(80)
    assert fetched(81)
    bench.execute("nft", "-f", str(loaded))
    try:
        assert fetched(80), "what was seen goes on"
        assert not fetched(81), "what was not seen is held back"
        bench.execute("nft", "-f", str(loaded))  # loading it again replaces it
    finally:
        bench.execute(
            "nft",
            "delete",
            "table",
            "inet",
            "hardentui_out_prove_caller",
        )
    assert eventually(lambda: fetched(81))


def test_proposed_units_are_taken_by_the_generator_and_part_what_does_not_talk(
    bench: Bench,
    tmp_path: Path,
) -> None:
    directory = tmp_path / "units"
    document = network(
        bench,
        "--split",
        "--watch",
        "1",
        "-o",
        str(directory),
    )
    (split,) = (split for split in document["splits"] if split["network"] == FRONT)
    moved = {move["container"]: move["joins"] for move in split["moves"]}
    assert set(moved) == {WEB, CALLER}
    assert not set(moved[WEB]) & set(moved[CALLER])
    generator = find_generator()
    assert generator is not None
    done = dry_run(
        {path.name: path.read_text() for path in directory.iterdir()},
        user=False,
        generator=generator,
    )
    assert done.ok, done


def test_a_rootless_container_is_proven_too_and_gets_no_rules_that_cannot_hold(
    rootless_podman: Bench,
) -> None:
    rootless_podman.podman("network", "create", FRONT)
    rootless_podman.run(
        WEB,
        "--network",
        FRONT,
        *SERVE,
    )
    rootless_podman.run(
        CALLER,
        "--network",
        FRONT,
        BUSYBOX,
        "sleep",
        "100000",
    )
    try:
        document = network(
            rootless_podman,
            "--prove",
            CALLER,
            WEB,
            ends=0,
        )
        assert document["proofs"][0]["outcome"] == "connected"
        document = network(rootless_podman, "--outgoing", CALLER)
        assert document["rules"] == ""
        assert "rootless" in document["no_rules"]
    finally:
        rootless_podman.remove(WEB, CALLER)
        rootless_podman.podman("network", "rm", FRONT)


def test_a_user_enters_the_own_containers_by_way_of_podman(rootless_podman: Bench) -> None:
    """As that user, who is not root: what `knock` runs then, with a Python that this user may read."""
    rootless_podman.podman("network", "create", FRONT)
    rootless_podman.podman(
        "network",
        "create",
        "--internal",
        INNER,
    )
    rootless_podman.run(
        WEB,
        "--network",
        FRONT,
        *SERVE,
    )
    rootless_podman.run(
        CALLER,
        "--network",
        FRONT,
        BUSYBOX,
        "sleep",
        "100000",
    )
    rootless_podman.run(
        DB,
        "--network",
        INNER,
        BUSYBOX,
        "sleep",
        "100000",
    )

    def run(words: Sequence[str], seconds: float) -> Known[str]:
        command = [PYTHON if word == sys.executable else word for word in words]
        return rootless_podman.execute(*command, timeout=seconds)

    try:
        pids = {
            name: rootless_podman.get(f"/containers/{name}/json")["State"]["Pid"]
            for name in (CALLER, DB)
        }
        address = _address(rootless_podman, WEB, FRONT)
        assert (
            knock(
                run,
                pids[CALLER],
                address,
                80,
                root=False,
            )
            is ConnectOutcome.CONNECTED
        )
        assert (
            knock(
                run,
                pids[CALLER],
                address,
                81,
                root=False,
            )
            is ConnectOutcome.REFUSED
        )
        assert knock(
            run,
            pids[DB],
            address,
            80,
            root=False,
        ) in (
            ConnectOutcome.NO_ROUTE,
            ConnectOutcome.NO_ANSWER,
        )
    finally:
        rootless_podman.remove(WEB, CALLER, DB)
        rootless_podman.podman(
            "network",
            "rm",
            FRONT,
            INNER,
        )
