"""What people and cron jobs do to a host between apply and undo: the service never ends up worse."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hardentui.model.journal import EntryState
from tests.live.test_apply import NAME, ROOT, Site, answering
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

pytestmark = pytest.mark.live
LONG = pytest.mark.long
OTHER_FIX = "default-capabilities-kept"


@pytest.fixture(params=["podman", pytest.param("rootless_podman", marks=LONG)])
def site(
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Iterator[Site]:
    with answering(Site(request.getfixturevalue(request.param), tmp_path)) as site:
        yield site


def _applied(site: Site, *more: str) -> str:
    """The id of an entry that is in force."""
    site.apply(
        *site.fixes,
        "--yes",
        *more,
        ends=0,
    )
    return site.newest().id


def test_a_pruned_original_does_not_take_its_successor_along(site: Site) -> None:
    identity = _applied(site)
    hardened = site.inspect()["Id"]
    site.bench.podman("container", "prune", "-f")
    refused = site.run("undo", "--yes")
    assert refused.returncode == 2, (refused.stdout, refused.stderr)
    assert "removed" in refused.stderr
    assert f"journal forget {identity}" in refused.stderr
    assert site.inspect()["Id"] == hardened
    assert site.answers()
    assert site.journal.read(identity).state is EntryState.DONE
    assert (
        site.run(
            "journal",
            "forget",
            identity,
            "--yes",
        ).returncode
        == 0
    )
    assert site.run("undo", "--yes").returncode == 2
    assert site.apply("--check", OTHER_FIX, "--yes").returncode == 0


@LONG
def test_unconfirmed_and_pruned_it_goes_on_hardened(site: Site) -> None:
    identity = _applied(site, "--confirm-within", "4")
    hardened = site.inspect()["Id"]
    site.bench.podman("container", "prune", "-f")
    assert eventually(
        lambda: site.journal.read(identity).state is not EntryState.WAITING,
        30,
    )
    entry = site.journal.read(identity)
    assert (entry.state, entry.forgotten) == (EntryState.DONE, True)
    assert "removed" in entry.reason
    assert site.inspect()["Id"] == hardened
    assert site.answers()


@LONG
def test_an_original_that_is_removed_in_the_middle(site: Site) -> None:
    podman = f"podman --url {site.bench.url}"
    hardened = f"{podman} inspect {NAME} | grep -q '\"ReadonlyRootfs\": true'"
    kept = f"$({podman} ps -aq --filter name={NAME}-before)"
    probe = f"! {hardened} || {{ {podman} rm -f {kept}; false; }}"
    failed = site.apply(
        *site.fixes,
        "--yes",
        "--patience",
        "2",
        "--probe",
        probe,
        ends=5,
    )
    assert "was removed" in failed.stderr
    assert f"{NAME} keeps running with the change" in failed.stderr
    assert site.answers(), "the hardened one is all there is"
    entry = site.newest()
    assert (entry.state, entry.forgotten) == (EntryState.DONE, True)
    assert site.run("undo", "--yes").returncode == 2
    site.apply(
        "--check",
        OTHER_FIX,
        "--yes",
        ends=0,
    )


@LONG
def test_an_original_that_was_renamed_by_hand_comes_back(site: Site) -> None:
    before = site.seen()
    _applied(site)
    site.bench.podman(
        "rename",
        str(site.newest().original),
        f"{NAME}-mine",
    )
    site.run("undo", "--yes", ends=0)
    site.is_again(before)


def test_an_original_that_does_not_start_any_more_leaves_its_successor_running(site: Site) -> None:
    before = site.seen()
    identity = _applied(site)
    hardened, original = site.inspect(), site.inspect(str(site.newest().original))
    with damaged(site, original):
        failed = site.run("undo", "--yes", ends=5)
        assert f"So {NAME} runs with the change again" in failed.stderr
        assert f"journal forget {identity}" in failed.stderr
        assert eventually(site.answers)
        now = site.inspect()
        assert (now["Id"], now["Name"]) == (hardened["Id"], NAME)
        kept = site.inspect(original["Id"])
        assert (kept["Name"], kept["State"]["Running"]) == (original["Name"], False)
        assert kept["HostConfig"]["RestartPolicy"]["Name"] == "no", "it must not come back at boot"
        entry = site.journal.read(identity)
        assert (entry.state, entry.original) == (EntryState.DONE, original["Name"])
    site.run("undo", "--yes", ends=0)
    site.is_again(before)


@LONG
def test_a_change_that_fails_where_the_original_does_not_start_any_more(site: Site) -> None:
    before = site.seen()
    podman, directory = f"podman --url {site.bench.url}", site.inspect()["StaticDir"]
    hardened = f"{podman} inspect {NAME} | grep -q '\"ReadonlyRootfs\": true'"
    probe = f"! {hardened} || {{ mv {directory} {directory}-away; false; }}"
    failed = site.apply(
        *site.fixes,
        "--yes",
        "--patience",
        "2",
        "--probe",
        probe,
        ends=5,
    )
    assert f"So {NAME} runs with the change again" in failed.stderr
    assert eventually(site.answers), "nobody knows whether it works, but it is all there is"
    assert site.newest().state is EntryState.OPEN
    site.bench.execute("mv", f"{directory}-away", directory)
    site.run("undo", "--yes", ends=0)
    site.is_again(before)


@contextmanager
def damaged(site: Site, container: dict[str, Any]) -> Iterator[None]:
    """Podman cannot start this container: the directory for its configuration is gone."""
    directory = container["StaticDir"]
    site.bench.execute("mv", directory, f"{directory}-away")
    try:
        yield
    finally:
        site.bench.execute("rm", "-rf", directory)
        site.bench.execute("mv", f"{directory}-away", directory)


def test_a_container_that_took_the_name_is_left_alone(site: Site) -> None:
    before = site.seen()
    identity = _applied(site)
    site.bench.remove(NAME)
    other = site.bench.run(
        NAME,
        BUSYBOX,
        "sleep",
        "1000",
    )
    refused = site.run("undo", "--yes", ends=2)
    assert f"is called {NAME}" in refused.stderr
    assert site.inspect()["Id"] == other
    assert site.inspect()["State"]["Running"] is True
    assert site.journal.read(identity).state is EntryState.DONE
    site.bench.remove(NAME)
    site.run("undo", "--yes", ends=0)
    assert eventually(site.answers)
    assert site.seen() == {**before, "volumes": site.seen()["volumes"]}


@LONG
def test_what_a_damaged_entry_stands_on_is_not_undone(site: Site) -> None:
    first = _applied(site)
    site.apply(
        "--check",
        OTHER_FIX,
        "--yes",
        ends=0,
    )
    newest = site.newest()
    path = Path(site.journal.directory, f"{newest.id}.json")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    before = site.seen()
    newest_first = site.run("undo", "--yes", ends=2)
    assert str(path) in newest_first.stderr
    assert f"NAME-before-{newest.id[-4:]}" in newest_first.stderr
    refused = site.run("undo", first, "--yes", ends=2)
    assert f"Another container is called {NAME}" in refused.stderr
    assert site.seen() == before
    assert site.answers()
    path.write_bytes(whole)
    for _ in range(2):
        site.run("undo", "--yes", ends=0)
    assert eventually(site.answers)


@LONG
def test_a_name_that_is_taken_in_the_middle(site: Site) -> None:
    before = site.seen()
    ended = site.faulty(
        "kill",
        "begun",
        _number_of(site, "CreateContainer"),
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    identity = site.newest().id
    other = site.bench.podman(
        "create",
        "--name",
        NAME,
        BUSYBOX,
        "sleep",
        "1000",
    )
    site.bench.podman("stop", str(site.newest().original))
    refused = site.run("undo", "--yes", ends=5)
    assert f"Another container is called {NAME} now" in refused.stderr
    assert site.inspect()["Id"] == other
    assert eventually(site.answers), "it serves again, under the name that it has"
    assert site.journal.read(identity).state is EntryState.OPEN
    site.bench.remove(NAME)
    site.run("undo", "--yes", ends=0)
    site.is_again(before)


def _number_of(site: Site, kind: str) -> int:
    """Which operation of an apply is of this kind."""
    struck = site.faulty("fail", "begun", 1)
    assert struck.returncode == 5, struck.stderr
    kinds = [type(operation).__name__ for operation in site.newest().operations]
    return kinds.index(kind) + 1


@LONG
def test_two_at_once_on_the_way_back(site: Site) -> None:
    before = site.seen()
    identity = _applied(site)
    both = [site.launch("undo", identity, "--yes") for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 2], said
    site.is_again(before)


@LONG
@pytest.mark.parametrize(
    "name",
    [
        "apply-web.example.org",
        "apply-web-" + "x" * 110,
        "apply-web_1.2-3",
    ],
)
def test_odd_names(
    name: str,
    podman: Bench,
    tmp_path: Path,
) -> None:
    site = Site(podman, tmp_path)
    identity = podman.run(name, BUSYBOX, "sleep", "1000")
    try:
        site.run(
            "apply",
            name,
            "--url",
            podman.url,
            *site.fixes,
            "--yes",
            ends=0,
        )
        assert site.inspect(name)["Id"] != identity
        site.run("undo", "--yes", ends=0)
        after = json.loads(podman.podman("inspect", name))[0]
        assert (after["Id"], after["State"]["Running"]) == (identity, True)
    finally:
        podman.remove(
            *podman.podman(
                "ps",
                "-a",
                "-q",
                "--filter",
                f"name=^{name[:10]}",
            ).split()
        )


def test_a_kept_directory_keeps_its_owner(site: Site) -> None:
    site.bench.podman(
        "exec", NAME, "sh", "-c", "mkdir -m 700 /srv; echo mine > /srv/file; chown -R 7:8 /srv"
    )
    site.apply(
        *site.fixes,
        "--yes",
        "--keep-data",
        ends=0,
    )
    try:
        assert (
            site.bench.podman(
                "exec",
                NAME,
                "stat",
                "-c",
                "%u:%g %a",
                "/srv",
            )
            == "7:8 700"
        )
        assert (
            site.bench.podman(
                "exec",
                NAME,
                "stat",
                "-c",
                "%u:%g",
                "/srv/file",
            )
            == "7:8"
        )
    finally:
        site.run("undo", "--yes")
        site.bench.podman(
            "volume",
            "rm",
            "-f",
            f"{NAME}-srv-data",
        )


def test_a_full_disk_never_costs_the_service(
    site: Site,
    tmp_path: Path,
) -> None:
    """The directory of the journal is a disk of its own, too small for it at first and filled up
    later."""
    before = site.seen()
    state, program = tmp_path / "state", f"{sys.executable} -m hardentui"
    state.mkdir()
    site.environment["XDG_STATE_HOME"] = str(state)
    apply = f"{program} apply {NAME} --url {site.bench.url} {' '.join(site.fixes)} --yes"
    script = f"""
        mount -t tmpfs -o size=4k none {state} || exit 99
        {apply} && exit 98
        umount {state} && mount -t tmpfs -o size=20k none {state} || exit 97
        {apply} && exit 96
        {program} undo --yes || exit 95
        mount -o remount,size=60k {state} || exit 94
        {apply} || exit 93
        dd if=/dev/zero of={state}/fill bs=1k
        {program} undo --yes && exit 92
        rm {state}/fill
        {program} undo --yes || exit 91
    """
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        env=site.environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (
        "is undone, apply-web is as it was before, but the journal could not record it"
        in ended.stderr
    )
    site.is_again(before)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("when", "every"),
    [
        ("during", 3),
        *(pytest.param(when, 1, marks=LONG) for when in ("begun", "during", "done")),
    ],
)
def test_whose_podman_goes_away_in_the_middle_serves_again(
    site: Site,
    when: str,
    every: int,
) -> None:
    """At any operation the service is killed, and comes back after three seconds, without a person."""
    before, struck = site.seen(), 0
    for number in range(1, 30, every):
        at = f"{number} {when}"
        ended = site.faulty("lose", when, number)
        entry = site.last_apply()
        assert eventually(site.bench.serves), at
        if entry.begun < number:
            break
        struck += 1
        assert ended.returncode in (0, 5), (at, ended.stderr)
        assert entry.state in (EntryState.DONE, EntryState.ROLLED_BACK), (at, entry.reason)
        assert eventually(site.answers), (at, entry.reason)
        if entry.state is EntryState.DONE:
            assert site.run("undo", "--yes").returncode == 0, at
            assert eventually(site.answers), at
        assert site.seen() == before, at
    assert struck >= 7 // every, "every operation has its turn"


def test_a_kill_of_apply_and_podman_together_is_taken_back_once_podman_is_there(site: Site) -> None:
    before = site.seen()
    # the probe is struck before it has ended
    process = site.begun(
        4,
        *site.applied,
        "--probe",
        "echo $TARGET && sleep 6",
    )
    site.bench.kill_service()
    site.killed(process)
    time.sleep(3)  # the second process has asked Podman, in vain
    assert site.last_apply().state in (EntryState.OPEN, EntryState.ROLLED_BACK), (
        "nothing is called done"
    )
    site.bench.start()
    assert eventually(lambda: site.last_apply().state is EntryState.ROLLED_BACK)
    assert site.answers()
    assert site.seen() == before


@pytest.mark.timeout(300)
def test_a_port_that_somebody_takes_in_the_middle_is_waited_for_and_its_holder_named(
    site: Site,
) -> None:
    """A program takes it between stop and start; it goes once the way back has told who it is."""
    before = site.seen()
    taker = (
        "import socket,time\n"
        "while True:\n"
        "    try: s = socket.create_server(('127.0.0.1', 18093)); break\n"
        "    except OSError: time.sleep(0.002)\n"
        "time.sleep(600)"
    )
    holder = subprocess.Popen(
        # by path: the first python3 may be one that only root can enter
        site.bench.command("/usr/bin/python3", "-c", taker),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    process = site.launch(*site.applied)
    assert process.stderr is not None
    told = ""
    try:
        for line in process.stderr:
            if "not yet:" in line:
                told = line
                break
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait(timeout=10)
    _, errors = process.communicate(timeout=100)
    assert f"(python3, process {holder.pid})" in told, (told, errors)
    assert process.returncode == 5, errors
    assert "already in use" in site.newest().reason
    assert site.answers()
    assert site.seen() == before
