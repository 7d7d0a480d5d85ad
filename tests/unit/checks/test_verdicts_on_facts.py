"""Verdicts on odd facts: who an image is, what it claims, the runtime's own configuration."""

import json
from datetime import UTC, datetime
from typing import cast

import pytest
from msgspec import structs

from hardentui.engine.read import Engine
from hardentui.engine.recorded import RecordedConnection
from hardentui.features.looking.once_per_engine import OncePerEngine
from hardentui.features.looking.readers.runtime import RuntimeConfigs
from hardentui.harden.evaluate import further_steps
from hardentui.host.files.layers import uid_of_name
from hardentui.host.files.recorded import RecordedFiles, RecordingFiles
from hardentui.host.machine import read_capacity
from hardentui.host.process.activity import read_listening
from hardentui.lib.seccomp import NoFilter, SeccompProfile
from hardentui.options.inspect import Sources
from hardentui.options.read import read_spec
from hardentui.reading.confinement import filter_of
from hardentui.reading.containers import labels_of
from hardentui.reading.limits import count_of_list
from hardentui.reading.sockets import reachable_api
from hardentui.reading.user_namespaces import own_user_namespace
from tests.support.judging import *

REGULAR, LINK, DIRECTORY = 0o100644, 0o120777, 0o040755


@pytest.mark.parametrize(
    ("facts", "own"),
    [
        (container(), False),
        (container("--userns=auto"), True),
        (container("--uidmap=0:200000:65536"), True),
        (
            container("--uidmap=0:0:1 --uidmap=1:200000:65535"),
            False,
        ),
        (container("--uidmap=0:0:65536"), False),
        (container("--userns=auto:uidmapping=5:0:1"), False),
        (container(engine=rootless()), True),
        (container("--uidmap=0:0:1", engine=rootless()), True),
        (
            container(kernel=Kernel(7, host_user_namespace=True)),
            False,
        ),
        (
            container(
                kernel=Kernel(
                    7,
                    host_user_namespace=False,
                    uid_map=(IdRange(0, 100000, 9),),
                )
            ),
            True,
        ),
        (
            container(
                kernel=Kernel(
                    7,
                    host_user_namespace=False,
                    uid_map=(IdRange(5, 0, 1),),
                )
            ),
            False,
        ),
    ],
)
def test_one_place_says_whether_a_container_has_user_ids_of_its_own(
    facts: Any,
    own: bool,
) -> None:
    assert own_user_namespace(facts) is own
    assert further_steps(facts) == own  # severity asks the same


def _inspect(
    upper: str = "/s/u/diff",
    lower: str = "/s/a/diff:/s/b/diff",
) -> dict[str, Any]:
    return {
        "GraphDriver": {
            "Name": "overlay",
            "Data": {"UpperDir": upper, "LowerDir": lower},
        }
    }


def _files(text: dict[str, str], **modes: int) -> RecordedFiles:
    stats = {path: {"mode": REGULAR} for path in text}
    for path in text:
        stats[path.rpartition("/")[0]] = {"mode": DIRECTORY}
    stats |= {path: {"mode": mode} for path, mode in modes.items()}
    blank = {
        "uid": 0,
        "gid": 0,
        "size": 0,
        "mtime": 0.0,
        "inode": 1,
        "device": 1,
    }
    return RecordedFiles(
        {
            "text": text,
            "lstats": {path: {**blank, **stat} for path, stat in stats.items()},
        }
    )


def test_the_name_of_a_user_is_looked_up_in_the_topmost_layer_that_has_the_file() -> None:
    files = _files(
        {
            "/s/b/diff/etc/passwd": "web:x:101:101::/:\n",
            "/s/a/diff/etc/passwd": "web:x:0:0::/:\n",
        }
    )
    assert uid_of_name(files, _inspect(), "web") == 0
    assert isinstance(uid_of_name(files, _inspect(), "db"), Unread)
    assert isinstance(uid_of_name(files, {}, "web"), Unread)


def test_a_link_in_a_layer_is_never_followed_to_the_host() -> None:
    passwd = {"/etc/passwd": "web:x:0:0::/:\n", "/s/a/diff/etc/passwd": "web:x:0:0::/:\n"}
    files = _files(passwd, **{"/s/a/diff/etc": LINK})
    assert isinstance(uid_of_name(files, _inspect(), "web"), Unread)
    files = _files(passwd, **{"/s/a/diff/etc/passwd": LINK})
    assert isinstance(uid_of_name(files, _inspect(), "web"), Unread)


def _config(**over: Any) -> dict[str, Any]:
    seccomp = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}],
    }
    return {
        "linux": {"seccomp": seccomp},
        "process": {"oomScoreAdj": -5},
        "annotations": {"a": "b"},
        **over,
    }


def test_the_configuration_of_the_runtime_tells_its_filter() -> None:
    configs = RuntimeConfigs()
    first, second = configs.read(_config()), configs.read(_config())
    assert isinstance(first, RuntimeConfig)
    assert isinstance(second, RuntimeConfig)
    assert isinstance(first.seccomp, SeccompProfile)
    assert first.seccomp is second.seccomp, "the same filter is taken apart once"


def test_without_the_configuration_of_the_runtime_the_filter_of_a_started_container_is_unknown() -> (
    None
):
    assert isinstance(
        filter_of(container(kernel=Kernel(7, seccomp_mode=2))),
        Unread,
    )
    assert not isinstance(filter_of(container()), Unread)  # created only


@pytest.mark.parametrize(
    ("bounding", "privileged"),
    [
        (["CAP_CHOWN"], False),
        ([], False),
        (None, False),
        (["CAP_SYS_ADMIN", "CAP_SYS_MODULE"], False),
    ],
)
def test_an_annotation_does_not_make_a_container_privileged(
    bounding: Any,
    privileged: bool,
) -> None:
    document = {
        "HostConfig": {"Privileged": True},
        "BoundingCaps": bounding,
        "Config": {},
    }
    assert read_spec(Sources(document))[PRIVILEGED] is privileged


def test_a_privileged_container_stays_one() -> None:
    needed = [
        "CAP_SYS_ADMIN",
        "CAP_SYS_MODULE",
        "CAP_SYS_RAWIO",
        "CAP_SYS_PTRACE",
        "CAP_BPF",
    ]
    assert read_spec(
        Sources(
            {
                "HostConfig": {"Privileged": True},
                "BoundingCaps": needed,
            }
        )
    )[PRIVILEGED]
    assert read_spec(Sources({"HostConfig": {"Privileged": True}}))[
        PRIVILEGED
    ]  # an engine that tells none


_TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22 1 0 100 0 0 10 0
"""

_LISTENS = HostFacts(
    tcp_services=(
        ApiService("process 7", "tcp:127.0.0.1:2375", False),
        ApiService("process 8", "tcp://0.0.0.0:2376", True),
    )
)


def _listens_at(address: str) -> HostFacts:
    return HostFacts(tcp_services=(ApiService("process 7", address, False),))


_LISTENS_FOR_ALL = HostFacts(tcp_services=(ApiService("process 7", "tcp://0.0.0.0:2375", False),))


@pytest.mark.parametrize(
    ("network", "host", "address"),
    [
        (("host",), _LISTENS, "tcp:127.0.0.1:2375"),
        (("web",), _LISTENS, ""),
        (("web",), _LISTENS_FOR_ALL, "tcp://0.0.0.0:2375"),
        (("none",), _LISTENS_FOR_ALL, ""),
        (("host",), HostFacts(tcp_services=()), ""),
        (("none",), Unread("no permission"), ""),
        (
            ("web",),
            _listens_at("tcp:192.168.1.5:2375"),
            "tcp:192.168.1.5:2375",
        ),
        (
            ("web",),
            _listens_at("tcp:[2001:db8::5]:2375"),
            "tcp:[2001:db8::5]:2375",
        ),
        (("web",), _listens_at("tcp:localhost:2375"), ""),
        (("web",), _listens_at("tcp:[::1]:2375"), ""),
        (("web",), _listens_at("tcp::2375"), "tcp::2375"),
    ],
)
def test_an_engine_on_tcp_counts_where_the_container_reaches_it(
    network: tuple[str, ...],
    host: Any,
    address: str,
) -> None:
    service = reachable_api(container((NETWORK, network), host=host))
    assert not isinstance(service, Unread)
    assert (service.address if service else "") == address


def test_an_internal_network_reaches_the_host_at_its_gateway_only() -> None:
    inspect = {
        "internal": True,
        "driver": "bridge",
        "subnets": [{"gateway": "10.9.0.1"}],
    }
    networks = {"back": NetworkFacts("back", inspect)}
    for address, reached in (
        ("10.9.0.1", True),
        ("192.168.1.5", False),
        ("0.0.0.0", True),
    ):
        host = _listens_at(f"tcp:{address}:2375")
        facts = container(
            "--network=back",
            networks=networks,
            host=host,
        )
        assert (reachable_api(facts) is not None) is reached


@pytest.mark.parametrize(
    ("rule", "more", "verdict"),
    [
        ("b 8:0 rw", (), (FAIL, Severity.HIGH, False)),
        (
            "b 8:0 rw",
            ((CAP_ADD, ("MKNOD",)),),
            (FAIL, Severity.CRITICAL, True),
        ),
        (
            "b 8:0 rw",
            ((CAP_ADD, ("MKNOD",)), (USERNS, "auto")),
            (FAIL, Severity.HIGH, False),
        ),
        (
            "c 1:1 r",
            ((CAP_ADD, ("MKNOD",)),),
            (FAIL, Severity.CRITICAL, True),
        ),
        (
            "c 188:* rw",
            ((CAP_ADD, ("MKNOD",)),),
            (PASS, Severity.HIGH, False),
        ),
    ],
)
def test_a_rule_for_a_disk_and_the_right_to_make_its_file_hand_over_the_host(
    rule: str,
    more: Any,
    verdict: tuple[Status, Severity, bool],
) -> None:
    check = the_check("open-device-cgroup")
    facts = container((DEVICE_CGROUP_RULE, (rule,)), *more)
    (finding,) = run(
        facts,
        container_subject(facts),
        ((check, Parameters(check.parameters)),),
    )
    assert (finding.status, finding.severity, finding.takes_over) == verdict


@pytest.mark.parametrize(
    ("others", "status"),
    [
        (frozenset({0}), FAIL),
        (frozenset({1000}), FAIL),
        (frozenset({1002}), PASS),
    ],
)
def test_root_beside_the_main_process_is_root(
    others: frozenset[int],
    status: Status,
) -> None:
    maps = (IdRange(0, 1000, 1), IdRange(1, 1001, 100))
    facts = container(
        "--user=1",
        kernel=Kernel(
            7,
            uid=1001,
            uid_map=maps,
            other_uids=others,
        ),
    )
    assert status_of("root-user", facts) is status
    if status is FAIL:
        with pytest.raises(CannotFix, match="one of its programs becomes root"):
            fix("root-user", facts)


def test_a_namespace_of_the_host_is_high_whatever_it_was_asked_by() -> None:
    facts = container(
        "--pid=ns:/proc/9/ns/pid",
        kernel=Kernel(
            7,
            shared_namespaces=frozenset({"pid"}),
            uid_map=(),
        ),
    )
    verdict = judge("host-pid", facts)
    assert severity_of("host-pid", verdict) is Severity.HIGH
    assert verdict.reason == "sees the processes of the host"


_ON_CGROUP_2 = Kernel(
    7,
    host_user_namespace=True,
    device_rules=None,
)


@pytest.mark.parametrize(
    ("devices", "kernel", "status"),
    [
        ([], Kernel(7, host_user_namespace=True), FAIL),
        (
            [],
            Kernel(
                7,
                host_user_namespace=False,
                uid_map=(IdRange(0, 0, 1),),
            ),
            PASS,
        ),
        (
            [{"allow": False, "access": "rwm"}],
            _ON_CGROUP_2,
            PASS,
        ),
        ([], NotRunning("exited"), FAIL),
    ],
)
def test_root_of_the_host_without_a_device_filter_opens_every_device(
    devices: list[Any],
    kernel: Any,
    status: Status,
) -> None:
    told = RuntimeConfigs().read({"linux": {"resources": {"devices": devices}}})
    facts = container(kernel=kernel, runtime=told)
    assert status_of("open-device-cgroup", facts) is status
    assert status_of("open-device-cgroup", facts.planned(facts.spec)) is PASS


_ETC = HostMount(
    "/h",
    ("/etc",),
    "bind",
    "/etc",
    ("rw",),
    in_force=True,
)
_OWN_IDS = Kernel(
    7,
    host_user_namespace=False,
    uid_map=(IdRange(0, 200000, 65536),),
)


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (_config(linux={}), NoFilter),
        (
            _config(annotations={"run.oci.seccomp_bpf_data": "BgAAAAAA/38="}),
            type(None),
        ),
        (
            _config(linux={"seccomp": {"syscalls": []}}),
            type(None),
        ),
        (
            _config(
                linux=7,
                process="x",
                annotations=[],
            ),
            NoFilter,
        ),
    ],
)
def test_odd_configurations_of_the_runtime_are_no_surprise(
    document: Any,
    kind: type,
) -> None:
    result = RuntimeConfigs().read(document)
    assert isinstance(result, RuntimeConfig)
    assert isinstance(result.seccomp, kind)


def test_saved_facts_keep_the_filter_and_no_variables() -> None:
    path = "/c/overlay-containers/1/userdata/config.json"
    process = {
        "env": ["DB_PASSWORD=correct-horse"],
        "args": ["--token", "correct-horse"],
        "oomScoreAdj": 1,
    }
    text = json.dumps(
        _config(
            process=process,
            hooks={"prestart": [{"env": ["correct-horse"]}]},
        )
    )
    recording = RecordingFiles(RecordedFiles({"text": {path: text}}))
    assert recording.read_text(path) == text
    kept = json.dumps(recording.document())
    assert "correct-horse" not in kept
    assert "SCMP_ACT_ERRNO" in kept
    broken = RecordingFiles(RecordedFiles({"text": {path: "correct-horse"}}))
    broken.read_text(path)
    assert "correct-horse" not in json.dumps(broken.document())


def test_labels_of_the_image_count_and_those_of_the_container_win() -> None:
    image = ImageFacts(
        id="1" * 64,
        inspect={"Config": {"Labels": {"a": "image", "b": "image"}}},
    )
    facts = container("--label=a=own", image=image)
    assert labels_of(facts) == {"a": "own", "b": "image"}
    assert labels_of(facts.planned(facts.spec.without(LABELS))) == {"a": "image", "b": "image"}


def test_ports_that_conmon_holds_for_podman_are_no_services_of_the_host() -> None:
    head = _TCP.splitlines()[0] + "\n"
    text = {
        "/proc/9/net/tcp": _TCP,
        "/proc/9/net/udp": head,
        "/proc/9/comm": "conmon\n",
        "/proc/8/comm": "sshd\n",
    }
    dirs = {
        "/proc": ["8", "9", "self"],
        "/proc/9/fd": ["3"],
        "/proc/8/fd": ["3"],
    }
    links = {"/proc/9/fd/3": "socket:[11]", "/proc/8/fd/3": "socket:[22]"}
    files = RecordedFiles({"text": text, "dirs": dirs, "links": links})
    assert read_listening(files, 9) == (SocketEndpoint("tcp", "0.0.0.0", 22),)


def test_what_the_machine_has_is_read() -> None:
    text = {
        "/proc/meminfo": "MemTotal:       16384 kB\nMemFree: 1 kB\nSwapTotal:  8 kB\n",
        "/sys/devices/system/cpu/online": "0-3,6\n",
        "/proc/sys/kernel/pid_max": "4194304\n",
    }
    result = read_capacity(RecordedFiles({"text": text}))
    assert (result.memory, result.processors, result.pids) == (16 << 20, 5, 4194304)
    assert result.swap == 8 << 10
    nothing = read_capacity(RecordedFiles({}))
    values = (
        nothing.memory,
        nothing.processors,
        nothing.pids,
        nothing.swap,
    )
    assert all(isinstance(value, Unread) for value in values)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 1),
        ("0-3", 4),
        ("0,2-3", 3),
        ("", 0),
        ("a", 0),
        ("0-", 0),
        ("3-1", 0),
    ],
)
def test_a_list_of_processors_is_counted(text: str, count: int) -> None:
    assert count_of_list(text) == count


@pytest.mark.parametrize(
    ("network", "more", "reason"),
    [
        (
            "web",
            {"host": Unread("no permission")},
            "no permission",
        ),
        (
            "host",
            {"host": HostFacts(tcp_services=Unread("no permission"))},
            "no permission",
        ),
        (
            "web",
            {
                "host": HostFacts(
                    tcp_services=(),
                    tcp_unseen="/proc hides them",
                )
            },
            "/proc hides them",
        ),
        (
            "web",
            {"host": _listens_at("tcp:box:2375")},
            "which address box is",
        ),
        (
            "web",
            {
                "engine": rootful(local=False),
                "host": HostFacts(tcp_services=()),
            },
            "another machine",
        ),
        ("container:x", {"host": _LISTENS}, "borrows"),
        (
            "web",
            {"host": _LISTENS.replace(tcp_unseen="/proc hides them")},
            "/proc hides them",
        ),
    ],
)
def test_an_engine_on_tcp_that_may_be_hidden_is_no_pass(
    network: str,
    more: dict[str, Any],
    reason: str,
) -> None:
    verdict = judge("mounted-engine-socket", container((NETWORK, (network,)), **more))
    assert verdict.status is UNKNOWN
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("rule", "more", "severity"),
    [
        (
            "a *:* rwm",
            ((CAP_ADD, ("MKNOD",)),),
            Severity.CRITICAL,
        ),
        ("b 8:0 r", ((CAP_ADD, ("MKNOD",)),), Severity.CRITICAL),
        ("b 8:0 r", (), Severity.HIGH),
    ],
)
def test_a_disk_that_was_opened_after_the_start_counts_like_one_that_was_declared(
    rule: str,
    more: Any,
    severity: Severity,
) -> None:
    """`echo 'b 8:0 r' > devices.allow`"""
    kernel = Kernel(
        7,
        device_rules=(rule,),
        host_user_namespace=True,
    )
    facts = container(
        *more,
        kernel=kernel,
        runtime=RuntimeConfig(),
    )
    assert judge("open-device-cgroup", facts).severity is severity


@pytest.mark.parametrize(
    ("pairs", "status"),
    [
        (((SHM_SIZE, 0),), FAIL),
        (((SHM_SIZE, 0), (IPC, "host")), PASS),
        (((SHM_SIZE, 0), (POD, "shop")), PASS),
        ((), PASS),
    ],
)
def test_no_size_of_shared_memory_is_no_limit(
    pairs: Any,
    status: Status,
) -> None:
    assert status_of("loose-tmpfs", container(*pairs)) is status


def test_the_engines_sysctls_are_the_containers_too_until_it_is_planned_anew() -> None:
    told = RuntimeConfigs().read({"linux": {"sysctl": {"net.ipv4.ip_forward": "1"}}})
    facts = container(kernel=Kernel(7), runtime=told)
    assert status_of("unsafe-sysctls", facts) is FAIL
    assert status_of("unsafe-sysctls", facts.planned(facts.spec)) is PASS
    stock = RuntimeConfigs().read({"linux": {"sysctl": {"net.ipv4.ping_group_range": "0 0"}}})
    assert status_of("unsafe-sysctls", container(runtime=stock)) is PASS


def test_a_running_container_whose_device_filter_cannot_be_read_does_not_pass() -> None:
    assert status_of("open-device-cgroup", container(kernel=_ON_CGROUP_2)) is UNKNOWN
    assert status_of("unsafe-sysctls", container(kernel=_ON_CGROUP_2)) is UNKNOWN


@pytest.mark.parametrize(
    ("options", "kernel", "severity"),
    [
        (
            ("rw",),
            Kernel(7, host_user_namespace=True),
            Severity.CRITICAL,
        ),
        (("rw",), _OWN_IDS, Severity.HIGH),
        (("rw", "idmapped"), _OWN_IDS, Severity.CRITICAL),
    ],
)
def test_the_files_of_root_are_not_those_of_a_mapped_root(
    options: tuple[str, ...],
    kernel: Kernel,
    severity: Severity,
) -> None:
    mounted = structs.replace(_ETC, options=options)
    facts = container(
        "--volume=/etc:/h",
        kernel=kernel,
        mounted=(mounted,),
    )
    verdict = judge("sensitive-host-mount", facts)
    assert (verdict.status, verdict.severity) == (FAIL, severity)


def test_a_pasta_that_runs_is_told_by_the_network_that_it_serves() -> None:
    lines = {
        "7": "/usr/bin/pasta.avx2\0--netns\0/run/user/1/netns/a\0",
        "8": "vi\0/run/user/1/netns/b\0",
    }
    text = {f"/proc/{pid}/cmdline": line for pid, line in lines.items()}
    files = RecordedFiles({"text": text, "dirs": {"/proc": [*lines]}})
    engine = Engine(rootful(), lambda: RecordedConnection({}, {}))
    once = OncePerEngine(
        engine,
        files,
        cast("Any", None),
        lambda: datetime.now(UTC),
    )
    assert once.network_helper("/run/user/1/netns/a")[0] == "/usr/bin/pasta.avx2"
    assert once.network_helper("/run/user/1/netns/b") == ()


def test_masks_and_device_rules_are_read_from_the_runtimes_configuration() -> None:
    devices = [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "b", "major": 8, "minor": 0, "access": "r"},
        {"allow": True, "type": "c", "major": 188, "access": "rw"},
        {"allow": True, "access": "rwm"},
    ]
    masks = {
        "maskedPaths": ["/proc/keys"],
        "readonlyPaths": ["/proc/sys"],
    }
    told = RuntimeConfigs().read({"linux": {**masks, "resources": {"devices": devices}}})
    assert not isinstance(told, Unread)
    assert told.masks == {"/proc/keys", "/proc/sys"}
    assert told.device_rules == {"b 8:0 r", "c 188:* rw", "a *:* rwm"}
