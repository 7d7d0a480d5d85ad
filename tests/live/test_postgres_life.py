"""What no trial of a database shows, under the configuration that `harden` leaves: WAL archiving and
parallel queries under load."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import cannot_run
from tests.live.test_vendors import LOAD, SETUP
from tests.support.podman import Bench
from tests.support.postgres import postgres_image
from tests.support.program import hardentui
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(1800)]

NAME, DATA, ARCHIVE = "life-db", "life-data", "life-archive"
_ARCHIVING = (
    "alter system set archive_mode = on",
    "alter system set archive_command = 'cat %p > /archive/%f'",
)
_COUNTS = "select archived_count, failed_count from pg_stat_archiver"


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
    return done.returncode, (done.stdout + done.stderr).strip()


def answers(podman: Bench) -> bool:
    return asked(podman, "select 1") == (0, "1")


def archived(podman: Bench) -> tuple[int, int]:
    """How many segments were archived, and how many attempts failed."""
    done, failed = asked(podman, _COUNTS)[1].split("|")
    return int(done), int(failed)


def switched(podman: Bench) -> bool:
    """Whether a segment of the log was archived since; writes one."""
    before, _ = archived(podman)
    words = ("create table if not exists more (g int)", "insert into more values (1)")
    assert asked(podman, *words, "select pg_switch_wal()")[0] == 0
    return eventually(lambda: archived(podman)[0] > before, 30)


@pytest.fixture(scope="module")
def card(podman: Bench) -> Iterator[dict[str, Any]]:
    """The card of `harden` on a database that archives; it is applied."""
    if not shutil.which("psql"):
        cannot_run("psql is missing; run: sudo apt-get install postgresql-client")
    podman.remove(NAME)
    volumes = ("-v", f"{DATA}:/var/lib/postgresql/data", "-v", f"{ARCHIVE}:/archive")
    podman.run(NAME, *volumes, postgres_image(podman))
    try:
        assert eventually(lambda: answers(podman), 120)
        # Podman gives an empty volume to root again at the next start
        podman.podman(
            "exec", "--user=0", NAME, "sh", "-c", "echo >/archive/kept; chmod 1777 /archive"
        )
        assert asked(podman, *SETUP)[0] == 0
        for setting in _ARCHIVING:
            assert asked(podman, setting)[0] == 0
        podman.podman("restart", NAME)
        assert eventually(lambda: answers(podman), 120)
        assert eventually(lambda: switched(podman), 120), "else nothing is shown later"
        done = hardentui(
            "--url",
            podman.url,
            "harden",
            NAME,
            "--yes",
            "--patience",
            "200",
            "--format",
            "json",
        )
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout)
    finally:
        podman.remove(NAME)
        podman.podman("volume", "rm", "--force", DATA, ARCHIVE)


def test_the_card_names_what_this_trial_did_not_show(card: dict[str, Any]) -> None:
    """Each with the fix that depends on it."""
    told = "\n".join(card["not_exercised"])
    kept = {kept["check"] for kept in card["trial"]["kept"]}
    assert {"writable-rootfs", "new-privileges-allowed"} <= kept
    assert "upgrades of data and plugins, restored backups" in told
    assert "writable-rootfs" in told
    assert "memory under load" not in told or "no-memory-limit" in told


def test_it_archives_under_the_hardened_configuration(
    podman: Bench,
    card: dict[str, Any],
) -> None:
    host = podman.get(f"/containers/{NAME}/json")["HostConfig"]
    assert host["ReadonlyRootfs"], "else this shows nothing"
    assert eventually(lambda: answers(podman), 120)
    _, failed = archived(podman)
    assert switched(podman)
    assert archived(podman)[1] == failed


def test_parallel_queries_under_load_still_work(podman: Bench, card: dict[str, Any]) -> None:
    """The size of /dev/shm stayed, so what failed before still fails, and nothing else does."""
    modest = ("set work_mem = '4MB'", *LOAD[1:])
    assert asked(podman, *modest) == (0, "2000000")
