"""Nothing is lost around a container: API-made ones, networks, volumes, pods; and every flag is
known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from hardentui.host.podman.generator import dry_run, exec_start
from hardentui.model.podman_version import Version
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.options import NOT_CARRIED
from hardentui.options.inspect import Sources
from hardentui.options.read import read_spec
from hardentui.options.same_command import compare_arguments
from hardentui.quadlet.write.bundle import bundle
from hardentui.writers.context import UnitContext
from hardentui.writers.run_script import run_script
from hardentui.writers.supporting import network_create_arguments, volume_create_arguments
from tests.support.podman import BUSYBOX, NO_QUADLET, Bench

pytestmark = pytest.mark.live


# --- every flag is known -------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["create", "run"])
def test_every_flag_of_this_podman_is_carried_or_has_a_reason(
    podman: Bench,
    verb: str,
) -> None:
    flags = set(
        re.findall(
            r"^ +(?:-\w, )?(--[\w-]+)",
            podman.podman(verb, "--help"),
            re.MULTILINE,
        )
    )
    assert len(flags) > 100
    assert flags - {option.flag for option in TABLE} - NOT_CARRIED.keys() - {"--mount"} == set()


# --- made through the API ------------------------------------------------------------------------


def read(podman: Bench, name: str) -> Spec:
    document = podman.get(f"/containers/{name}/json")
    info = podman.get("/info")
    return read_spec(
        Sources(
            document,
            image=podman.get(f"/images/{document['Image']}/json"),
            log_driver=info["host"]["logDriver"],
            cgroup_version=1 if info["host"]["cgroupVersion"] == "v1" else 2,
            version=podman.version,
        )
    )


API_CASES: list[tuple[dict[str, Any], dict[Option[Any], Any]]] = [
    (
        {
            "command": ["/bin/echo", "", "a b;"],
            "env": {"A": 'x "y" $Z %n'},
        },
        {
            COMMAND: ("/bin/echo", "", "a b;"),
            ENV: ('A=x "y" $Z %n',),
        },
    ),
    (
        {"labels": {"com.docker.compose.project": "shop", "e": ""}},
        {LABELS: ("com.docker.compose.project=shop", "e=")},
    ),
    ({"privileged": True}, {PRIVILEGED: True}),
    (
        {"cap_drop": ["all"], "cap_add": ["CHOWN"]},
        {CAP_DROP: ("all",), CAP_ADD: ("CAP_CHOWN",)},
    ),
    (
        {"no_new_privileges": True, "read_only_filesystem": True},
        {NO_NEW_PRIVILEGES: True, READ_ONLY: True},
    ),
    (
        {"user": "1000:1000", "stop_timeout": 99},
        {USER: "1000:1000", STOP_TIMEOUT: 99},
    ),
    (
        {"portmappings": [{"container_port": 80, "host_port": 18080, "host_ip": "127.0.0.1"}]},
        {PUBLISH: (Port(80, "18080", "127.0.0.1"),)},
    ),
    (
        {"volumes": [{"Name": "apivol", "Dest": "/data", "Options": ["ro"]}]},
        {MOUNTS: (Mount("volume", "apivol", "/data", ("ro",)),)},
    ),
    (
        {
            "mounts": [
                {
                    "Type": "bind",
                    "Source": "/etc",
                    "Destination": "/e",
                    "Options": ["ro", "rslave"],
                }
            ]
        },
        {
            MOUNTS: (
                Mount(
                    "bind",
                    "/etc",
                    "/e",
                    ("ro", "rslave"),
                ),
            )
        },
    ),
    (
        {
            "mounts": [
                {
                    "Type": "tmpfs",
                    "Destination": "/t",
                    "Options": ["size=1m"],
                }
            ]
        },
        {TMPFS: ("/t:size=1m",)},
    ),
    (
        {
            "resource_limits": {
                "memory": {"limit": 67108864},
                "cpu": {"period": 100000, "quota": 50000},
            }
        },
        {MEMORY: 67108864, CPUS: 0.5},
    ),
    (
        {"r_limits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 2048}]},
        {ULIMIT: ("nofile=1024:2048",)},
    ),
    (
        {"restart_policy": "on-failure", "restart_tries": 3},
        {RESTART: "on-failure:3"},
    ),
    ({"netns": {"nsmode": "host"}}, {NETWORK: ("host",)}),
    (
        {
            "netns": {"nsmode": "bridge"},
            "networks": {"around-net": {"aliases": ["db"]}},
        },
        {NETWORK: ("around-net",), NETWORK_ALIAS: ("db",)},
    ),
    (
        {
            "healthconfig": {
                "Test": ["CMD", "/bin/echo", "a b"],
                "Interval": 30000000000,
                "Timeout": 30000000000,
                "Retries": 3,
            }
        },
        {HEALTH_CMD: '["/bin/echo", "a b"]'},
    ),
    (
        {"secrets": [{"Source": "around", "Target": "around", "UID": 5, "GID": 0, "Mode": 256}]},
        {SECRETS: ("around,type=mount,uid=5,mode=0400",)},
    ),
]


@pytest.fixture(scope="module")
def around(podman: Bench) -> Iterator[Bench]:
    podman.podman("network", "create", "around-net")
    podman.execute(
        "sh",
        "-c",
        "printf x | podman secret create around -",
    )
    yield podman
    podman.remove("around", "around-2")
    podman.podman(
        "network",
        "rm",
        "-f",
        "around-net",
    )
    podman.podman("secret", "rm", "around")


@pytest.mark.parametrize(
    ("body", "expected"), API_CASES, ids=lambda value: ",".join(map(str, value))[:40]
)
def test_containers_made_through_the_api(
    around: Bench,
    body: dict[str, Any],
    expected: dict[Option[Any], Any],
) -> None:
    around.remove("around")
    around.post(
        "/containers/create",
        {"name": "around", "image": BUSYBOX, **body},
    )
    spec = read(around, "around")
    assert around.get("/containers/around/json")["Config"].get("CreateCommand") is None
    shown = {
        option: value for option, value in spec.values().items() if option not in (NAME, IMAGE)
    }
    if any("may have been added by Podman" in remark for remark in spec.remarks):
        shown[ULIMIT] = tuple(text for text in shown[ULIMIT] if text in expected[ULIMIT])
    assert shown == expected
    assert PRIVILEGED in spec or spec.unknowable >= {SYSCTL, SECCOMP_PROFILE}
    script = around.directory / "around.sh"
    script.write_text(run_script(spec, UnitContext(version=around.version)))
    around.remove("around")
    around.execute("sh", str(script), "create")
    again = read(around, "around")
    assert {o: again[o] for o in expected if o is not ULIMIT} == {
        o: value for o, value in expected.items() if o is not ULIMIT
    }
    limits: tuple[str, ...] = again[ULIMIT]
    assert {*limits} >= {*expected.get(ULIMIT, ())}
    assert again.unknowable == frozenset()


def test_a_user_namespace_made_through_the_api(around: Bench) -> None:
    around.remove("around")
    mapping = [{"container_id": 0, "host_id": 100000, "size": 65536}]
    body = {
        "name": "around",
        "image": BUSYBOX,
        "userns": {"nsmode": "private"},
        "idmappings": {"UIDMap": mapping, "GIDMap": mapping},
    }
    around.post("/containers/create", body)
    spec = read(around, "around")
    assert USERNS not in spec
    assert {o.name: spec[o] for o in spec if o.area == "identity"} == {
        "uidmap": ("0:100000:65536",),
        "gidmap": ("0:100000:65536",),
    }


def test_the_oci_config_of_a_started_api_container(around: Bench) -> None:
    around.remove("around")
    body = {
        "name": "around",
        "image": BUSYBOX,
        "command": ["/bin/sleep", "300"],
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "mask": ["/proc/foo"],
        "unmask": ["/proc/kcore"],
        "device_cgroup_rule": [
            {"allow": True, "type": "c", "major": 89, "minor": 1, "access": "rw"}
        ],
        "secret_env": {"MYSEC": "around"},
        "seccomp_profile_path": "unconfined",
    }
    around.post("/containers/create", body)
    around.podman("start", "around")
    document = around.get("/containers/around/json")

    config = json.loads(around.execute("cat", document["OCIConfigPath"]))
    spec = read_spec(
        Sources(
            document,
            around.get(f"/images/{document['Image']}/json"),
            oci_config=config,
            version=around.version,
        )
    )
    by_name = {option.name: spec[option] for option in spec}
    assert by_name["sysctl"] == ("net.ipv4.ip_forward=1",)
    assert by_name["mask"] == ("/proc/foo",)
    assert by_name["unmask"] == ("/proc/kcore",)
    assert by_name["device-cgroup-rule"] == ("c 89:1 rw",)
    assert by_name["seccomp"] == "unconfined"
    assert SECRETS in spec.unknowable
    if around.version >= Version(5, 3):  # before, inspect shows it like any variable
        assert not any("MYSEC" in str(value) for value in by_name.values())


# --- networks, volumes, pods ---------------------------------------------------------------------

NETWORKS = [
    ("--internal", "--label=a=b c"),
    (
        "--subnet=10.77.0.0/24",
        "--gateway=10.77.0.9",
        "--ip-range=10.77.0.64/26",
        "--opt=mtu=1400",
    ),
    ("--ipv6", "--dns=9.9.9.9"),
    ("--disable-dns", "--interface-name=around0"),
    ("--driver=macvlan", "--opt=parent=lo"),
    ("--subnet=10.78.0.0/24", "--route=10.88.9.0/24,10.78.0.9,100"),
    ("--ipam-driver=none",),
]


def generated_service(
    bench: Bench,
    files: dict[str, str],
    service: str,
) -> str:
    generator = bench.generator()
    if generator is None:
        pytest.skip(NO_QUADLET)
    done = dry_run(
        files,
        user=False,
        generator=generator,
    )
    assert done.ok, done.stderr
    return done.services[service]


def generated(
    bench: Bench,
    files: dict[str, str],
    service: str,
) -> tuple[str, ...]:
    return exec_start(generated_service(bench, files, service))


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    changing = (
        "id",
        "created",
        "CreatedAt",
        "LockNumber",
        "network_interface",
        "Mountpoint",
        "NeedsCopyUp",
    )
    kept = {key: value for key, value in document.items() if key not in changing}
    if not str(document.get("network_interface", "podman")).startswith("podman"):
        kept["network_interface"] = document["network_interface"]
    return kept


VOLUMES = [
    ("--label=a=b c",),
    ("--opt=type=tmpfs", "--opt=device=tmpfs", "--opt=o=size=1m,uid=5,nodev"),
    ("--opt=o=uid=5,gid=6",),
    ("--opt=nocopy",),
]


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        *(("network", flags) for flags in NETWORKS),
        *(("volume", flags) for flags in VOLUMES),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_networks_and_volumes_come_through_scripts_and_units(
    around: Bench,
    kind: str,
    flags: tuple[str, ...],
) -> None:
    def inspected() -> dict[str, Any]:
        document: dict[str, Any] = around.get(f"/{kind}s/around-n/json")
        return document

    around.podman(
        kind,
        "create",
        *flags,
        "around-n",
    )
    try:
        before = inspected()
        spec = Spec.of((NAME, "web"), (IMAGE, BUSYBOX))
        if kind == "network":
            spec = spec.with_(NETWORK, ("around-n:alias=x",))
            context = UnitContext(
                version=around.version,
                networks={"around-n": before},
            )
            creates = [network_create_arguments("around-n", before)]
        else:
            spec = spec.with_(MOUNTS, (Mount("volume", "around-n", "/d"),))
            context = UnitContext(
                version=around.version,
                volumes={"around-n": before},
            )
            creates = [volume_create_arguments("around-n", before)]
        made = bundle(spec, context)
        files = {file.name: file.text for file in made.files}
        if around.generator():
            assert compare_arguments(generated(around, files, "web.service"), made.argv) == ()
            creates.append(generated(around, files, f"around-n-{kind}.service")[1:])
        for create in creates:
            around.podman(kind, "rm", "around-n")
            around.execute("podman", *create)
            assert comparable(inspected()) == comparable(before)
    finally:
        around.podman(kind, "rm", "-f", "around-n")


def test_a_pod_and_its_member_become_units(around: Bench) -> None:
    if around.version < Version(5, 0):
        pytest.skip("refused: a pod has no unit before Podman 5.0")
    flags = ("--infra-image", BUSYBOX, "-p", "8081:81", "--hostname", "ph")
    around.podman(
        "pod",
        "create",
        "--name",
        "around-p",
        *flags,
    )
    try:
        around.podman(
            "create", "--name", "around-m", "--pod", "around-p", BUSYBOX, "/bin/sleep", "300"
        )
        pod = around.get("/pods/around-p/json")
        document = around.get("/containers/around-m/json")
        spec = read_spec(
            Sources(
                document,
                around.get(f"/images/{document['Image']}/json"),
                pod_name="around-p",
            )
        )
        assert set(spec) == {NAME, IMAGE, COMMAND, POD}
        made = bundle(spec, UnitContext(version=around.version, pod=pod))
        files = {file.name: file.text for file in made.files}
        assert sorted(files) == ["around-m.container", "around-p.pod"]
        member = generated(around, files, "around-m.service")
        assert "--pod" in " ".join(member)
        pod_service = generated_service(around, files, "around-p-pod.service")
        assert "--name around-p" in pod_service or "--name=around-p" in pod_service
        assert "8081:81" in pod_service
        assert compare_arguments(member, made.argv) == ()
    finally:
        around.podman("pod", "rm", "-f", "around-p")


# --- rootless ------------------------------------------------------------------------------------

ROOTLESS = [
    (),
    ("--userns=keep-id",),
    ("--userns=keep-id", "--user=0"),
    ("--network=pasta:--mtu,1400", "-p", "127.0.0.1:18080:80"),
    ("--network=none", "--hostname=x"),
    ("--cap-drop=all", "--read-only", "--security-opt=no-new-privileges"),
]


@pytest.mark.parametrize("flags", ROOTLESS, ids=" ".join)
def test_rootless_containers_come_through(
    rootless_podman: Bench,
    flags: tuple[str, ...],
) -> None:
    info = rootless_podman.get("/info")

    def rootless_read() -> Spec:
        document = rootless_podman.get("/containers/rl/json")
        return read_spec(
            Sources(
                document,
                rootless_podman.get(f"/images/{document['Image']}/json"),
                rootless=True,
                version=rootless_podman.version,
                log_driver=info["host"]["logDriver"],
                cgroup_version=1 if info["host"]["cgroupVersion"] == "v1" else 2,
            )
        )

    rootless_podman.remove("rl")
    rootless_podman.podman(
        "create",
        "--name",
        "rl",
        *flags,
        BUSYBOX,
        "/bin/sleep",
        "300",
    )
    spec = rootless_read()
    given = {word.partition("=")[0] for word in flags if word.startswith("--")}
    given |= {"--publish"} if "-p" in flags else set()
    present = {option.flag for option in spec} - {"--name", "IMAGE", "COMMAND"}
    assert present == given
    script = rootless_podman.directory / "again.sh"
    script.write_text(run_script(spec, UnitContext(version=rootless_podman.version)))
    script.chmod(0o644)
    rootless_podman.remove("rl")
    rootless_podman.execute("sh", str(script), "create")
    assert rootless_read() == spec
    rootless_podman.remove("rl")
