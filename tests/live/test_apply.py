"""Apply on a real Podman: the hardened container works; whatever goes wrong, the original runs as
before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hardentui.features.change.journal import Journal
from hardentui.features.fix.apply_ways import KEEPS_UPDATES, UPDATES_RESTART
from hardentui.model.journal import EntryState, JournalEntry
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui, launched
from tests.support.waiting import eventually

pytestmark = pytest.mark.live
LONG = pytest.mark.long
NAME = "apply-web"
VOLUME = "apply-data"
PORT = "18093"
FIXES = ("writable-rootfs", "new-privileges-allowed")
ROOT = Path(__file__).parents[2]
SERVE = "trap 'exit 0' TERM; httpd -p 80 -h /data; while :; do sleep 0.1; done"


class Site:
    """A web server with a volume, an anonymous volume, a published port and a restart policy."""

    def __init__(self, bench: Bench, state: Path) -> None:
        self.bench = bench
        self.environment = {**os.environ, "XDG_STATE_HOME": str(state)}
        self.journal = Journal(str(state / "hardentui" / "journal"))
        self.fixes = [word for check in FIXES for word in ("--check", check)]

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
            "run", "-d", "--name", NAME, "--stop-timeout", "2", "--restart", "always", *publish, *options,
            BUSYBOX, "sh", "-c", SERVE,
        )  # fmt: skip
        self.bench.podman(
            "exec", NAME, "sh", "-c", "echo precious > /data/page; echo kept > /scratch/page"
        )

    def run(
        self,
        *arguments: str,
        ends: int | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run the program. `ends`: the exit code that it has to end with."""
        return hardentui(
            *arguments,
            ends=ends,
            XDG_STATE_HOME=self.environment["XDG_STATE_HOME"],
        )

    @property
    def applied(self) -> list[str]:
        """The words of an apply that asks nothing."""
        return [
            "apply",
            NAME,
            "--url",
            self.bench.url,
            *self.fixes,
            "--yes",
        ]

    def launch(
        self,
        *words: str,
        heard: bool = True,
    ) -> subprocess.Popen[str]:
        """The program in a process of its own; `heard`: its output is kept for who asks."""
        return launched(*words, heard=heard, **self.environment)

    def apply(
        self,
        *arguments: str,
        ends: int | None = None,
    ) -> subprocess.CompletedProcess[str]:
        wishes = arguments or (*self.fixes, "--yes")
        return self.run(
            "apply",
            NAME,
            "--url",
            self.bench.url,
            *wishes,
            ends=ends,
        )

    def faulty(
        self,
        fault: str,
        when: str,
        number: int,
    ) -> subprocess.CompletedProcess[str]:
        words = [
            sys.executable,
            "-m",
            "tests.support.faulty_apply",
            self.bench.url,
            NAME,
        ]
        return subprocess.run(
            [*words, fault, when, str(number), *FIXES],
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def inspect(self, name: str = NAME) -> dict[str, Any]:
        document: dict[str, Any] = self.bench.get(f"/containers/{name}/json")
        return document

    def answers(self) -> bool:
        try:
            page = self.bench.execute(
                "curl",
                "-s",
                "-m",
                "20",
                f"http://127.0.0.1:{PORT}/page",
            )
        except subprocess.CalledProcessError:
            return False
        return page == "precious"

    def seen(self) -> dict[str, Any]:
        """All that has to be as before, of the container and around it."""
        now = self.inspect()
        return {
            "id": now["Id"],
            "name": now["Name"],
            "running": now["State"]["Running"],
            "restart": now["HostConfig"]["RestartPolicy"],
            "ports": now["HostConfig"]["PortBindings"],
            "mounts": sorted(
                (mount["Destination"], mount.get("Name", "")) for mount in now["Mounts"]
            ),
            "containers": sorted(
                each["Names"][0] for each in self.bench.get("/containers/json?all=true")
            ),
            "volumes": sorted(volume["Name"] for volume in self.bench.get("/volumes/json")),
        }

    def is_again(self, before: dict[str, Any]) -> None:
        """It answers, and all is as it was before."""
        assert eventually(self.answers)
        assert self.seen() == before

    def newest(self) -> JournalEntry:
        return self.journal.entries()[0]

    def last_apply(self) -> JournalEntry:
        """Whoever took it back may have an entry of its own."""
        return next(entry for entry in self.journal.entries() if entry.action == "apply")

    def has_ended(self) -> bool:
        """Whether the last apply is over, or taken back."""
        return self.last_apply().state is not EntryState.OPEN

    def begun(
        self,
        number: int,
        *words: str,
        heard: bool = False,
    ) -> subprocess.Popen[str]:
        """An apply in a process of its own that has begun this many operations."""
        known = len(self.journal.entries())
        process = self.launch(*(words or self.applied), heard=heard)
        assert eventually(
            lambda: len(self.journal.entries()) > known and self.newest().begun >= number
        )
        return process

    def killed(self, process: subprocess.Popen[str]) -> None:
        process.kill()
        process.communicate(timeout=150)


AnySite = TypeVar("AnySite", bound=Site)


@contextmanager
def answering(site: AnySite) -> Iterator[AnySite]:
    """The site as soon as it answers; at the end all that is left of it is removed."""
    site.start()
    assert eventually(site.answers)
    yield site
    leftovers = site.bench.podman(
        "ps",
        "-a",
        "-q",
        "--filter",
        f"name=^{NAME}",
    ).split()
    site.bench.remove(NAME, *leftovers)
    site.bench.podman(
        "volume",
        "rm",
        "-f",
        VOLUME,
    )


@pytest.fixture
def site(podman: Bench, tmp_path: Path) -> Iterator[Site]:
    with answering(Site(podman, tmp_path)) as site:
        yield site


def test_the_hardened_container_takes_the_place_of_the_original_and_gives_it_back(
    site: Site,
) -> None:
    before = site.seen()
    done = site.apply(
        *site.fixes, "--yes", "--format", "json", "--probe", 'test "$TWIN_NAME" = apply-web', ends=0
    )
    document = json.loads(done.stdout)
    (entry,) = document["entries"]
    assert document["schema"] == "hardentui/journal/1"
    assert (entry["action"], entry["state"], entry["container"]) == ("apply", "done", NAME)
    proven = {proof["check"]: proof["status"] for proof in entry["proof"]}
    assert proven == dict.fromkeys(FIXES, "pass"), entry["proof"]
    assert 0 < entry["downtime_seconds"] < 60
    assert entry["expected_downtime_seconds"] == 1.5
    assert "Expected downtime: about 1.5 s (stop and start; no other time is known)." in done.stderr
    hardened, original = site.inspect(), site.inspect(entry["original"])
    assert hardened["HostConfig"]["ReadonlyRootfs"] is True
    assert original["Id"] == before["id"]
    assert original["State"]["Running"] is False
    at_boot = (
        "no" if site.bench.version >= UPDATES_RESTART else "always"
    )  # it must not come back, where it can
    assert original["HostConfig"]["RestartPolicy"]["Name"] == at_boot
    assert (at_boot == "no") or "keeps its restart policy" in done.stderr
    assert hardened["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert site.answers()
    assert (
        site.bench.podman(
            "exec",
            NAME,
            "cat",
            "/scratch/page",
        )
        == "kept"
    )
    assert (
        sorted((mount["Destination"], mount.get("Name", "")) for mount in hardened["Mounts"])
        == before["mounts"]
    )

    kept = site.run(
        "apply",
        entry["original"],
        "--url",
        site.bench.url,
        *site.fixes,
        "--yes",
    )
    assert kept.returncode == 2
    assert f"is the kept original of {NAME}" in kept.stderr

    undone = site.run("undo", "--yes", ends=0)
    assert f"{NAME} is as before. It was down for " in undone.stdout
    assert (
        f"Expected downtime: about {entry['downtime_seconds']:.1f} s (as in the change)."
        in undone.stderr
    )
    assert site.answers(), "at once: undo has checked it"
    assert site.seen() == before
    assert site.newest().downtime_seconds
    again = site.run("undo", entry["id"], "--yes")
    assert again.returncode == 2
    assert "already undone" in again.stderr


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("fault", "when", "first"),
    [
        ("fail", "done", 1),
        ("kill", "begun", 2),
        pytest.param("fail", "done", 2, marks=LONG),
        pytest.param("kill", "begun", 1, marks=LONG),
        pytest.param("fail", "begun", 1, marks=LONG),  # the world is as when the one before is done
        pytest.param("kill", "done", 1, marks=LONG),
    ],
)
def test_a_fault_at_any_operation_ends_with_the_original_running_as_before(
    site: Site,
    fault: str,
    when: str,
    first: int,
) -> None:
    """Every second operation, so that a day tries each of them in one way or the other."""
    before, struck = site.seen(), 0
    for number in range(first, 30, 2):
        ended = site.faulty(fault, when, number)
        if ended.returncode == 0:
            break
        struck += 1
        if fault == "kill":
            assert ended.returncode == -signal.SIGKILL, (number, ended.stderr)
            assert site.newest().state is EntryState.OPEN
            if struck == 1:
                assert "was interrupted" in site.apply(ends=2).stderr
            site.run("undo", "--yes", ends=0)
        else:
            assert ended.returncode == 5, (number, ended.stderr)
        entry = site.last_apply()
        assert entry.state is EntryState.ROLLED_BACK, number
        assert entry.begun == number
        assert entry.reason, number
        assert eventually(site.answers), number
        assert site.seen() == before, number
    assert struck >= 3, f"only {struck} operations were struck"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", [3, pytest.param(4, marks=LONG)])
def test_a_kill_on_the_way_back_is_no_worse(
    site: Site,
    first: int,
) -> None:
    """Every second step, so that a day tries half of them."""
    before = site.seen()
    steps = 0
    for number in range(first, 30, 2):
        ended = site.faulty("undo-kill", "done", number)
        if ended.returncode == 5:  # there is no such step any more
            break
        steps = number
        assert ended.returncode == -signal.SIGKILL, (number, ended.stderr)
        site.run("undo", "--yes", ends=0)
        assert eventually(site.answers), number
        assert site.seen() == before, number
    assert steps >= 8, (
        "the way back has a step for each operation, and one that removes the successor"
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "sent",
    [
        signal.SIGHUP,
        *(pytest.param(s, marks=LONG) for s in (signal.SIGINT, signal.SIGTERM)),
    ],
)
def test_whoever_interrupts_it_gets_the_original_back(
    site: Site,
    sent: signal.Signals,
) -> None:
    before = site.seen()
    process = site.begun(5, heard=True)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=150)
    assert process.returncode == 5, errors
    assert "interrupted" in errors
    site.is_again(before)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("first", [2, pytest.param(1, marks=LONG)])
def test_a_kill_at_any_time_is_taken_back_at_once_by_who_watches(
    site: Site,
    first: int,
) -> None:
    before, struck = site.seen(), 0
    for begun in range(first, 9, 2):
        site.killed(site.begun(begun))
        assert eventually(site.has_ended), begun
        entry = site.last_apply()
        if entry.state is EntryState.DONE:  # it was faster than the kill
            site.run("undo", "--yes", ends=0)
        else:
            struck += 1
            assert "was killed" in entry.reason
        assert eventually(site.answers), begun
        assert site.seen() == before, begun
    assert struck >= 2


def test_an_undo_that_is_killed_is_completed_by_who_watches(site: Site) -> None:
    before = site.seen()
    site.apply(ends=0)
    identity = site.newest().id
    process = site.launch(
        "undo",
        identity,
        "--yes",
        heard=False,
    )
    assert eventually(lambda: site.journal.read(identity).state is not EntryState.DONE)
    site.killed(process)
    assert eventually(lambda: site.journal.read(identity).state is EntryState.ROLLED_BACK)
    site.is_again(before)


def test_a_kill_while_the_original_takes_its_time_to_stop(
    podman: Bench,
    tmp_path: Path,
) -> None:
    """Podman goes on stopping it although nobody waits for that any more; then it has to be started
    again."""
    site = Site(podman, tmp_path)
    script = "trap '' TERM; while :; do sleep 0.1; done"
    podman.podman(
        "run",
        "-d",
        "--name",
        NAME,
        "--stop-timeout",
        "5",
        BUSYBOX,
        "sh",
        "-c",
        script,
    )
    try:
        identity = site.inspect()["Id"]
        process = site.launch(*site.applied, heard=False)

        def stops() -> bool:
            states = podman.podman(
                "ps", "-a", "--format", "{{.ID}} {{.State}}", "--no-trunc"
            ).splitlines()
            return f"{identity} stopping" in states

        assert eventually(stops)
        assert site.newest().expected_downtime_seconds == 6.5, "it ignores SIGTERM and has 5 s"
        site.killed(process)

        def back() -> bool:
            now = site.inspect()
            return bool(now["Id"] == identity and now["Name"] == NAME and now["State"]["Running"])

        assert eventually(site.has_ended)
        assert back()
    finally:
        podman.remove(
            NAME,
            *podman.podman(
                "ps",
                "-a",
                "-q",
                "--filter",
                f"name=^{NAME}",
            ).split(),
        )


def test_who_asks_first_acts_first(site: Site, tmp_path: Path) -> None:
    """The first one still probes when the second one comes, which would be through at once."""
    started, go = tmp_path / "started", tmp_path / "go"
    probe = f"touch {started}; while [ ! -e {go} ]; do sleep 0.1; done"
    first = site.launch(*site.applied, "--probe", probe)
    assert eventually(started.exists)
    second = site.apply()
    go.touch()
    _, errors = first.communicate(timeout=150)
    assert (first.returncode, second.returncode) == (0, 2), (errors, second.stderr)
    assert f"Another change of {NAME} is running: apply of {NAME} by" in second.stderr
    assert [entry.state for entry in site.journal.entries()] == [EntryState.DONE]
    assert site.run("undo", "--yes").returncode == 0
    assert eventually(site.answers)


def test_a_service_that_does_not_work_with_the_change(
    podman: Bench,
    tmp_path: Path,
) -> None:
    site = Site(podman, tmp_path)
    script = "grep -q 'NoNewPrivs:.0' /proc/self/status || exit 3; exec sleep 1000"
    identity = podman.run(
        NAME,
        BUSYBOX,
        "sh",
        "-c",
        script,
    )
    try:
        failed = site.apply(
            "--check",
            "new-privileges-allowed",
            "--yes",
            ends=5,
        )
        assert (
            f"{NAME} does not work with the change: its main process ended with exit code 3"
            in failed.stderr
        )
        now = site.inspect()
        assert (now["Id"], now["State"]["Running"]) == (identity, True)
        assert (
            podman.podman(
                "ps",
                "-a",
                "--format",
                "{{.Names}}",
                "--filter",
                f"name=^{NAME}",
            )
            == NAME
        )
    finally:
        podman.remove(
            NAME,
            *podman.podman(
                "ps",
                "-a",
                "-q",
                "--filter",
                f"name=^{NAME}",
            ).split(),
        )


def test_of_two_at_once_one_is_refused_and_told_who_is_at_it(site: Site) -> None:
    both = [site.launch(*site.applied) for _ in range(2)]
    ends = [
        (
            process.communicate(timeout=150)[1],
            process.returncode,
        )
        for process in both
    ]
    assert sorted(code for _, code in ends) == [0, 2], "\n".join(errors for errors, _ in ends)
    refused = next(errors for errors, code in ends if code == 2)
    assert any(
        words in refused
        for words in ("is running", "was interrupted", "has changed", "nothing is changed")
    ), refused
    assert eventually(site.answers)


def test_nobody_to_ask_means_no_change(site: Site) -> None:
    before = site.seen()
    refused = site.apply(*site.fixes)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert "Steps on apply-web" in refused.stderr
    assert site.seen() == before
    assert site.journal.entries() == ()


def test_a_probe_that_fails_afterwards_brings_the_original_back(site: Site) -> None:
    before = site.seen()
    site.bench.podman(
        "exec",
        NAME,
        "sh",
        "-c",
        "rm /data/page",
    )
    broken = site.apply(
        *site.fixes,
        "--yes",
        "--patience",
        "2",
        "--probe",
        "false",
    )
    assert broken.returncode == 2
    assert "fails before any change" in broken.stderr
    marker = site.bench.directory / "probe"
    probe = f"test -e {marker} || {{ touch {marker}; exit 0; }}; exit 1"
    broken = site.apply(
        *site.fixes,
        "--yes",
        "--patience",
        "2",
        "--probe",
        probe,
        ends=5,
    )
    assert "The probe" in broken.stderr
    assert "Everything is as before" in broken.stderr
    site.bench.podman(
        "exec",
        NAME,
        "sh",
        "-c",
        "echo precious > /data/page",
    )
    site.is_again(before)


def test_limits_change_while_it_runs_and_go_back_while_it_runs(site: Site) -> None:
    if site.bench.version < KEEPS_UPDATES:
        pytest.skip(
            "refused: `podman update` is forgotten at the next start; limits come with a new "
            "container"
        )
    before, pid = site.seen(), site.inspect()["State"]["Pid"]
    limits = site.inspect()["HostConfig"]
    done = site.apply(
        "--check", "no-memory-limit", "--check", "no-cpu-limit", "--yes", "--format", "json", ends=0
    )
    (entry,) = json.loads(done.stdout)["entries"]
    assert entry["original"] is None
    assert {proof["status"] for proof in entry["proof"]} == {"pass"}
    now = site.inspect()
    assert now["State"]["Pid"] == pid
    assert now["HostConfig"]["Memory"] > 0
    assert now["HostConfig"]["NanoCpus"] > 0
    site.run("undo", "--yes", ends=0)
    assert site.seen() == before
    now = site.inspect()
    assert now["State"]["Pid"] == pid
    for name in ("Memory", "MemorySwap", "NanoCpus", "CpuQuota"):
        assert max(now["HostConfig"][name], 0) == limits[name], "Podman says -1 for none"
    again = site.apply(
        "--check",
        "no-memory-limit",
        "--check",
        "no-cpu-limit",
    )
    assert "memory" in again.stderr, "it counts as without limits again"
    site.apply(ends=0)


def test_a_health_check_comes_and_goes_while_it_runs(
    site: Site,
    tmp_path: Path,
) -> None:
    before, pid = site.seen(), site.inspect()["State"]["Pid"]
    command = "wget -q -O /dev/null http://127.0.0.1/page"
    plan = tmp_path / "plan.toml"
    plan.write_text(
        f'fix = [{{ check = "missing-health-check", parameters = {{ command = "{command}" }} }}]\n'
    )
    done = site.apply(
        "--plan",
        str(plan),
        "--yes",
        "--format",
        "json",
        ends=0,
    )
    (entry,) = json.loads(done.stdout)["entries"]
    assert entry["original"] is None, "nothing was created anew"
    assert [(proof["check"], proof["status"]) for proof in entry["proof"]] == [
        ("missing-health-check", "pass")
    ]
    now = site.inspect()
    assert now["State"]["Pid"] == pid
    assert command in now["Config"]["Healthcheck"]["Test"][-1]
    site.run("undo", "--yes", ends=0)
    assert site.seen() == before
    now = site.inspect()
    assert now["State"]["Pid"] == pid
    assert (now["Config"].get("Healthcheck") or {}).get("Test") in (None, ["NONE"])
    site.apply(
        "--check",
        "no-memory-limit",
        "--yes",
        ends=0,
    )
    assert site.inspect()["State"]["Pid"] == pid, "Podman still changes it while it runs"


def test_data_in_its_own_layer_is_told_and_kept_or_refused(site: Site) -> None:
    site.bench.podman(
        "exec", NAME, "sh", "-c", "mkdir /srv; echo mine > /srv/file; chown 7:8 /srv/file"
    )
    before = site.seen()
    fixes = ("--check", "new-privileges-allowed", "--yes")  # whose plan brings no volume for it
    refused = site.apply(*fixes, ends=2)
    assert "/srv/file" in refused.stderr
    assert "--keep-data" in refused.stderr
    assert site.seen() == before
    site.apply(*fixes, "--keep-data", ends=0)
    assert (
        site.bench.podman(
            "exec",
            NAME,
            "cat",
            "/srv/file",
        )
        == "mine"
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
    site.run("undo", "--yes", ends=0)
    assert site.seen()["id"] == before["id"]
    assert (
        site.bench.podman(
            "exec",
            NAME,
            "cat",
            "/srv/file",
        )
        == "mine"
    )
    assert site.seen()["volumes"] == before["volumes"], "nobody wrote to it"


def test_what_nobody_confirms_goes_back_by_itself_in_time(site: Site) -> None:
    before = site.seen()
    done = site.apply(
        *site.fixes,
        "--yes",
        "--confirm-within",
        "4",
        "--format",
        "json",
        ends=0,
    )
    (entry,) = json.loads(done.stdout)["entries"]
    assert entry["state"] == "waiting-for-confirm"
    assert entry["downtime_seconds"] > 0, "it was replaced"

    def back() -> bool:
        return site.journal.read(entry["id"]).state is EntryState.ROLLED_BACK

    assert eventually(back)
    late = time.time() - entry["confirm_by"]
    assert late <= 20, f"{late:.1f} s after its time"
    site.is_again(before)
    assert "not confirmed in time" in site.journal.read(entry["id"]).reason


def test_what_is_confirmed_stays_and_can_be_forgotten(site: Site) -> None:
    before = site.seen()
    done = site.apply(
        *site.fixes,
        "--yes",
        "--confirm-within",
        "90",
        "--format",
        "json",
    )
    (entry,) = json.loads(done.stdout)["entries"]
    site.run("confirm", ends=0)
    assert eventually(lambda: not _waiting_processes(entry["id"])), (
        "nothing is left that would take it back"
    )
    assert site.journal.read(entry["id"]).state is EntryState.DONE
    assert site.inspect()["Id"] != before["id"]
    asked = site.run("journal", "forget", entry["id"])
    assert asked.returncode == 2
    site.run(
        "journal",
        "forget",
        entry["id"],
        "--yes",
        ends=0,
    )
    assert site.bench.podman(
        "ps", "-a", "--format", "{{.Names}}", "--filter", f"name=^{NAME}"
    ).split() == [NAME]
    impossible = site.run("undo", entry["id"], "--yes")
    assert impossible.returncode == 2
    assert "original was removed" in impossible.stderr
    assert site.answers()


def _waiting_processes(identity: str) -> list[str]:
    """Those that take a change back when its time is over."""
    waiting = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_text(errors="replace").split("\0")
            if identity in words and "--expired" in words:
                waiting.append(path.parent.name)
    return waiting


TENANT, CLIENT = f"{NAME}-tenant", f"{NAME}-client"


@pytest.fixture
def stack(site: Site) -> Iterator[Site]:
    """The site with one that has its network, and one that requires both."""
    forever = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done")
    second = "n=$(cat /count); echo x >> /count; [ ${#n} != 1 ] || [ ! -e /data/breaks ] || exit 3"
    listens = f"{second}; trap 'exit 0' TERM; httpd -p 81 -h /data; while :; do sleep 0.1; done"
    counts = site.bench.directory / "count"
    counts.write_text("")
    shared = (
        "--network",
        f"container:{NAME}",
        "-v",
        f"{VOLUME}:/data",
        "-v",
        f"{counts}:/count",
    )
    site.bench.run(
        TENANT,
        *shared,
        BUSYBOX,
        "sh",
        "-c",
        listens,
    )
    site.bench.run(
        CLIENT,
        "--requires",
        f"{NAME},{TENANT}",
        BUSYBOX,
        *forever,
    )
    assert eventually(lambda: both(site))
    yield site
    kept = site.bench.podman(
        "ps",
        "-a",
        "-q",
        "--filter",
        f"name=^{NAME}",
    ).split()
    site.bench.podman(
        "rm",
        "-f",
        "-i",
        "-t",
        "0",
        "--depend",
        *kept,
    )


def both(site: Site) -> bool:
    """Whether it and its tenant answer in their one network."""
    try:
        asks = "wget -qO- http://127.0.0.1:80/page && wget -qO- http://127.0.0.1:81/page"
        return (
            site.bench.podman(
                "exec",
                TENANT,
                "sh",
                "-c",
                asks,
            ).split()
            == ["precious"] * 2
        )
    except subprocess.CalledProcessError:
        return False


def tied(site: Site) -> dict[str, Any]:
    """Who refers to whom, who runs, and all that has to be as before."""
    each = {name: site.inspect(name) for name in (NAME, TENANT, CLIENT)}
    ties = {
        name: (
            now["Id"],
            sorted(now["Dependencies"]),
            now["State"]["Running"],
        )
        for name, now in each.items()
    }
    return site.seen() | ties


def test_those_that_refer_to_it_are_replaced_with_it_and_go_back_with_it(stack: Site) -> None:
    before = tied(stack)
    done = stack.apply(
        *stack.fixes,
        "--yes",
        "--format",
        "json",
        ends=0,
    )
    assert f"{TENANT} is made anew as it is" in done.stderr
    (entry,) = json.loads(done.stdout)["entries"]
    assert sorted((entry["container"], *entry["together_with"])) == [NAME, CLIENT, TENANT]
    after = tied(stack)
    assert [after[name][2] for name in (NAME, TENANT, CLIENT)] == [True] * 3
    assert after[TENANT][1] == [after[NAME][0]] != before[TENANT][1]
    assert after[CLIENT][1] == sorted([after[NAME][0], after[TENANT][0]])
    assert both(stack)

    stack.run(
        "apply",
        CLIENT,
        "--url",
        stack.bench.url,
        *stack.fixes,
        "--yes",
        ends=0,
    )
    later = stack.newest().id
    first = stack.run("undo", entry["id"], "--yes")
    assert first.returncode == 2
    assert later in first.stderr, "the last one goes first"
    assert stack.run("undo", "--yes").returncode == 0
    assert tied(stack) == after
    stack.run("undo", "--yes", ends=0)
    assert both(stack), "at once: undo has checked it"
    assert tied(stack) == before


def test_one_of_them_that_fails_brings_all_back(stack: Site) -> None:
    before = tied(stack)
    stack.bench.podman(
        "exec",
        TENANT,
        "touch",
        "/data/breaks",
    )
    failed = stack.apply(ends=5)
    assert f"{TENANT} does not work with the change" in failed.stderr
    assert tied(stack) == before
    assert both(stack)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "kinds",
    [
        ("CreateContainer", "StartContainer"),
        pytest.param(
            ("RenameContainer", "StopContainer", "WaitReady"),
            marks=LONG,
        ),
    ],
)
def test_a_kill_at_any_time_brings_all_of_them_back(
    stack: Site,
    kinds: tuple[str, ...],
) -> None:
    before = tied(stack)
    for kind in kinds:
        known = len(stack.journal.entries())
        process = stack.launch(*stack.applied, heard=False)

        def far_enough(known: int = known, kind: str = kind) -> bool:
            entries = stack.journal.entries()
            made = (
                [type(operation).__name__ for operation in entries[0].operations] if entries else []
            )
            return (
                len(entries) > known and entries[0].begun > made.index(kind) + 1
            )  # its second one

        assert eventually(far_enough), kind
        stack.killed(process)
        assert eventually(stack.has_ended), kind
        assert "was killed" in stack.last_apply().reason, kind
        assert tied(stack) == before, kind
        assert both(stack), kind


@LONG  # the same without the others is tried daily, and they with fewer faults
@pytest.mark.timeout(1200)
def test_a_fault_at_any_operation_brings_all_of_them_back(stack: Site) -> None:
    before, struck = tied(stack), 0
    for number in range(1, 60):
        ended = stack.faulty("fail", "done", number)
        if ended.returncode == 0:
            break
        struck += 1
        assert ended.returncode == 5, (number, ended.stderr)
        assert tied(stack) == before, number
        assert both(stack), number
    assert struck >= 20


@pytest.mark.timeout(300)
def test_what_was_cut_off_late_can_go_on_and_early_only_back(site: Site) -> None:
    before = site.seen()
    ended = site.faulty("kill", "begun", 2)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    refused = site.run("confirm", site.newest().id, ends=2)
    assert "was interrupted too early" in refused.stderr
    assert site.run("undo", "--yes").returncode == 0
    assert site.seen() == before

    kinds = [type(operation).__name__ for operation in site.journal.entries()[1].operations]
    ended = site.faulty(
        "kill",
        "begun",
        kinds.index("StartContainer") + 1,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert not site.answers(), "nobody has started it"
    identity = site.newest().id
    told = site.run(
        "check",
        NAME,
        "--url",
        site.bench.url,
    )
    assert f"hardentui confirm {identity} completes it" in told.stderr
    site.run("confirm", identity, ends=0)
    entry = site.newest()
    assert entry.state is EntryState.DONE
    assert {proof.check: proof.status for proof in entry.proof} == dict.fromkeys(FIXES, "pass")
    assert site.inspect()["HostConfig"]["ReadonlyRootfs"] is True
    assert eventually(site.answers)
    assert site.run("undo", "--yes").returncode == 0
    site.is_again(before)
