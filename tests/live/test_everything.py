"""`harden --everything`: all containers of a host tried in a process of its own, kept as one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from hardentui.features.harden.host_run import Chosen, RunFiles, Standing
from hardentui.features.harden.unattended import Unattended
from hardentui.features.views import Selection
from hardentui.features.workbench import Workbench
from hardentui.state import state_directory
from tests.support.podman import BUSYBOX, TEST_USER, Bench
from tests.support.program import hardentui, launched
from tests.support.schemas import validated
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]
NAMES = ("all-one", "all-two")
STOPPED = "all-stopped"
WAITS = ("sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait")
PROJECT = "com.docker.compose.project=all"


@pytest.fixture
def host(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    """A stack of two, and a container that does not run."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in NAMES:
        podman.run(name, "--label", PROJECT, BUSYBOX, *WAITS)
    podman.podman("create", "--name", STOPPED, BUSYBOX, *WAITS)
    yield podman
    hardentui("harden", "--everything", "--stop", "--url", podman.url)
    kept = podman.podman("ps", "-a", "-q", "--filter", "name=^all-").split()
    podman.remove(*kept)


def _call(bench: Bench, *words: str, ends: int | None = 0) -> list[dict[str, Any]]:
    """The lines that it writes."""
    command = ("harden", "--everything", "--url", bench.url, "--format", "json", *words)
    lines = hardentui(*command, ends=ends).stdout.splitlines()
    return [validated(json.loads(line)) for line in lines]


def _inspected(bench: Bench, names: tuple[str, ...] = NAMES) -> dict[str, Any]:
    listed = json.loads(bench.podman("inspect", *names))
    moving = ("State", "NetworkSettings")
    return {
        document["Name"]: {name: value for name, value in document.items() if name not in moving}
        for document in listed
    }


def _members(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {member["name"]: member for member in run["members"]}


def test_all_are_tried_unattended_kept_as_one_and_taken_back_as_one(host: Bench) -> None:
    before = _inspected(host)
    *events, ended = _call(host, "--try")
    members = _members(ended["run"])
    assert {members[name]["standing"] for name in NAMES} == {"ready"}
    assert {members[name]["group"] for name in NAMES} == {"all"}
    assert all(members[name]["after"] > members[name]["before"] for name in NAMES)
    assert members[STOPPED]["standing"] == "not-ready"
    assert "does not run" in members[STOPPED]["reason"]
    assert {"waiting", "ready"} <= {event["container"]["standing"] for event in events}
    assert _inspected(host) == before

    again = _call(host, "--try")[-1]["run"]
    tried_at = {name: members[name]["began"] for name in NAMES}
    assert {name: _members(again)[name]["began"] for name in NAMES} == tried_at

    _strike_out(host, members[NAMES[0]]["key"], "writable-rootfs")
    kept = hardentui(
        *("harden", "--everything", "--keep", "--yes", "--url", host.url),
        ends=0,
    )
    assert f"{NAMES[0]}: struck out: writable-rootfs" in kept.stderr
    assert "harden 2 containers: done" in kept.stdout
    inspected = _inspected(host)
    read_only = {name: inspected[name]["HostConfig"]["ReadonlyRootfs"] for name in NAMES}
    assert read_only == dict(zip(NAMES, (False, True), strict=True))
    assert _inspected(host) != before
    hardentui("undo", "--yes", ends=0)
    assert _inspected(host) == before


def _strike_out(bench: Bench, key: str, check: str) -> None:
    """As the page of all containers does, in another process."""
    with closing(Workbench.open(Selection(url=bench.url))) as workbench:
        RunFiles(workbench.opened).choose({key: Chosen(struck=(check,))})


class _Counted:
    """A turn, and how many held it at once at most."""

    def __init__(self, turn: AbstractContextManager[object]) -> None:
        self.turn = turn
        self.held = self.most = self.times = 0

    def __enter__(self) -> None:
        self.turn.__enter__()
        self.held += 1
        self.times += 1
        self.most = max(self.most, self.held)

    def __exit__(self, *raised: Any) -> None:
        self.held -= 1
        self.turn.__exit__(*raised)


def test_trials_side_by_side_leave_a_processor_free(
    host: Bench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Podman does not run at the priority of who asks it, so they take turns at asking."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    with closing(Workbench.open(Selection(url=host.url))) as bench:
        runner = Unattended(bench, RunFiles(bench.opened), at_once=2)
        bench.turn = counted = _Counted(bench.turn)
        run = runner.run()
    assert len(run.with_standing(Standing.READY)) == len(NAMES)
    assert (counted.most, counted.held) == (1, 0)
    assert counted.times > 4 * len(NAMES), "twins are made, started and removed by turns"


def test_a_lost_terminal_ends_nothing_and_stop_ends_it(host: Bench) -> None:
    terminal = launched("harden", "--everything", "--try", "--url", host.url, heard=False)

    def standing() -> set[str]:
        runs = Path(state_directory()).glob("everything/*/run.json")
        return {
            member["standing"]
            for path in runs
            for member in json.loads(path.read_text())["members"]
        }

    assert eventually(lambda: "running" in standing(), 60)
    terminal.kill()
    terminal.wait()
    assert eventually(lambda: "ready" in standing(), 120)
    hardentui("harden", "--everything", "--stop", "--url", host.url, ends=0)
    assert not host.podman("ps", "-a", "-q", "--filter", "label=hardentui.trial")
    ended = _call(host, "--try")[-1]["run"]
    assert {_members(ended)[name]["standing"] for name in NAMES} == {"ready"}


def test_what_could_not_be_kept_is_told_before_the_first_twin(
    host: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "os.access", lambda path, mode, **_: not str(path).startswith(str(tmp_path))
    )
    done = hardentui("harden", "--everything", "--url", host.url, ends=2)
    assert "the result could not be kept" in done.stderr
    single = hardentui("harden", NAMES[0], "--try", "--url", host.url, ends=2)
    assert "the result could not be kept" in single.stderr
    assert not host.podman("ps", "-a", "-q", "--filter", "label=hardentui.trial")


def _stop_as_a_machine_does(process: subprocess.Popen[str], state: str) -> None:
    """End it with whoever looks after what it does, so that nobody is left to take anything back."""
    process.send_signal(signal.SIGSTOP)
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (directory / "cmdline").read_bytes()
            if b"guard_process" in words and state.encode() in (directory / "environ").read_bytes():
                os.kill(int(directory.name), signal.SIGKILL)
    process.kill()
    process.wait()


@pytest.mark.long
def test_a_machine_that_stops_in_the_middle_of_all_is_gone_on_with_as_one(host: Bench) -> None:
    names = (*NAMES, "all-alone")
    host.run(names[-1], BUSYBOX, *WAITS)
    before = _inspected(host, names)
    ready = _members(_call(host, "--try")[-1]["run"])
    assert {ready[name]["standing"] for name in names} == {"ready"}
    keep = ("harden", "--everything", "--keep", "--yes", "--url", host.url)
    with launched(*keep) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if line.rstrip().endswith(": hardened"))
        _stop_as_a_machine_does(process, os.environ["XDG_STATE_HOME"])
    entries = json.loads(hardentui("journal", "--format", "json").stdout)["entries"]
    holder = next(entry for entry in entries if entry["action"] == "harden")
    assert holder["state"] == "open"

    done = hardentui(*keep, ends=0)
    assert f"{holder['id']} was interrupted" in done.stderr
    assert "harden 3 containers: done" in done.stdout
    now = _inspected(host, names)
    assert all(now[name] != before[name] for name in names)
    hardentui("undo", "--yes", ends=0)
    assert _inspected(host, names) == before


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason="root hardens the containers of a user")
def test_rootless_ones_of_another_account_are_hardened_as_that_account(
    rootless_podman: Bench,
) -> None:
    bench = rootless_podman
    for name in NAMES:
        bench.run(name, "--network", "none", BUSYBOX, *WAITS)
    try:
        before = _inspected(bench)
        ended = _as_sudo(bench, "--try").stdout.splitlines()[-1]
        members = _members(validated(json.loads(ended))["run"])
        assert {members[name]["standing"] for name in NAMES} == {"ready"}, members
        assert _inspected(bench) == before
        done = _as_sudo(bench, "--keep", "--yes")
        assert f"runs as {TEST_USER}" in done.stderr
        assert _inspected(bench) != before
        _as_sudo(bench, command=("undo", "--yes"))
        assert _inspected(bench) == before
    finally:
        bench.remove(*bench.podman("ps", "-a", "-q", "--filter", "name=^all-").split())


def _as_sudo(
    bench: Bench,
    *words: str,
    command: tuple[str, ...] = ("harden", "--everything", "--format", "json"),
) -> subprocess.CompletedProcess[str]:
    """Run by root where the bench is, with the account's variables, as `sudo -E` does."""
    holder = (bench.directory / "holder.pid").read_text().split()[0]
    return subprocess.run(
        [
            *("nsenter", "--target", holder, "--mount", "--net", "--wdns=/", "--"),
            *("sh", "-c", '. "$0" && exec "$@"', str(bench.directory / "environment")),
            *(sys.executable, "-m", "hardentui", *command, *words, "--url", bench.url),
        ],
        capture_output=True,
        text=True,
        timeout=400,
        check=True,
        env={**os.environ, "HOME": "/root", "CONTAINER_HOST": "unix:///nowhere"},
    )
