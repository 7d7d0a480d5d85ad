"""A service that is proven to only serve goes on answering while its hardened successor takes its
place."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hardentui.model.operations import substitute_in
from tests.live.test_apply import NAME, PORT, SERVE, Site, answering
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

pytestmark = pytest.mark.live

ASK = """
import select, sys, urllib.request
asked = failed = 0
print("asking", flush=True)
while not select.select([sys.stdin], [], [], 0.02)[0]:
    asked += 1
    try:
        failed += urllib.request.urlopen(sys.argv[1], timeout=10).read() != b"precious\\n"
    except OSError:
        failed += 1
print(asked, failed)
"""


class Stateless(Site):
    """A web server that reads its page from a read-only directory."""

    def __init__(
        self,
        bench: Bench,
        state: Path,
        script: str = SERVE,
        options: tuple[str, ...] = (),
    ) -> None:
        super().__init__(bench, state)
        self.script, self.options = script, options
        self.pages = state / "pages"
        self.pages.mkdir()
        (self.pages / "page").write_text("precious\n")

    def start(self, *options: str) -> None:
        self.bench.podman(
            "run", "-d", "--name", NAME, "-p", f"{PORT}:80", "-v", f"{self.pages}:/data:ro", *self.options,
            BUSYBOX, "sh", "-c", self.script,
        )  # fmt: skip

    def learn(self) -> None:
        """A trial shows that it asks nobody; apply takes its result."""
        tried = self.bench.directory / "tried-substitute"
        done = self.run(
            "trial", NAME, "--url", self.bench.url, *self.fixes, "--learn", "-o", str(tried), ends=0
        )
        assert done is not None
        self.fixes = ["--trial", str(tried / "trial.json")]

    def tables(self) -> str:
        return self.bench.execute("nft", "list", "tables")

    @contextmanager
    def asked(self) -> Iterator[list[int]]:
        """Requests one after the other; afterwards: how many there were, and how many of them
        failed."""
        words = self.bench.command(
            "python3",
            "-c",
            ASK,
            f"http://127.0.0.1:{PORT}/page",
        )
        counts: list[int] = []
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == "asking\n"
            yield counts
            counts += map(int, client.communicate("\n", timeout=60)[0].split())


@pytest.fixture
def site(podman: Bench, tmp_path: Path) -> Iterator[Stateless]:
    with answering(Stateless(podman, tmp_path)) as site:
        yield site


def test_nobody_who_asks_notices(site: Stateless) -> None:
    may_write = site.apply("--check", "new-privileges-allowed")
    assert "Expected downtime: about" in may_write.stderr
    assert "no second one serves meanwhile: its root file system is writable" in may_write.stderr
    untried = site.apply(*site.fixes)
    assert "Expected downtime: about" in untried.stderr
    assert "whether it asks others was not learned" in untried.stderr
    site.learn()
    with site.asked() as counts:
        done = site.apply(ends=0)
    asked, failed = counts
    assert (asked > 20, failed) == (True, 0)
    assert "Expected downtime: none" in done.stderr
    entry, meanwhile = site.newest(), substitute_in(site.newest().operations)
    assert meanwhile is not None
    assert meanwhile.created, done.stderr
    assert entry.downtime_seconds == 0.0
    assert site.seen()["containers"] == sorted([NAME, str(entry.original)])
    assert meanwhile.table not in site.tables()


def test_killed_while_only_the_substitute_serves_it_goes_back_without_a_gap(
    site: Stateless,
) -> None:
    before = site.seen()
    with site.asked() as counts:
        ended = site.faulty("kill", "done", 5)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert not site.inspect(str(site.newest().original))["State"]["Running"]
        assert site.run("undo", "--yes").returncode == 0
    assert counts[1] == 0
    assert site.seen() == before
    assert "hardentui" not in site.tables()


def test_a_kill_at_any_time_leaves_no_substitute_behind(site: Stateless) -> None:
    before = site.seen()
    for begun in (4, 6):
        site.killed(site.begun(begun))
        assert eventually(site.has_ended), begun
        undone = site.run("undo", "--yes")  # for one that was faster than the kill
        assert undone.returncode == 0 or "nothing to undo" in undone.stderr
        assert eventually(site.answers), begun
        assert eventually(lambda: site.seen() == before), begun
        assert "hardentui" not in site.tables(), begun


def test_a_probe_that_fails_brings_the_original_back(site: Stateless) -> None:
    before, marker = site.seen(), site.bench.directory / "probe-of-substitute"
    probe = f"test -e {marker} || {{ touch {marker}; exit 0; }}; exit 1"
    site.apply(
        *site.fixes,
        "--yes",
        "--patience",
        "2",
        "--probe",
        probe,
        ends=5,
    )
    assert site.answers()
    assert site.seen() == before
    assert "hardentui" not in site.tables()


def test_who_asks_others_stops_and_starts(podman: Bench, tmp_path: Path) -> None:
    """Two of it at once would take the same job, or send the same message, twice."""
    asks = f"wget -q -T 1 -O- http://192.0.2.7:9/job; {SERVE}"
    with answering(Stateless(podman, tmp_path, asks)) as site:
        site.learn()
        done = site.apply(ends=0)
        assert "no second one serves meanwhile: it connects to 192.0.2.7 port 9" in done.stderr
        assert substitute_in(site.newest().operations) is None
        assert site.newest().downtime_seconds


def test_a_socket_in_a_read_only_mount_leads_to_somebody(podman: Bench, tmp_path: Path) -> None:
    """A directory that is mounted read-only hinders nobody from connecting to a socket in it."""
    sockets = podman.directory / "sockets-of-others"
    sockets.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        (sockets / "real.sock").unlink(missing_ok=True)
        listener.bind(str(sockets / "real.sock"))
        listener.listen()
        options = ("-v", f"{sockets}:/var/sock:ro")
        with answering(Stateless(podman, tmp_path, options=options)) as site:
            planned = site.apply(*site.fixes)
            assert "it can reach a socket, /var/sock/real.sock" in planned.stderr
            assert "stop the original" in planned.stderr


@pytest.mark.parametrize(
    "options",
    [("-p", "18094:81/udp"), ("-v", "/scratch")],
)
def test_what_it_could_not_do_for_is_told_to_be_down(
    podman: Bench,
    tmp_path: Path,
    options: tuple[str, ...],
) -> None:
    with answering(Stateless(podman, tmp_path, options=options)) as site:
        planned = site.apply(*site.fixes)
        assert "stop the original" in planned.stderr
        assert "serve meanwhile" not in planned.stderr
