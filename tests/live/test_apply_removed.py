"""Apply on containers that Podman removes when they stop (`--rm`): a stand-in is the way back."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hardentui.model.journal import EntryState
from tests.live.test_apply import NAME, PORT, SERVE, VOLUME, Site, answering
from tests.live.test_apply_disturbed import damaged
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

pytestmark = pytest.mark.live


class Passing(Site):
    """The web server, started with --rm."""

    def start(self, *options: str) -> None:
        publish = (
            "-p",
            f"127.0.0.1:{PORT}:80",
            "-v",
            f"{VOLUME}:/data",
            "-v",
            "/scratch",
        )
        self.bench.podman(
            "run", *(options or ("-d",)), "--rm", "--name", NAME, "--stop-timeout", "2", *publish, BUSYBOX,
            "sh", "-c", SERVE,
        )  # fmt: skip
        self.bench.podman(
            "exec", NAME, "sh", "-c", "echo precious > /data/page; echo kept > /scratch/page"
        )

    def seen(self) -> dict[str, Any]:
        """All but its id, which a stand-in cannot have."""
        now = super().seen()
        document = self.inspect()
        now.pop("id")
        now["removed at its end"] = document["HostConfig"]["AutoRemove"]
        now["scratch"] = self.bench.podman(
            "exec",
            NAME,
            "cat",
            "/scratch/page",
        )
        now["read-only"] = document["HostConfig"]["ReadonlyRootfs"]
        return now


@pytest.fixture
def site(podman: Bench, tmp_path: Path) -> Iterator[Passing]:
    with answering(Passing(podman, tmp_path)) as site:
        yield site


def test_there_and_back(site: Passing) -> None:
    before = site.seen()
    done = site.apply(
        *site.fixes,
        "--yes",
        "--format",
        "json",
        ends=0,
    )
    assert "--rm" in done.stderr, "it is told what happens to the original"
    (entry,) = json.loads(done.stdout)["entries"]
    hardened = site.inspect()
    assert hardened["HostConfig"]["ReadonlyRootfs"] is True
    assert hardened["HostConfig"]["AutoRemove"] is True
    assert (
        site.bench.podman(
            "exec",
            NAME,
            "cat",
            "/scratch/page",
        )
        == "kept"
    ), "its anonymous volume stayed"
    assert site.answers()
    assert site.inspect(entry["original"])["State"]["Status"] == "created"
    site.run("undo", "--yes", ends=0)
    site.is_again(before)


def test_a_stand_in_that_does_not_start_leaves_the_hardened_one_running(site: Passing) -> None:
    """Podman removed that one when it stopped: it is created once more."""
    before = site.seen()
    assert site.apply(*site.fixes, "--yes").returncode == 0
    entry = site.newest()
    with damaged(site, site.inspect(str(entry.original))):
        failed = site.run("undo", "--yes", ends=5)
        assert f"So {NAME} runs with the change again" in failed.stderr
        assert eventually(site.answers)
        assert site.inspect()["HostConfig"]["ReadonlyRootfs"] is True
        assert (
            site.bench.podman(
                "exec",
                NAME,
                "cat",
                "/scratch/page",
            )
            == "kept"
        )
        assert site.journal.read(entry.id).state is EntryState.DONE
    site.run("undo", "--yes", ends=0)
    site.is_again(before)


def test_forgetting_removes_the_stand_in(site: Passing) -> None:
    done = site.apply(
        *site.fixes,
        "--yes",
        "--format",
        "json",
        ends=0,
    )
    (entry,) = json.loads(done.stdout)["entries"]
    site.run(
        "journal",
        "forget",
        entry["id"],
        "--yes",
        ends=0,
    )
    assert site.seen()["containers"] == [NAME]
    assert site.answers()


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", ["fail", "kill"])
def test_a_fault_at_any_operation_ends_with_it_running_as_before(
    site: Passing,
    fault: str,
) -> None:
    before, struck = site.seen(), 0
    for number in range(1, 30):
        ended = site.faulty(
            fault,
            "begun" if number % 2 else "done",
            number,
        )
        if ended.returncode == 0:
            break
        struck += 1
        if fault == "kill":
            assert ended.returncode == -signal.SIGKILL, (number, ended.stderr)
            site.run("undo", "--yes", ends=0)
        else:
            assert ended.returncode == 5, (number, ended.stderr)
        assert site.last_apply().state is EntryState.ROLLED_BACK, number
        assert eventually(site.answers), number
        assert site.seen() == before, number
    assert struck >= 7, f"only {struck} operations were struck"


def test_data_in_its_own_layer_is_refused_also_where_a_volume_is_planned(site: Passing) -> None:
    site.bench.podman(
        "exec",
        NAME,
        "sh",
        "-c",
        "mkdir /srv; echo mine > /srv/file",
    )
    before = site.seen()
    for option in ((), ("--keep-data",)):
        refused = site.apply(
            *site.fixes,
            "--yes",
            *option,
            ends=2,
        )
        assert "/srv/file" in refused.stderr
        assert f"podman volume create {NAME}-srv-data" in refused.stderr
        assert f"Then mount {NAME}-srv-data:/srv" in refused.stderr
    assert site.seen() == before


def test_one_that_somebody_waits_for_is_refused_with_the_way_out(site: Passing) -> None:
    """A script that starts it again would take the name of the successor."""
    before = site.seen()
    waiting = site.bench.command(
        "podman", "run", "--rm", "--name", "apply-waited-for", BUSYBOX, "sleep", "60"
    )
    process = subprocess.Popen(
        waiting,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        assert eventually(
            lambda: "apply-waited-for" in site.bench.podman("ps", "--format", "{{.Names}}")
        )
        refused = site.run(
            "apply", "apply-waited-for", "--url", site.bench.url, *site.fixes, "--yes"
        )
        assert refused.returncode == 2
        assert "without --detach" in refused.stderr
        assert "hardentui fix NAME --as-is" in refused.stderr
        assert site.inspect("apply-waited-for")["State"]["Running"] is True
    finally:
        site.bench.remove("apply-waited-for")
        process.communicate(timeout=150)
    assert site.seen() == before
