"""Reading a real Podman."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from hardentui.engine.events import Event, Link, watch
from hardentui.engine.locate import Candidate
from hardentui.engine.probe import probe
from hardentui.engine.read import Engine, Gone, Inspected
from hardentui.engine.recorded import RecordedConnection, RecordingConnection
from hardentui.engine.service import PrivateService
from hardentui.errors import EngineUnreachable, NotFound
from tests.support.podman import BUSYBOX, TEST_USER, Bench
from tests.support.proxy import RecordingProxy
from tests.support.waiting import eventually

pytestmark = pytest.mark.live


def open_engine(url: str) -> Engine:
    engine = probe(Candidate("", url, "test"))
    assert isinstance(engine, Engine), engine
    return engine


@pytest.fixture
def engine(podman: Bench) -> Iterator[Engine]:
    opened = open_engine(podman.url)
    yield opened
    opened.close()


@contextmanager
def container(bench: Bench, name: str, *arguments: str) -> Iterator[str]:
    """A running busybox that sleeps."""
    identity = bench.run(
        name,
        "--network",
        "none",
        *arguments,
        BUSYBOX,
        "sleep",
        "600",
    )
    try:
        yield identity
    finally:
        bench.remove(name)


class Watched:
    """`watch` in a thread, and what it said."""

    def __init__(self, engine: Engine) -> None:
        self.events: list[Event] = []
        self.states: list[tuple[Link, str]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=watch, args=(engine, self.events.extend, self._state, self._stop), daemon=True
        )

    def __enter__(self) -> Watched:
        self._thread.start()
        assert eventually(lambda: self.states), "the stream never stood"
        return self

    def __exit__(self, *ended: object) -> None:
        self._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _state(self, link: Link, reason: str) -> None:
        self.states.append((link, reason))

    def links(self) -> list[Link]:
        return [link for link, _ in self.states]

    def saw(
        self,
        action: str,
        name: str,
    ) -> Callable[[], bool]:
        return lambda: any(event.action == action and event.name == name for event in self.events)


def collect(engine: Engine, ids: list[str]) -> dict[str, Inspected]:
    result: dict[str, Inspected] = {}
    engine.inspect_many(
        ids,
        result.__setitem__,
        threading.Event(),
    )
    return result


def test_facts_come_from_the_ping_and_the_socket(
    podman: Bench,
    engine: Engine,
) -> None:
    installed = podman.podman(
        "version",
        "--format",
        "{{.Server.Version}}",
    )
    assert str(engine.facts.version) == installed
    assert engine.facts.local
    assert engine.facts.rootless is (os.getuid() != 0)
    assert engine.facts.url == podman.url


def test_list_shows_what_runs_and_what_does_not(
    podman: Bench,
    engine: Engine,
) -> None:
    with container(
        podman,
        "e-list",
        "--label",
        "team=blue",
    ) as identity:
        podman.podman(
            "create",
            "--name",
            "e-created",
            BUSYBOX,
        )
        try:
            rows = {row.name: row for row in engine.listed()}
        finally:
            podman.remove("e-created")
    running = rows["e-list"]
    assert (running.id, running.image, running.state) == (identity, BUSYBOX, "running")
    assert running.labels == {"team": "blue"}
    assert running.pid > 0
    assert not running.is_infra
    assert rows["e-created"].state == "created"
    assert rows["e-created"].pid == 0


def test_pods_are_listed_with_their_infra_container(
    podman: Bench,
    engine: Engine,
) -> None:
    podman.podman(
        "pod",
        "create",
        "--name",
        "e-pod",
        "--network",
        "none",
    )
    try:
        (pod,) = [pod for pod in engine.pods() if pod["Name"] == "e-pod"]
        assert engine.pod(str(pod["Id"]))["Name"] == "e-pod"
        (infra,) = [row for row in engine.listed() if row.pod == pod["Id"]]
        assert infra.is_infra
        assert infra.pod_name == "e-pod"
    finally:
        podman.podman("pod", "rm", "-f", "e-pod")


def test_inspect_many_reports_the_removed_one_as_gone(
    podman: Bench,
    engine: Engine,
) -> None:
    with container(podman, "e-stays") as stays:
        with container(podman, "e-goes") as goes:
            ids = [row.id for row in engine.listed()]
        result = collect(engine, ids)
    assert result[goes] == Gone()
    kept = result[stays]
    assert not isinstance(kept, Gone)
    assert kept["Name"] == "e-stays"  # type: ignore[index]


def test_one_container_that_is_not_there(engine: Engine) -> None:
    with pytest.raises(NotFound):
        engine.inspect("0" * 64)
    with pytest.raises(NotFound):
        engine.inspect("../images/json")


def test_images_networks_volumes_changes_and_exec_sessions(
    podman: Bench,
    engine: Engine,
) -> None:
    (image,) = [image for image in engine.images() if BUSYBOX in (image["RepoTags"] or [])]
    assert engine.image(str(image["Id"]))["Config"]["Cmd"] == ["/bin/sh"]
    assert "imported" in engine.history(str(image["Id"]))[0]["Comment"]
    assert "podman" in [network["name"] for network in engine.networks()]
    podman.podman("volume", "create", "e-volume")
    try:
        assert "e-volume" in [volume["Name"] for volume in engine.volumes()]
    finally:
        podman.podman("volume", "rm", "e-volume")
    with container(podman, "e-changes") as identity:
        podman.podman(
            "exec",
            "e-changes",
            "touch",
            "/root/new",
        )
        assert {"Path": "/root/new", "Kind": 1} in engine.changes(identity)
        session = podman.post(
            f"/containers/{identity}/exec", {"Cmd": ["true"], "Privileged": True}
        )["Id"]
        assert engine.exec_session(session)["ProcessConfig"]["privileged"] is True


def test_info_refines_the_facts(engine: Engine) -> None:
    before = engine.facts
    facts = engine.load_info()
    assert isinstance(facts.info, dict)
    assert "CAP_CHOWN" in facts.default_capabilities
    assert (facts.version, facts.rootless, facts.local) == (before.version, before.rootless, True)
    assert engine.facts is facts


def test_events_tell_of_a_container_within_seconds(
    podman: Bench,
    engine: Engine,
) -> None:
    with Watched(engine) as watched:
        started = monotonic()
        with container(podman, "e-event") as identity:
            assert eventually(watched.saw("start", "e-event"))
            assert monotonic() - started < 30
        assert eventually(watched.saw("remove", "e-event"))
    first = next(event for event in watched.events if event.name == "e-event")
    assert first.id == identity
    assert first.time > 1e9


def test_a_killed_service_is_lost_and_then_found_again(
    podman: Bench,
    engine: Engine,
) -> None:
    with container(podman, "e-survivor") as identity, Watched(engine) as watched:
        assert engine.inspect(identity)
        podman.kill_service()
        try:
            assert eventually(lambda: watched.links() == [Link.CONNECTED, Link.LOST])
            with pytest.raises(EngineUnreachable):
                engine.listed()
            with pytest.raises(EngineUnreachable):
                collect(engine, [identity])
        finally:
            podman.start()
        assert eventually(lambda: watched.links() == [Link.CONNECTED, Link.LOST, Link.CONNECTED])
        assert engine.inspect(identity)["State"]["Running"] is True
    assert watched.states[1][1], "a loss has a reason"


def test_the_connection_is_cut_between_two_requests(
    podman: Bench,
    tmp_path: Path,
) -> None:
    with RecordingProxy(podman.socket, tmp_path) as proxy:
        engine = open_engine(proxy.url)
        engine.listed()
        proxy.cut()
        assert isinstance(engine.listed(), tuple)
        engine.close()


def test_the_proxy_would_see_a_post(
    podman: Bench,
    tmp_path: Path,
) -> None:
    with RecordingProxy(podman.socket, tmp_path) as proxy:
        through = Bench.__new__(Bench)
        through.socket = proxy.socket
        through.post("/containers/prune")
    assert proxy.methods == {"POST"}


def test_a_record_answers_like_the_engine(
    podman: Bench,
    engine: Engine,
) -> None:
    with container(podman, "e-recorded") as identity:
        recording = RecordingConnection(engine.connection)
        live = Engine(engine.facts, lambda: recording)
        seen = (live.listed(), collect(live, [identity]))
    replayed = Engine(engine.facts, lambda: RecordedConnection(recording.answers))
    assert (replayed.listed(), collect(replayed, [identity])) == seen


def test_rootless(rootless_podman: Bench) -> None:
    engine = open_engine(rootless_podman.url)
    try:
        assert engine.facts.rootless is True
        assert engine.facts.label.startswith("rootless ")
        with container(rootless_podman, "e-rootless") as identity:
            assert identity in [row.id for row in engine.listed()]
            assert engine.inspect(identity)["State"]["Status"] == "running"
        assert engine.load_info().rootless is True
    finally:
        engine.close()


@pytest.mark.skipif(
    os.getuid() != 0,
    reason="another user's socket is only there for root",
)
def test_the_rootless_bench_is_another_user(rootless_podman: Bench) -> None:
    assert TEST_USER in rootless_podman.execute("id")
    assert re.search(r"uid=[1-9]", rootless_podman.execute("id"))


def test_a_bench_recovers_from_a_kill_and_leaves_nothing_behind() -> None:
    bench = Bench()
    try:
        bench.start()
        bench.image()
        bench.run(
            "left",
            "--network",
            "none",
            BUSYBOX,
            "sleep",
            "600",
        )
        for name in ("service", "holder"):
            record = bench.directory / f"{name}.pid"
            if record.exists():  # only root needs namespaces held
                os.kill(int(record.read_text().split()[0]), signal.SIGKILL)
        bench.start()
        assert BUSYBOX in bench.podman(
            "images",
            "--format",
            "{{.Repository}}:{{.Tag}}",
        )
        groups = bench.directory / "cgroups"
        made = groups.read_text().split() if groups.exists() else []
    finally:
        bench.stop()
    assert not bench.directory.exists()
    assert [group for group in made if Path(group).exists()] == []
    assert str(bench.directory) not in Path("/proc/mounts").read_text()


@pytest.fixture
def podman_wrapper(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """A `podman` that runs in the bench, so that a private service uses the bench's storage."""
    script = tmp_path / "podman"
    script.write_text(
        f'#!/bin/sh\nPATH={os.environ["PATH"]} exec {podman.directory}/enter podman "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return str(script)


def test_a_private_service_starts_and_ends_with_its_engine(podman_wrapper: str) -> None:
    service = PrivateService()
    assert PrivateService.possible()
    service.start()
    engine = service.engine()
    pid, directory = service.pid, Path(service.socket).parent
    assert directory.stat().st_mode & 0o777 == 0o700
    assert isinstance(engine.listed(), tuple)
    engine.close()
    assert eventually(lambda: not Path(f"/proc/{pid}").exists())
    assert not directory.exists()


def test_a_private_service_ends_when_we_are_killed(podman_wrapper: str) -> None:
    code = (
        "import threading, time\n"
        "from hardentui.engine.service import PrivateService\n"
        "service = PrivateService()\n"
        "thread = threading.Thread(target=service.start)\n"  # a worker that has ended when we die
        "thread.start(); thread.join(); time.sleep(0.3)\n"
        "service.engine().listed()\n"
        "print(service.pid, service.socket, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid, socket = process.stdout.readline().split()
        try:
            assert Path(f"/proc/{pid}").exists()
            process.send_signal(signal.SIGKILL)
            assert eventually(lambda: not Path(f"/proc/{pid}").exists())
        finally:
            shutil.rmtree(Path(socket).parent)  # nobody was left to do it
