"""`hardentui watch` on a real Podman: what happens in the container is seen from outside."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hardentui.engine.logs import past_events
from hardentui.features.views import Selection
from hardentui.features.watch import Monitor
from hardentui.features.workbench import Workbench
from hardentui.model.monitoring import Sample
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui, told
from tests.support.waiting import eventually

pytestmark = pytest.mark.live
NAME = "watched"
LOOP = (
    'while true; do echo "DB_PASSWORD=hunter2-live"; printf "err \\033[31m\\n" >&2; sleep 1; done'
)


@pytest.fixture
def watched(
    podman: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    podman.run(
        NAME,
        "--memory",
        "64m",
        "--pids-limit",
        "30",
        BUSYBOX,
        "sh",
        "-c",
        LOOP,
    )
    yield podman
    podman.remove(NAME)


def look(bench: Bench, *words: str, ends: int | None = None) -> Any:
    return told(
        "watch",
        NAME,
        "--once",
        "--url",
        bench.url,
        *words,
        ends=ends,
    )


def ids(sample: Any) -> set[str]:
    return {alarm["id"] for alarm in sample["alarms"]}


def test_what_a_look_tells_is_what_the_kernel_says(watched: Bench) -> None:
    sample: Any = {}

    def complete() -> bool:
        """It has written to its log, and the look was not in the moment between two of its
        programs."""
        nonlocal sample
        sample = look(watched)
        return len(sample["log"]) > 1 and sample["usage"]["tasks"] == len(sample["processes"]) == 2

    assert eventually(complete), sample
    assert sample["schema"] == "hardentui/watch/1"
    assert sample["state"] == "running"
    usage = sample["usage"]
    assert (usage["memory_limit"], usage["tasks_limit"]) == (64 << 20, 30)
    assert 0 < usage["memory"] < 64 << 20
    assert usage["cpu_percent"] is not None
    assert usage["cpu_percent"] < 100
    texts = {line["text"] for line in sample["log"]}
    assert "DB_PASSWORD=(withheld)" in texts, "the log is there, without its secret"
    assert {line["stream"] for line in sample["log"]} == {"stdout", "stderr"}
    assert "start" in {event["action"] for event in sample["events"]}


def test_a_break_in_is_noticed(watched: Bench) -> None:
    before = look(watched, "--fail-on", "high")
    assert not ids(before) & {"drifted-files", "unexpected-process", "event-exec"}, before["alarms"]
    watched.podman(
        "exec",
        "-d",
        NAME,
        "sh",
        "-c",
        "echo x > /etc/evil; nc -l -p 4444",
    )
    assert eventually(lambda: 4444 in {port["port"] for port in look(watched)["listening"]})
    after = look(watched, "--fail-on", "medium", ends=1)
    assert {"drifted-files", "unexpected-process"} <= ids(after)
    assert after["changed_paths"] > 0


def test_memory_and_its_killer_are_told(watched: Bench) -> None:
    watched.remove(NAME)
    fill = "while true; do x=$x$x$x.; done & wait"
    watched.run(
        NAME,
        "--memory",
        "16m",
        "--memory-swap",
        "16m",
        BUSYBOX,
        "sh",
        "-c",
        f"sleep 1; {fill}; sleep 99",
    )

    def killed() -> bool:
        return bool(ids(look(watched)) & {"out-of-memory", "not-running"})

    assert eventually(killed)
    look(watched, ends=1)


def test_a_stopped_container_is_an_alarm(watched: Bench) -> None:
    watched.podman("stop", "-t", "0", NAME)
    assert "not-running" in ids(look(watched, ends=1))


def test_watching_ends_at_once_and_leaves_nothing(watched: Bench) -> None:
    bench = Workbench.open(Selection(url=watched.url))
    try:
        (key,) = (row.key for row in bench.containers.rows() if row.name == NAME)
        stop = threading.Event()
        samples: list[Sample] = []
        thread = threading.Thread(
            target=lambda: Monitor(bench, key).watch(
                samples.append,
                stop,
                interval=0.5,
            )
        )
        thread.start()
        assert eventually(lambda: len(samples) >= 3)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
    finally:
        bench.close()
    assert all(sample.usage.cpu_percent is not None for sample in samples)
    assert all(sample.time <= other.time for sample, other in pairwise(samples))
    sessions = watched.get(f"/containers/{NAME}/json")["ExecIDs"]
    assert not sessions, "nothing is executed in the container"


def test_the_live_view_ends_after_its_time(watched: Bench) -> None:
    began = time.monotonic()
    words = ["--interval", "0.5", "--for", "2", "--fail-on", "critical", "--format", "json"]
    lines = hardentui(
        "watch",
        NAME,
        "--url",
        watched.url,
        *words,
        ends=0,
    ).stdout.splitlines()
    assert time.monotonic() - began < 20
    assert len(lines) >= 2
    assert all(json.loads(line)["container"] == NAME for line in lines)


def test_a_rootless_container_is_watched_too(rootless_podman: Bench) -> None:
    rootless_podman.run(
        NAME,
        BUSYBOX,
        "sh",
        "-c",
        LOOP,
    )
    try:
        sample = look(rootless_podman)
        assert sample["usage"]["tasks"] >= 1
        assert sample["processes"]
    finally:
        rootless_podman.remove(NAME)


def test_a_long_record_of_events_hides_none(podman: Bench) -> None:
    """With an end that is near, Podman stops reading its file of events in the middle."""
    podman.run("told", BUSYBOX, "sleep", "1000")
    record = podman.directory / "tmp" / "events" / "events.log"
    line = json.loads(record.read_text().splitlines()[-1])
    line["ID"] = "f" * 64
    with record.open("a") as file:
        while file.tell() < 900_000:  # from a megabyte on, Podman drops the older half
            file.write(f"{json.dumps(line)}\n")
    opened = Workbench.open(Selection(url=podman.url))
    try:
        podman.podman("exec", "told", "true")
        engine = opened.opened.engines[0]
        for _ in range(5):
            time.sleep(
                (0.985 - time.time()) % 1
            )  # less than the file takes before the second is over
            told = past_events(
                engine, {"container": ["told"]}, time.time() - 60, threading.Event(), most=3000
            )
            assert isinstance(told, tuple)
            assert "exec" in {event.action for event in told}
    finally:
        opened.close()
        podman.remove("told")
