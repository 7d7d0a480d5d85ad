"""Docker's documents, recorded from Docker 26.1, read as Podman's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from hardentui.engine.docker import DockerConnection
from hardentui.engine.docker_documents import DEFAULT_CAPABILITIES, container
from hardentui.engine.locate import Candidate
from hardentui.engine.probe import NoAnswer, probe
from hardentui.engine.read import Engine
from hardentui.engine.recorded import RecordedConnection
from hardentui.errors import ChangeFailed, EngineError, EngineProtocolError
from hardentui.features.opening.command_log import CommandLog
from hardentui.features.opening.opened import Opened
from hardentui.host.files import LocalFiles
from hardentui.model.facts import ALL_CAPABILITIES, EngineFacts
from hardentui.model.known import Unread
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.options.inspect import Sources
from hardentui.options.read import read_spec
from hardentui.writers.run_script import run_arguments
from tests.support.hostile import Scripted, answer

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data" / "docker.json").read_text()
)
INFO = RECORDED["/info"]
DOCUMENTS: dict[str, Any] = {
    document["Name"].removeprefix("/"): document
    for path, document in RECORDED.items()
    if path.startswith("/containers/") and isinstance(document, dict)
}


def spec_of(
    name: str,
    info: Mapping[str, Any] = INFO,
    **host: Any,
) -> Spec:
    """What a container was asked for, with other fields of its HostConfig."""
    document = deepcopy(DOCUMENTS[name])
    document["HostConfig"].update(host)
    image = next(document for path, document in RECORDED.items() if path.startswith("/images/0"))
    return read_spec(
        Sources(
            container(document, info),
            image=image,
            default_capabilities=DEFAULT_CAPABILITIES,
            default_network="bridge",
            log_driver="json-file",
            runtime="runc",
            cgroup_version=1,
        )
    )


@pytest.fixture
def engine() -> Engine:
    return Engine(
        EngineFacts(),
        lambda: DockerConnection(RecordedConnection(RECORDED)),
    )


def test_an_engine_lists_and_reads_everything_as_from_podman(engine: Engine) -> None:
    rows = {row.name: row for row in engine.listed()}
    assert rows.keys() == {"web", "tuned", "static", "jsonprof"}
    assert (rows["web"].networks, rows["web"].publishes) == (("front",), True)
    assert engine.inspect(rows["web"].id)["Name"] == "web"
    image = engine.image(rows["web"].image_id)
    assert [layer["comment"] for layer in image["History"]] == ["imported from tarball"]
    front = next(network for network in engine.networks() if network["name"] == "front")
    assert (front["subnets"], front["dns_enabled"]) == (
        [{"subnet": "10.99.0.0/24", "gateway": None}],
        True,
    )
    assert {volume["Name"]: volume["Anonymous"] for volume in engine.volumes()}["data1"] is False
    assert engine.load_info().rootless is False
    assert engine.facts.default_capabilities == DEFAULT_CAPABILITIES


def test_docker_is_read_where_it_was_named_and_only_there(tmp_path: Path) -> None:
    """A socket that was found by itself is named with the way to read it."""
    absent = answer(b'{"message":"page not found"}', "404 Not Found")
    with Scripted(
        tmp_path, [absent], [answer(b"OK")], [answer(json.dumps(INFO).encode())]
    ) as server:
        url = f"unix://{server.path}"
        engine = probe(
            Candidate(
                "",
                url,
                "--url",
                found_with=("--url", url),
            )
        )
        assert isinstance(engine, Engine)
        assert server.requests[-1].startswith(b"GET /info ")
        assert (engine.facts.label, engine.facts.rootless) == ("docker", False)
        unread = Unread("not in this test")
        opened = Opened(
            (engine,), (), CommandLog(), LocalFiles(), lambda: unread, lambda _: unread, "vm"
        )
        with pytest.raises(ChangeFailed, match="only read here"):
            opened.refuse_only_read()
        engine.close()
    (tmp_path / "x").mkdir()
    with Scripted(tmp_path / "x", [absent]) as server:
        nothing = probe(
            Candidate(
                "",
                f"unix://{server.path}",
                "Docker's socket",
            )
        )
        assert isinstance(nothing, NoAnswer)
        assert f"hardentui --url unix://{server.path} check" in nothing.hint


def test_what_docker_has_not_is_not_known(engine: Engine) -> None:
    with pytest.raises(EngineError, match="this is a Docker engine"):
        engine.pods()
    with pytest.raises(EngineError, match="this is a Docker engine"):
        engine.connection.get("/secrets/json")


def test_an_answer_of_another_shape_is_told() -> None:
    connection = DockerConnection(RecordedConnection({"/networks": [{"Id": "7"}]}))
    with pytest.raises(EngineProtocolError, match="cannot be parsed"):
        connection.get("/networks/json")


def test_each_option_is_read() -> None:
    words = run_arguments(spec_of("tuned"))
    for word in (
        "--init --user=1000:1000 --group-add=5 --cap-drop=CAP_MKNOD --cap-add=CAP_SYS_PTRACE --cpus=0.5 "
        "--device=/dev/null:/dev/xx:r --ulimit=nofile=100:200 "
        "--sysctl=net.ipv4.ip_unprivileged_port_start=80 "
        "--security-opt=seccomp=unconfined --stop-timeout=3 --restart=on-failure:3 --log-driver=k8s-file "
        "--log-opt=max-size=10m --env=HOME=/x --env=PATH=/bin --memory=128m --volume=/srv:/s2:ro,rslave "
        "--tmpfs=/t:noexec,notmpcopyup,size=1048576 --tmpfs=/tt:exec,notmpcopyup,size=2m"
    ).split():
        assert word in words
    assert not any(word.startswith(("--health-interval", "--oom-score-adj")) for word in words), (
        "not asked for"
    )
    assert "--log-opt=max-file: Podman has no such logging" in spec_of("tuned").remarks


def test_networks_keep_their_names_and_addresses() -> None:
    assert spec_of("static")[NETWORK] == ("front:alias=x1,alias=x2,ip=10.99.0.77",)
    assert spec_of("jsonprof")[NETWORK][0].startswith("container:")
    assert spec_of("static")[UNMASK] == ("ALL",)


def test_a_seccomp_profile_whose_file_nobody_knows_is_not_taken_for_none() -> None:
    assert SECCOMP_PROFILE in spec_of("jsonprof").unknowable
    assert SECCOMP_PROFILE not in spec_of("static").unknowable


@pytest.mark.parametrize(
    ("host", "held"),
    [
        ({}, DEFAULT_CAPABILITIES),
        ({"CapDrop": ["ALL"]}, frozenset()),
        (
            {"CapDrop": ["all"], "CapAdd": ["CHOWN"]},
            {"CAP_CHOWN"},
        ),
        (
            {"CapDrop": ["NET_RAW"], "CapAdd": ["ALL"]},
            ALL_CAPABILITIES - {"CAP_NET_RAW"},
        ),
        (
            {"CapAdd": ["cap_sys_time"]},
            DEFAULT_CAPABILITIES | {"CAP_SYS_TIME"},
        ),
        (
            {"CapDrop": ["ALL"], "Privileged": True},
            ALL_CAPABILITIES,
        ),
    ],
)
def test_capabilities_are_those_that_docker_gives(
    host: dict[str, Any],
    held: frozenset[str],
) -> None:
    document = deepcopy(DOCUMENTS["static"])
    document["HostConfig"].update({"CapAdd": None, "CapDrop": None, **host})
    assert set(container(document, INFO)["BoundingCaps"]) == held


def test_what_docker_alone_gives_is_told_and_not_added() -> None:
    told = [remark for remark in spec_of("static").remarks if "Docker gives it" in remark]
    assert [remark.partition(":")[0] for remark in told] == ["AUDIT_WRITE, MKNOD, NET_RAW"]
    assert not spec_of("static")[CAP_ADD]
    dropped = spec_of("static", CapDrop=["ALL"])
    assert dropped[CAP_DROP] == ("all",)
    assert not any("Docker gives it" in remark for remark in dropped.remarks)
    assert any(remark.startswith("--read-only: Podman also") for remark in spec_of("web").remarks)


def test_the_defaults_of_docker_are_not_spelled_out() -> None:
    """No limit of processes is one that Podman would set: it stays, and fails."""
    static = spec_of("static")
    assert (static[IPC], static[SHM_SIZE], static[PIDS_LIMIT]) == ("", SHM_SIZE.default, -1)
    words = " ".join(run_arguments(static))
    assert "--ipc" not in words
    assert "--shm-size" not in words
    given = spec_of("static", IpcMode="host", ShmSize=1 << 30)
    assert (given[IPC], given[SHM_SIZE]) == ("host", 1 << 30)


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("web:db", "give web the alias db in front (--network=front:alias=db)"),
        ("web:web", "front resolves the name web without"),
    ],
)
def test_a_link_of_a_network_is_told_with_what_podman_has_for_it(link: str, told: str) -> None:
    document = deepcopy(DOCUMENTS["static"])
    document["NetworkSettings"]["Networks"]["front"]["Links"] = [link]
    spec = read_spec(Sources(container(document, INFO)))
    assert f"--link={link}: Podman has no links; {told}" in spec.remarks


def test_the_settings_of_the_daemon_go_along() -> None:
    hardened = {
        **INFO,
        "SecurityOptions": ["name=no-new-privileges", "name=userns"],
    }
    assert spec_of("static", hardened)[NO_NEW_PRIVILEGES]
    assert spec_of("static", hardened, UsernsMode="")[USERNS] == "auto"
    assert not spec_of("static", hardened, UsernsMode="host")[USERNS]


@pytest.mark.parametrize(
    ("log", "driver", "options"),
    [
        ({"Type": "json-file"}, "", ()),
        ({"Type": "local"}, "k8s-file", ("max-size=100m",)),
        (
            {"Type": "fluentd", "Config": {"tag": "x"}},
            "journald",
            (),
        ),
        ({"Type": "none"}, "none", ()),
    ],
)
def test_logs_go_where_podman_can_write_them(
    log: dict[str, Any],
    driver: str,
    options: tuple[str, ...],
) -> None:
    spec = spec_of("static", LogConfig=log)
    assert (spec[LOG_DRIVER], spec[LOG_OPT]) == (driver, options)


def test_short_names_are_those_of_the_docker_hub_and_commands_are_quoted() -> None:
    document = deepcopy(DOCUMENTS["web"])
    document["Config"]["Image"] = "nginx:1.27"
    document["Mounts"][0].update(
        Type="volume", Name="a b", Source="/var/lib/docker/volumes/a b/_data"
    )
    spec = read_spec(Sources(container(document, INFO)))
    assert spec[IMAGE] == "docker.io/library/nginx:1.27"
    assert any("docker save nginx:1.27 | podman load" in remark for remark in spec.remarks)
    assert any(
        "podman volume create 'a b' && tar -C '/var/lib/" in remark for remark in spec.remarks
    )


@pytest.mark.parametrize("odd", [None, 5, "text", {"a": 1}, [None, 3]])
def test_a_document_with_odd_remarks_is_read_without_them(odd: Any) -> None:
    read = read_spec(Sources(inspect={"Id": "a", "Name": "web", "Remarks": odd, "Unknowable": odd}))
    plain = read_spec(Sources(inspect={"Id": "a", "Name": "web"}))
    assert (read.remarks, read.unknowable) == (plain.remarks, plain.unknowable)
