"""Engines that answer nonsense, or stop answering: one kind of error each, and nothing hangs."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardentui.engine import shapes
from hardentui.engine.connection import UnixConnection
from hardentui.engine.events import Link, event, watch
from hardentui.engine.read import Engine, Gone, Inspected
from hardentui.engine.recorded import RecordedConnection
from hardentui.errors import EngineError, EngineProtocolError, EngineUnreachable, NotFound
from hardentui.model.facts import EngineFacts
from hardentui.model.known import Unread
from hardentui.model.podman_version import Version
from tests.support.hostile import CHUNKED, ByPath, Scripted, answer, chunk
from tests.support.waiting import eventually

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
ROW_KEYS = st.sampled_from(
    [
        "Id",
        "Names",
        "Image",
        "State",
        "Labels",
        "Created",
        "Pid",
        "StartedAt",
        "Networks",
    ]
)
DOCUMENT_KEYS = st.sampled_from(
    ["Id", "Name", "State", "Config", "HostConfig", "NetworkSettings", "Actor"]
)


def recorded(answers: Mapping[str, Any], **failures: str) -> Engine:
    connection = RecordedConnection(
        answers, {path.replace("_", "/"): text for path, text in failures.items()}
    )
    return Engine(EngineFacts(), lambda: connection)


def inspected(identity: str) -> dict[str, Any]:
    return {
        "Id": identity,
        "Name": f"name-{identity}",
        "State": {},
        "Config": {"Labels": None},
    }


@given(st.dictionaries(ROW_KEYS, JSON) | JSON)
def test_a_row_of_the_list_is_read_or_refused(value: Any) -> None:
    try:
        row = shapes.listed(value)
    except EngineProtocolError:
        return
    assert isinstance(row.id, str)
    assert row.id
    assert isinstance(row.name, str)
    assert isinstance(row.pid, int)
    assert all(isinstance(text, str) for pair in row.labels.items() for text in pair)


@given(st.dictionaries(DOCUMENT_KEYS, JSON) | JSON)
def test_an_inspect_document_is_safe_to_walk_or_refused(value: Any) -> None:
    try:
        document = shapes.container(
            value, value["Id"] if isinstance(value, dict) and "Id" in value else "x"
        )
    except EngineProtocolError:
        return
    for section in ("State", "Config", "HostConfig", "NetworkSettings"):
        (document.get(section) or {}).get("anything")


@given(JSON)
def test_an_event_is_read_or_refused(value: Any) -> None:
    for document in (
        value,
        {"Action": "start", "Type": "container", "Actor": value},
    ):
        try:
            result = event(document)
        except EngineProtocolError:
            continue
        assert result.id


@pytest.mark.parametrize(
    "garbage",
    [
        7,
        "x",
        {"a": 1},
        [7],
        [[]],
        [{}],
        [{"Id": 7, "Name": 7, "name": 7}],
    ],
)
def test_lists_that_are_none_are_protocol_errors(garbage: Any) -> None:
    answers = ("containers", "images", "networks", "volumes", "pods")
    engine = recorded(
        {
            f"/{name}/json" + ("?all=true" if name == "containers" else ""): garbage
            for name in answers
        }
        | {"/containers/x/changes": garbage, "/images/x/history": garbage}
    )
    looks: list[Callable[[], object]] = [
        engine.listed, engine.images, engine.networks, engine.volumes, engine.pods,
        lambda: engine.changes("x"), lambda: engine.history("x"),
    ]  # fmt: skip
    for look in looks:
        with pytest.raises(EngineProtocolError):
            look()


@pytest.mark.parametrize(
    "garbage",
    [
        7,
        [],
        {},
        {"Id": ""},
        {"Id": "x", "Name": "x", "Config": [1]},
    ],
)
def test_documents_that_are_none_are_protocol_errors(garbage: Any) -> None:
    engine = recorded(
        {
            "/containers/x/json": garbage,
            "/images/x/json": garbage,
            "/exec/x/json": [garbage],
            "/pods/x/json": [],
        }
    )
    for look in (
        engine.inspect,
        engine.image,
        engine.exec_session,
        engine.pod,
    ):
        with pytest.raises(EngineProtocolError):
            look("x")


def test_many_are_inspected_whatever_happens_to_single_ones() -> None:
    ids = [f"{number:02}" for number in range(40)]
    answers: dict[str, Any] = {f"/containers/{i}/json": inspected(i) for i in ids}
    del answers["/containers/03/json"]
    answers["/containers/04/json"] = ["garbage"]
    engine = recorded(answers, _containers_05_json="database is locked")
    results: dict[str, Inspected] = {}
    threads: set[int] = set()

    def keep(identity: str, result: Inspected) -> None:
        threads.add(threading.get_ident())
        results[identity] = result

    engine.inspect_many(ids, keep, threading.Event())
    assert sorted(results) == ids
    assert results["03"] == Gone()
    assert isinstance(results["04"], Unread)
    assert results["05"] == Unread("database is locked")
    assert results["06"] == inspected("06")
    assert threads == {threading.get_ident()}, "results are handed over in the caller's thread"


class Counted(RecordedConnection):
    """A record that keeps what it was asked for."""

    asked: ClassVar[list[str]] = []

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        self.asked.append(path)
        return super().get(path, query, timeout)


def shop(*ids: str) -> dict[str, Any]:
    return {
        "/containers/json?all=true": [
            {
                "Id": identity,
                "Names": [identity],
                "ImageID": "image",
            }
            for identity in ids
        ],
        "/images/json": [{"Id": "image"}],
        "/images/image/json": {"Id": "image"},
        "/networks/json": [{"name": "podman"}],
        "/volumes/json": None,
        **{f"/containers/{identity}/json": inspected(identity) for identity in ids},
    }


def test_what_was_begun_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counted, "asked", [])
    answers = shop("a", "b", "c")
    engine = Engine(EngineFacts(), lambda: Counted(answers))
    engine.begin()
    results: dict[str, Inspected] = {}
    listed = engine.listed()
    engine.inspect_many(
        [row.id for row in listed],
        results.__setitem__,
        threading.Event(),
    )
    assert [image["Id"] for image in engine.images()] == ["image"]
    assert engine.image("image")["Id"] == "image"
    assert [network["name"] for network in engine.networks()] == ["podman"]
    assert engine.volumes() == ()
    assert sorted(results) == ["a", "b", "c"]
    assert sorted(Counted.asked) == sorted(path.partition("?")[0] for path in answers)
    engine.image("image")
    assert Counted.asked.count("/images/image/json") == 2, (
        "an answer that was asked for ahead is told once"
    )


def test_what_was_begun_tells_its_errors_to_whom_asks() -> None:
    engine = recorded(
        {"/containers/json?all=true": []},
        _volumes_json="database is locked",
    )
    engine.begin()
    assert engine.listed() == ()
    with pytest.raises(EngineError, match="database is locked"):
        engine.volumes()
    with pytest.raises(NotFound):
        engine.networks()

    broken = recorded({"/containers/json?all=true": 7})
    broken.begin()
    with pytest.raises(EngineProtocolError):
        broken.listed()
    with pytest.raises(NotFound):
        broken.image("x")


def test_an_image_that_is_never_told_keeps_no_container_back(tmp_path: Path) -> None:
    listed = answer(
        json.dumps(
            [
                {
                    "Id": identity,
                    "Names": [identity],
                    "ImageID": "image",
                }
                for identity in "ab"
            ]
        ).encode()
    )
    by_path: dict[str, list[bytes | float | str]] = {
        "/containers/json": [listed],
        "/images/image/json": [Scripted.HANG],
        "/containers/a/json": [answer(json.dumps(inspected("a")).encode())],
        "/containers/b/json": [answer(json.dumps(inspected("b")).encode())],
    }
    with ByPath(tmp_path, by_path, [answer(b"[]")]) as server:
        engine = Engine(EngineFacts(), lambda: UnixConnection(server.path, timeout=0.3))
        engine.begin()
        answers: dict[str, Inspected] = {}
        ids = [row.id for row in engine.listed()]
        engine.inspect_many(
            ids,
            answers.__setitem__,
            threading.Event(),
        )
        assert sorted(answers) == ["a", "b"]
        with pytest.raises(EngineUnreachable, match="in time"):
            engine.image("image")
        engine.close()


def test_documents_are_understood_by_several_threads_at_once() -> None:
    """msgspec crashed the process when two threads met a class for the first time."""
    code = """
import sys, threading
sys.setswitchinterval(1e-6)
from hardentui.engine import shapes
gate = threading.Barrier(4)
def first():
    gate.wait()
    shapes.container({"Id": "a", "Name": "b", "HostConfig": {"Ulimits": [{"Name": "x"}]}}, "a")
threads = [threading.Thread(target=first) for _ in range(4)]
for one in threads: one.start()
for one in threads: one.join()
"""
    for _ in range(5):
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            timeout=60,
        )


def test_the_stop_sign_ends_a_scan_of_an_engine_that_hangs(tmp_path: Path) -> None:
    with Scripted(
        tmp_path, [answer(json.dumps(inspected("a")).encode())], [Scripted.HANG]
    ) as server:
        engine = Engine(EngineFacts(), lambda: UnixConnection(server.path))
        stop = threading.Event()
        threading.Timer(0.3, stop.set).start()
        seen: list[str] = []
        started = monotonic()
        engine.inspect_many(
            "abcdef",
            lambda identity, _: seen.append(identity),
            stop,
        )
        assert monotonic() - started < 50
        assert len(seen) == 1
        assert eventually(lambda: not scanning()), "the workers were left waiting"
        engine.close()


def scanning() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "hardentui-inspect"]


def test_an_engine_that_goes_away_ends_a_scan_with_one_error(tmp_path: Path) -> None:
    script = [answer(json.dumps(inspected("a")).encode())]
    with Scripted(
        tmp_path,
        script,
        script,
        [Scripted.CLOSE],
    ) as server:
        engine = Engine(EngineFacts(), lambda: UnixConnection(server.path))
        seen: list[str] = []
        with pytest.raises(EngineUnreachable):
            engine.inspect_many(
                [str(i) for i in range(9)], lambda i, _: seen.append(i), threading.Event()
            )
        engine.close()
    assert len(seen) <= 2
    assert len(server.requests) < 9


INFO: dict[str, Any] = {
    "host": {
        "security": {"rootless": True, "capabilities": "CAP_CHOWN, cap_kill"},
        "kernel": "0.0-other",
    },
    "version": {"Version": "5.8.1"},
}


def test_info_refines_facts() -> None:
    engine = recorded({"/info": INFO})
    facts = engine.load_info()
    assert facts.rootless is True
    assert facts.default_capabilities == {"CAP_CHOWN", "CAP_KILL"}
    assert facts.version == Version(5, 8, 1)
    assert facts.info == INFO
    assert not facts.local, "another kernel is another machine"


@pytest.mark.parametrize(
    "info",
    [
        None,
        [],
        {},
        {"host": 7},
        {"host": {}},
        {"host": {"security": {}}, "version": {"Version": "x"}},
    ],
)
def test_info_that_fails_leaves_the_facts_and_says_why(info: Any) -> None:
    engine = recorded({"/info": info})
    before = engine.facts
    facts = engine.load_info()
    with pytest.raises(Unread, match=r"^Podman's info failed: ") as unread:
        assert facts.info
    assert facts == before.replace(info=Unread(unread.value.reason))


# --- events ---


def podman_event(action: str, name: str = "web") -> dict[str, Any]:
    actor = {"ID": "1" * 64, "Attributes": {"name": name}}
    return {
        "Action": action,
        "Type": "container",
        "Actor": actor,
        "timeNano": 1_500_000_000_000_000_000,
    }


def test_a_watch_reports_loss_once_and_its_end(tmp_path: Path) -> None:
    line = chunk(json.dumps(podman_event("start")).encode() + b"\n")
    scripts: list[list[bytes | float | str]] = [
        [CHUNKED, line, Scripted.CLOSE],
        [Scripted.CLOSE],
        [CHUNKED, line, Scripted.HANG],
    ]
    with Scripted(tmp_path, *scripts) as server:
        engine = Engine(EngineFacts(), lambda: UnixConnection(server.path))
        stop = threading.Event()
        actions: list[str] = []
        states: list[Link] = []
        thread = threading.Thread(
            target=watch,
            args=(
                engine,
                lambda batch: actions.extend(event.action for event in batch),
                lambda link, _: states.append(link),
                stop,
            ),
        )
        thread.start()
        assert eventually(lambda: len(states) == 3 and len(actions) == 2)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
        engine.close()
    assert states == [Link.CONNECTED, Link.LOST, Link.CONNECTED]
    assert b"filters=%7B%22type%22%3A%20%5B%22container%22%5D%7D" in server.requests[0]


def test_garbage_in_the_event_stream_is_a_loss_with_a_reason(tmp_path: Path) -> None:
    with Scripted(tmp_path, [CHUNKED, chunk(b"7\n"), Scripted.HANG]) as server:
        engine = Engine(EngineFacts(), lambda: UnixConnection(server.path))
        stop = threading.Event()
        states: list[tuple[Link, str]] = []

        def note(link: Link, reason: str) -> None:
            states.append((link, reason))
            if link is Link.LOST:
                stop.set()

        watch(
            engine,
            lambda _: pytest.fail("no event came"),
            note,
            stop,
        )
        engine.close()
    assert states[1] == (
        Link.LOST,
        "Podman's answer for an event is not an object.",
    )
