"""A vendor's database on a real Podman: what parallel queries need is a decision, and its fix would break
them."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.conftest import cannot_run
from tests.support.podman import Bench
from tests.support.postgres import postgres_image
from tests.support.program import hardentui
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

NAME = "uyuni-db"
_ROWS = "2000000"
SETUP = (
    "create table a as select g from generate_series(1, 2000000) g",
    "create table b as select g from a",
    "analyze a, b",
)
LOAD = (
    "set work_mem = '512MB'",
    "set parallel_setup_cost = 0",
    "set parallel_tuple_cost = 0",
    "set min_parallel_table_scan_size = 0",
    "set max_parallel_workers_per_gather = 2",
    "set enable_mergejoin = off",
    "select count(*) from a join b using (g)",
)


def started(podman: Bench, *options: str) -> None:
    podman.remove(NAME)
    podman.run(
        NAME,
        *options,
        "-v",
        "vendor-pg:/var/lib/postgresql/data",
        postgres_image(podman),
    )
    assert eventually(lambda: asked(podman, "select 1")[0] == 0)


def asked(podman: Bench, *queries: str) -> tuple[int, str]:
    """Exit code and output of psql against the container, from its host."""
    networks = podman.get(f"/containers/{NAME}/json")["NetworkSettings"]["Networks"]
    (network,) = networks.values()
    words = [word for query in queries for word in ("-c", query)]
    done = subprocess.run(
        podman.command("psql", "-qAt", "-h", network["IPAddress"], "-U", "postgres", *words),
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def test_what_parallel_queries_need_is_a_decision_and_its_fix_would_break_them(
    podman: Bench,
) -> None:
    if not shutil.which("psql"):
        cannot_run("psql is missing; run: sudo apt-get install postgresql-client")
    try:
        started(podman, "--shm-size=0")
        assert asked(podman, *SETUP)[0] == 0
        code, answer = asked(podman, *LOAD)
        assert (code, answer.strip()) == (0, _ROWS)
        told = hardentui("--url", podman.url, "plan", NAME, "--all", "--format", "json").stdout
        plan = json.loads(told)
        assert "shm-size" not in {change["option"] for change in plan["changes"]}
        (question,) = [each for each in plan["decide"] if each["check"] == "loose-tmpfs"]
        assert any("uyuni-tools/pull/212" in reason for reason in question["reasons"])
        started(podman)  # as the fix would leave it: Podman's 64 MB
        code, answer = asked(podman, *LOAD)
        assert code != 0
        assert "could not resize shared memory segment" in answer
    finally:
        podman.remove(NAME)
        podman.podman("volume", "rm", "--force", "vendor-pg")
