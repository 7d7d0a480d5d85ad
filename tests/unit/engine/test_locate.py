"""Where Podman is looked for, in which order, and what is said when it is not there."""

import json
from pathlib import Path

import pytest

from hardentui.engine.locate import (
    Candidate,
    Environment,
    candidates,
    connections,
    known_candidates,
)
from hardentui.engine.probe import NoAnswer, no_engine, probe, probe_all
from hardentui.engine.read import Engine
from hardentui.errors import InputError
from hardentui.model.facts import EngineFacts
from tests.support.hostile import Scripted, answer

CONNECTIONS = "/home/anna/.config/containers/podman-connections.json"
PROD = "ssh://core@prod:2222/run/user/1000/podman/podman.sock"


def environment(
    files: dict[str, str] | None = None,
    uid: int = 1000,
    drop_ins: tuple[str, ...] = (),
    /,
    **environ: str,
) -> Environment:
    return Environment(
        environ,
        uid,
        "/home/anna",
        read=(files or {}).get,
        files=lambda directory: (
            drop_ins if directory == "/etc/containers/containers.conf.d" else ()
        ),
    )


def named(default: str = "prod") -> dict[str, str]:
    text = {
        "Connection": {
            "Default": default,
            "Connections": {
                "prod": {"URI": PROD, "Identity": "/home/anna/.ssh/prod"},
                "here": {"URI": "unix:///srv/podman.sock"},
            },
        }
    }
    return {CONNECTIONS: json.dumps(text)}


def urls(places: tuple[Candidate, ...]) -> list[str]:
    return [candidate.url for candidate in places]


def test_without_a_word_the_sockets_of_the_user_and_of_root_are_tried_in_order() -> None:
    result = candidates(environment(XDG_RUNTIME_DIR="/run/user/7/"))
    assert urls(result) == [
        "unix:///run/user/7/podman/podman.sock",
        "unix:///run/user/1000/podman/podman.sock",
        "unix:///run/podman/podman.sock",
    ]


@pytest.mark.parametrize(
    ("url", "connection", "variables", "options"),
    [
        ("", "", {}, ()),
        ("/srv/x.sock", "", {}, ("--url", "unix:///srv/x.sock")),
        (PROD, "", {}, ("--url", PROD)),
        ("", "prod", {}, ("--connection", "prod")),
        ("", "here", {}, ("--url", "unix:///srv/podman.sock")),
        (
            "",
            "",
            {"CONTAINER_HOST": "unix:///srv/y.sock"},
            ("--url", "unix:///srv/y.sock"),
        ),
        (
            "",
            "",
            {"CONTAINER_CONNECTION": "prod"},
            ("--connection", "prod"),
        ),
    ],
)
def test_a_place_that_was_named_is_found_again_with_its_name(
    url: str,
    connection: str,
    variables: dict[str, str],
    options: tuple[str, ...],
) -> None:
    places = candidates(
        environment(named(), **variables),
        url,
        connection,
    )
    assert {place.found_with for place in places} == {options}


def test_the_default_connection_comes_before_the_sockets() -> None:
    result = candidates(environment(named()))
    assert result[0] == Candidate(
        "prod",
        PROD,
        "connection prod",
        "/home/anna/.ssh/prod",
    )
    assert urls(result)[1:] == [
        "unix:///run/user/1000/podman/podman.sock",
        "unix:///run/podman/podman.sock",
    ]


@pytest.mark.parametrize(
    ("url", "connection", "environ", "expected", "origin"),
    [
        (
            "unix:///u",
            "here",
            {"CONTAINER_HOST": "unix:///h"},
            "unix:///u",
            "--url",
        ),
        ("/plain/path", "", {}, "unix:///plain/path", "--url"),
        (
            "",
            "here",
            {"CONTAINER_HOST": "unix:///h"},
            "unix:///srv/podman.sock",
            "connection here",
        ),
        (
            "",
            "",
            {"CONTAINER_HOST": "unix:///h", "CONTAINER_CONNECTION": "here"},
            "unix:///h",
            "$CONTAINER_HOST",
        ),
        (
            "",
            "",
            {"CONTAINER_CONNECTION": "here"},
            "unix:///srv/podman.sock",
            "connection here",
        ),
    ],
)
def test_a_place_that_was_named_is_the_only_one(
    url: str,
    connection: str,
    environ: dict[str, str],
    expected: str,
    origin: str,
) -> None:
    (result,) = candidates(
        environment(named(), **environ),
        url,
        connection,
    )
    assert (result.url, result.origin) == (expected, origin)


def test_an_unknown_connection_is_an_input_error_that_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="no connection called 'prd␛'") as caught:
        candidates(environment(named()), connection="prd\x1b")
    assert "here, prod" in caught.value.hint


def test_root_behind_sudo_also_looks_at_that_users_socket() -> None:
    result = candidates(
        environment(
            None,
            0,
            SUDO_UID="1234",
            XDG_RUNTIME_DIR="/run/user/0",
        )
    )
    assert urls(result) == [
        "unix:///run/user/1234/podman/podman.sock",
        "unix:///run/podman/podman.sock",
    ]


@pytest.mark.parametrize("sudo_uid", ["0", "", "../../x", "-1", "²"])
def test_a_strange_sudo_uid_is_not_used(sudo_uid: str) -> None:
    assert urls(candidates(environment(None, 0, SUDO_UID=sudo_uid))) == [
        "unix:///run/podman/podman.sock"
    ]


def test_containers_conf_is_read_in_its_order_and_the_json_file_wins() -> None:
    old = (
        '[engine]\nactive_service = "old"\n[engine.service_destinations.{0}]\nuri = "unix:///{1}"\n'
    )
    files = {
        "/etc/containers/containers.conf": old.format("old", "first"),
        "/etc/containers/containers.conf.d/10-x.conf": old.format("old", "second"),
        "/etc/containers/containers.conf.d/20-readme.txt": old.format("old", "never"),
        "/home/anna/.config/containers/containers.conf": old.format("prod", "hidden"),
        **named(default=""),
    }
    known, default = connections(environment(files, 1000, ("10-x.conf", "20-readme.txt")))
    assert {name: candidate.url for name, candidate in known.items()} == {
        "old": "unix:///second",
        "prod": PROD,
        "here": "unix:///srv/podman.sock",
    }
    assert default == "old"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"Connection": []}',
        '{"Connection": {"Default": 7, "Connections": []}}',
        '{"Connection": {"Default": "x", "Connections": {"x": 7}}}',
        '{"Connection": {"Default": "x", "Connections": {"x": {"URI": null}}}}',
        "[" * 100_000,
    ],
)
def test_a_broken_connections_file_names_no_connection(text: str) -> None:
    assert connections(environment({CONNECTIONS: text}))[0] == {}


PING = answer(
    b"OK",
    "200 OK",
    "Libpod-Api-Version: 5.4.2",
    "Server: Libpod/5.4.2 (linux)",
)


def at(path: str) -> Candidate:
    return Candidate("", f"unix://{path}", "test")


def test_a_socket_that_answers_is_an_engine(tmp_path: Path) -> None:
    with Scripted(tmp_path, [PING], [answer(b"[]")]) as server:
        engine = probe(at(server.path))
        assert isinstance(engine, Engine)
        assert (str(engine.facts.version), engine.facts.local) == ("5.4.2", True)
        assert engine.listed() == ()
        engine.close()
    assert server.connections == 1, "the connection that was pinged is used on"


@pytest.mark.parametrize(
    ("scripted", "said"),
    [
        (
            answer(b'{"message":"page not found"}', "404 Not Found"),
            "Docker answers there",
        ),  # Docker 26.1
        (answer(b"no such page", "404 Not Found"), "not Podman"),
        (answer(b"OK"), "not Podman"),
        (
            answer(b"OK", "200 OK", "Libpod-Api-Version: latest"),
            "not Podman",
        ),
    ],
)
def test_something_else_at_the_socket_is_said_to_be_no_podman(
    tmp_path: Path,
    scripted: bytes,
    said: str,
) -> None:
    with Scripted(tmp_path, [scripted]) as server:
        result = probe(at(server.path))
    assert isinstance(result, NoAnswer)
    assert said in result.reason


def test_docker_s_socket_is_tried_last_where_there_is_one() -> None:
    here = Environment(
        uid=0, files=lambda path: ("docker.sock", "podman") if path == "/run" else ()
    )
    assert urls(candidates(here)) == ["unix:///run/podman/podman.sock", "unix:///run/docker.sock"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("tcp://127.0.0.1:8080", "not supported, because it is unprotected"),
        ("ftp://x", "not a supported address"),
        ("nonsense\x1b[2J", "nonsense␛[2J is not a supported address"),
        ("unix://relative", "needs an absolute path"),
        ("ssh://host", "does not say where"),
        ("ssh://-oProxyCommand=x/run/p.sock", "has no usable host"),
        ("ssh://anna:secret@host/run/p.sock", "password"),
        ("ssh://host/run/%25h/$HOME:x", "does not say where"),
        ("ssh://host:99999/run/p.sock", "not an ssh address"),
    ],
)
def test_an_address_that_cannot_be_used_says_why(
    url: str,
    said: str,
) -> None:
    result = probe(Candidate("", url, "--url"))
    assert isinstance(result, NoAnswer)
    assert said in result.reason
    assert result.hint
    assert "secret" not in result.reason + result.hint


def test_one_socket_under_two_names_is_one_engine(tmp_path: Path) -> None:
    with Scripted(tmp_path, [PING]) as server:
        link = tmp_path / "link.sock"
        link.symlink_to(server.path)
        engines, attempts = probe_all(
            [
                at(server.path),
                at(str(link)),
                at(str(tmp_path / "none")),
            ]
        )
        assert [engine.facts.url for engine in engines] == [f"unix://{server.path}"]
        for engine in engines:
            engine.close()
    (attempt,) = attempts
    assert "absent" in attempt.reason


def test_no_engine_lists_what_was_tried_in_order(tmp_path: Path) -> None:
    _, attempts = probe_all(
        [
            at(str(tmp_path / "a")),
            Candidate("", "tcp://x", "$CONTAINER_HOST"),
        ]
    )
    error = no_engine(attempts)
    assert error.exit_code == 3
    assert error.hint.index("/a (absent)") < error.hint.index("$CONTAINER_HOST: Podman over TCP")
    assert f"podman system service --time=0 unix://{tmp_path}/a" in error.hint


def test_a_user_may_choose_every_connection_and_the_usual_sockets_each_once() -> None:
    here = environment(
        named(), XDG_RUNTIME_DIR="/run/user/1000", CONTAINER_HOST="tcp://elsewhere:1"
    )
    assert [(name, candidate.url) for name, candidate in known_candidates(here)] == [
        ("here", "unix:///srv/podman.sock"),
        ("prod", PROD),
        ("", "unix:///run/user/1000/podman/podman.sock"),
        ("", "unix:///run/podman/podman.sock"),
    ]


def test_in_a_container_the_sockets_of_the_host_come_last() -> None:
    inside = Environment(
        {},
        0,
        host_roots=("/proc/1/root", "/run/host"),
    )
    assert urls(candidates(inside)) == [
        "unix:///run/podman/podman.sock",
        "unix:///proc/1/root/run/podman/podman.sock",
        "unix:///run/host/run/podman/podman.sock",
    ]
    assert (
        EngineFacts(url="unix:///run/host/run/podman/podman.sock").socket
        == "/run/podman/podman.sock"
    )
    assert EngineFacts(url="ssh://core@prod/run/podman/podman.sock").socket == ""
