"""The reader of HTTP answers against servers that break every rule."""

import json
import os
import threading
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from hardentui.engine.connection import Request, UnixConnection
from hardentui.engine.recorded import RecordedConnection, RecordingConnection
from hardentui.engine.target import segment, target
from hardentui.errors import (
    EngineDenied,
    EngineError,
    EngineProtocolError,
    EngineUnreachable,
    NotFound,
)
from tests.support.hostile import CHUNKED, Scripted, answer, chunk
from tests.support.waiting import eventually

OK = answer(b'{"ok": true}')


def test_a_kept_alive_connection_carries_many_requests(tmp_path: Path) -> None:
    with Scripted(tmp_path, [OK]) as server:
        connection = UnixConnection(server.path)
        assert [
            connection.get("/a"),
            connection.get("/b", {"z": "1", "all": "a b"}),
        ] == [{"ok": True}] * 2
        connection.close()
    assert server.connections == 1
    assert server.requests[1] == b"GET /v5.0.0/libpod/b?all=a%20b&z=1 HTTP/1.1\r\nHost: d\r\n\r\n"


def test_chunks_are_put_together_wherever_they_are_cut(tmp_path: Path) -> None:
    text = json.dumps({"names": ["ä" * 50] * 20}).encode()
    whole = CHUNKED + chunk(text[:7]) + chunk(text[7:]) + b"0\r\nTrailer: x\r\n\r\n"
    single = [whole[i : i + 1] for i in range(len(whole))]
    with Scripted(tmp_path, single, [OK]) as server:
        connection = UnixConnection(server.path)
        assert connection.get("/a") == json.loads(text)
        assert connection.get("/b") == {"ok": True}, "the trailer was read to its end"
        connection.close()
    assert server.connections == 1


@pytest.mark.parametrize(
    "answered",
    [
        b"\x00\xff\xfe garbage\r\n\r\n",
        b"SSH-2.0-OpenSSH_10\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x10\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"-5\r\nhello",
        CHUNKED + b"7fffffffff\r\n",
        CHUNKED + b"2\r\n{}}\r\n0\r\n\r\n",
        answer(b"not json"),
        answer(b'"\xff"'),
        answer(b"[" * 200_000),
        answer(b"", "302 Found", "Location: /x"),
        answer(b"", "101 Switching Protocols"),
    ],
)
def test_garbage_is_a_protocol_error_and_the_next_request_starts_afresh(
    tmp_path: Path,
    answered: bytes,
) -> None:
    with Scripted(tmp_path, [answered, Scripted.CLOSE], [OK]) as server:
        connection = UnixConnection(server.path, timeout=5)
        with pytest.raises(EngineProtocolError):
            connection.get("/a")
        assert connection.get("/b") == {"ok": True}
        connection.close()


def test_the_size_of_an_answer_is_bounded_however_it_is_sent(tmp_path: Path) -> None:
    big = b'"' + b"a" * 3_000_000 + b'"'
    plain = b"HTTP/1.1 200 OK\r\n\r\n" + big
    chunked = CHUNKED + chunk(big[:100_000]) * 30
    for number, script in enumerate((answer(big), plain, chunked)):
        directory = tmp_path / str(number)
        directory.mkdir()
        with Scripted(directory, [script, Scripted.CLOSE]) as server:
            connection = UnixConnection(server.path, size_limit=1 << 20)
            with pytest.raises(EngineProtocolError, match="larger than 1 MiB"):
                connection.get("/a")
            connection.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        answer(b"[1, 2, 3]")[:-4],
        CHUNKED + b"5\r\n[1",
    ],
)
def test_half_an_answer_is_unreachable_and_not_asked_for_twice(
    tmp_path: Path,
    sent: bytes,
) -> None:
    with Scripted(tmp_path, [sent, Scripted.CLOSE]) as server:
        connection = UnixConnection(server.path)
        with pytest.raises(EngineUnreachable, match="lost"):
            connection.get("/a")
        connection.close()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "start",
    [[], [b"HTTP/1.1 200 OK\r\n"], [OK[:-3]]],
)
def test_a_server_that_hangs_is_given_up_after_the_time_limit(
    tmp_path: Path,
    start: list[bytes],
) -> None:
    with Scripted(tmp_path, [*start, Scripted.HANG]) as server:
        connection = UnixConnection(server.path)
        started = monotonic()
        with pytest.raises(EngineUnreachable, match="timed out"):
            connection.get("/a", timeout=0.3)
        assert 0.25 < monotonic() - started < 50
        connection.close()


def test_close_wakes_a_request_that_waits(tmp_path: Path) -> None:
    with Scripted(tmp_path, [OK], [Scripted.HANG]) as server:
        connection = UnixConnection(server.path)
        connection.get("/first")
        failed: list[BaseException] = []

        def wait() -> None:
            try:
                connection.get("/hangs")
            except EngineUnreachable as error:
                failed.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        assert eventually(lambda: len(server.requests) == 2)
        connection.close()
        thread.join(10)
        assert len(failed) == 1
    assert len(server.requests) == 2, "a request that was given up is not sent again"


def test_podmans_own_message_is_told_with_nothing_that_a_terminal_acts_on(tmp_path: Path) -> None:
    body = json.dumps(
        {
            "cause": "x",
            "message": "no such \x1b]0;owned\x07 thing\nline",
            "response": 500,
        }
    ).encode()
    with Scripted(tmp_path, [answer(body, "500 Internal Server Error")]) as server:
        connection = UnixConnection(server.path)
        with pytest.raises(EngineError) as caught:
            connection.get("/a")
        connection.close()
    assert type(caught.value) is EngineError
    assert caught.value.title == "no such ␛]0;owned␇ thing␊line"


@pytest.mark.parametrize(
    "body", [b'{"message": "no such container"}', b"Not Found", b"[]", b'{"message": 7}']
)
def test_404_is_not_found(tmp_path: Path, body: bytes) -> None:
    with Scripted(tmp_path, [answer(body, "404 Not Found")]) as server:
        connection = UnixConnection(server.path)
        with pytest.raises(NotFound, match=r"no such container|status 404"):
            connection.get("/a")
        connection.close()
    assert server.connections == 1


def test_absent_refused_and_too_long_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(EngineUnreachable, match="absent") as absent:
        UnixConnection("/run/podman/none.sock").ping()
    assert "systemctl enable --now podman.socket" in absent.value.hint
    assert ("sudo " in absent.value.hint) is (os.geteuid() != 0)
    with pytest.raises(EngineUnreachable) as absent:
        UnixConnection(f"{tmp_path}/podman/podman.sock").ping()
    assert "systemctl --user enable --now podman.socket" in absent.value.hint
    with pytest.raises(EngineUnreachable) as absent:
        UnixConnection(f"{tmp_path}/mine.sock").ping()
    assert f"podman system service --time=0 unix://{tmp_path}/mine.sock" in absent.value.hint
    plain = tmp_path / "file"
    plain.touch()
    with pytest.raises(EngineUnreachable, match="refused"):
        UnixConnection(str(plain)).ping()
    with pytest.raises(EngineUnreachable, match="too long"):
        UnixConnection("/" + "a" * 200).ping()


def test_no_permission_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    connection = UnixConnection(str(tmp_path / "sock"))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(connection, "_connect", refuse)
    with pytest.raises(EngineDenied, match="permission denied") as caught:
        connection.ping()
    assert "sudo" in caught.value.hint
    assert "rootless" in caught.value.hint


def test_the_listener_is_told_every_request(tmp_path: Path) -> None:
    seen: list[Request] = []
    with Scripted(
        tmp_path,
        [OK],
        [answer(b"{}", "404 Not Found")],
        [Scripted.CLOSE],
    ) as server:
        connection = UnixConnection(server.path, listener=seen.append)
        connection.get("/a", {"all": "true"})
        for expected in (NotFound, EngineUnreachable):
            with pytest.raises(expected):
                connection.get("/b")
        connection.close()
    assert [(r.method, r.target, r.status) for r in seen] == [
        ("GET", "/v5.0.0/libpod/a?all=true", 200),
        ("GET", "/v5.0.0/libpod/b", 404),
        ("GET", "/v5.0.0/libpod/b", 0),
    ]
    assert all(0 <= request.seconds < 10 for request in seen)


@pytest.mark.parametrize(
    "name",
    [
        "../../containers/json",
        "a b",
        "a\r\nX: y",
        "a?b=c",
        "a#b",
        "ä",
        "\ud800",
        "%00",
    ],
)
def test_a_segment_stays_one_segment(name: str) -> None:
    quoted = segment(name)
    assert quoted.isascii()
    assert not set(quoted) & set("/?# \r\n\x00")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_no_object_is_called_like_a_step_in_a_path(name: str) -> None:
    with pytest.raises(NotFound):
        segment(name)


@pytest.mark.parametrize(
    "path",
    ["/a b", "/a\r\nDELETE /b HTTP/1.1", "a", "/ä", ""],
)
def test_a_path_that_was_not_quoted_is_never_sent(
    tmp_path: Path,
    path: str,
) -> None:
    with Scripted(tmp_path, [OK]) as server:
        connection = UnixConnection(server.path)
        with pytest.raises(ValueError, match="segment"):
            connection.get(path)
        connection.close()
    assert server.requests == []


def test_a_stream_gives_whole_lines_however_they_are_chunked(tmp_path: Path) -> None:
    pieces = [
        CHUNKED,
        chunk(b'{"n": 1}\n{"n"'),
        chunk(b': 2}\n\n{"n": 3'),
        chunk(b"}\n"),
        b"0\r\n\r\n",
    ]
    bytewise = [byte for piece in pieces for byte in (piece[i : i + 1] for i in range(len(piece)))]
    for number, script in enumerate((pieces, bytewise)):
        directory = tmp_path / str(number)
        directory.mkdir()
        with Scripted(directory, script) as server:
            items = list(
                UnixConnection(server.path).stream(
                    "/events",
                    None,
                    threading.Event(),
                    tick=5,
                )
            )
        assert items == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_a_quiet_stream_ticks_and_ends_at_the_stop_sign(tmp_path: Path) -> None:
    stop = threading.Event()
    with Scripted(tmp_path, [CHUNKED, Scripted.HANG]) as server:
        stream = UnixConnection(server.path).stream(
            "/events",
            None,
            stop,
            tick=0.05,
        )
        assert [next(stream), next(stream)] == [None, None]
        stop.set()
        started = monotonic()
        assert [item for item in stream if item is not None] == []
        assert monotonic() - started < 50


def test_a_record_is_found_whatever_the_order_of_the_query() -> None:
    assert target("/a", {"b": "1", "a": "2"}) == "/a?a=2&b=1"
    recorded = RecordedConnection({"/a?a=2&b=1": [1], "/plain": None})
    assert recorded.get("/a", {"b": "1", "a": "2"}) == [1]
    assert recorded.get("/plain") is None
    with pytest.raises(NotFound, match="not in the record"):
        recorded.get("/a")


def test_a_recording_keeps_answers_and_failures(tmp_path: Path) -> None:
    failure = answer(b'{"message": "broken"}', "500 Internal Server Error")
    missing = answer(b"{}", "404 Not Found")
    with Scripted(
        tmp_path, [OK], [failure], [missing], [answer(b"OK", "200 OK", "Server: Libpod")]
    ) as server:
        recording = RecordingConnection(UnixConnection(server.path))
        recording.get("/good", {"all": "true"})
        with pytest.raises(EngineError):
            recording.get("/bad")
        with pytest.raises(NotFound):
            recording.get("/gone")
        recording.ping()
        recording.close()
    replayed = RecordedConnection(
        json.loads(json.dumps(recording.answers)),
        recording.failures,
    )
    assert replayed.get("/good", {"all": "true"}) == {"ok": True}
    assert replayed.ping()["server"] == "Libpod"
    with pytest.raises(EngineError, match="broken"):
        replayed.get("/bad")
    with pytest.raises(NotFound):
        replayed.get("/gone")


def ask_many(connection: UnixConnection, *paths: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    connection.get_many(paths, result.__setitem__)
    return result


def test_one_error_among_many_keeps_nothing_back(tmp_path: Path) -> None:
    missing = answer(b'{"message": "no such container"}', "404 Not Found")
    with Scripted(
        tmp_path,
        [OK],
        [missing],
        [answer(b"not json")],
        [OK],
    ) as server:
        connection = UnixConnection(server.path)
        result = ask_many(connection, "/a", "/b", "/c", "/d")
        connection.close()
    assert [type(answer) for answer in result.values()] == [
        dict,
        NotFound,
        EngineProtocolError,
        dict,
    ]
    assert server.connections == 1


def test_what_was_sent_on_a_socket_that_broke_is_asked_for_again(tmp_path: Path) -> None:
    with Scripted(
        tmp_path,
        [OK],
        [OK, Scripted.CLOSE],
        [OK],
    ) as server:
        connection = UnixConnection(server.path)
        result = ask_many(connection, *["/a", "/b", "/c", "/d", "/e"])
        connection.close()
    assert result == {path: {"ok": True} for path in ["/a", "/b", "/c", "/d", "/e"]}
    assert server.connections == 2
