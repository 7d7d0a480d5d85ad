"""Verdicts on odd facts: who an image is, what it claims, the runtime's own configuration."""

from typing import TYPE_CHECKING, Any

import pytest

from hardentui.checks.examples import container, rootless
from hardentui.errors import CannotFix
from hardentui.features.looking.container_readers import RuntimeConfigs
from hardentui.harden.evaluate import container_subject, context_shift, run
from hardentui.host.files.layers import uid_of_name
from hardentui.host.files.recorded import RecordedFiles
from hardentui.lib.seccomp import SeccompProfile
from hardentui.model.check import Parameters
from hardentui.model.facts import IdRange, Kernel, NetworkFacts, NotRunning, RuntimeConfig
from hardentui.model.finding import Severity, Status
from hardentui.model.host import ApiService, HostFacts
from hardentui.model.known import Unread
from hardentui.model.mounts import MountedPath
from hardentui.options import *
from hardentui.options.inspect.view import Sources
from hardentui.options.read import read_spec
from hardentui.reading.engine_api import reachable_api
from hardentui.reading.mounts import own_user_namespace
from hardentui.reading.system_calls import filter_of
from tests.support.judging import fix, judge, the_check

if TYPE_CHECKING:
    pass

REGULAR, LINK, DIRECTORY = 0o100644, 0o120777, 0o040755


@pytest.mark.parametrize(
    ("facts", "own"),
    [
        (container(), False),
        (container((USERNS, "auto")), True),
        (container((UIDMAP, ("0:200000:65536",))), True),
        (container((UIDMAP, ("0:0:1", "1:200000:65535"))), False),
        (container((UIDMAP, ("0:0:65536",))), False),
        (container((USERNS, "auto:uidmapping=5:0:1")), False),
        (container(engine=rootless()), True),
        (container((UIDMAP, ("0:0:1",)), engine=rootless()), True),
        (container(kernel=Kernel(7, host_user_namespace=True)), False),
        (container(kernel=Kernel(7, host_user_namespace=False, uid_map=(IdRange(0, 100000, 9),))), True),
        (container(kernel=Kernel(7, host_user_namespace=False, uid_map=(IdRange(5, 0, 1),))), False),
    ],
)
def test_one_place_says_whether_a_container_has_user_ids_of_its_own(facts: Any, own: bool) -> None:
    assert own_user_namespace(facts) is own
    assert context_shift(facts) == (-1 if own else 0)  # severity asks the same


def _inspect(upper: str = "/s/u/diff", lower: str = "/s/a/diff:/s/b/diff") -> dict[str, Any]:
    return {"GraphDriver": {"Name": "overlay", "Data": {"UpperDir": upper, "LowerDir": lower}}}


def _files(text: dict[str, str], **modes: int) -> RecordedFiles:
    stats = {path: {"mode": REGULAR} for path in text}
    for path in text:
        stats[path.rpartition("/")[0]] = {"mode": DIRECTORY}
    stats |= {path: {"mode": mode} for path, mode in modes.items()}
    blank = {"uid": 0, "gid": 0, "size": 0, "mtime": 0.0, "inode": 1, "device": 1}
    return RecordedFiles({"text": text, "lstats": {path: {**blank, **stat} for path, stat in stats.items()}})


def test_the_name_of_a_user_is_looked_up_in_the_topmost_layer_that_has_the_file() -> None:
    files = _files({"/s/b/diff/etc/passwd": "web:x:101:101::/:\n", "/s/a/diff/etc/passwd": "web:x:0:0::/:\n"})
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
    return {"linux": {"seccomp": seccomp}, "process": {"oomScoreAdj": -5}, "annotations": {"a": "b"}, **over}


def test_the_configuration_of_the_runtime_tells_its_filter() -> None:
    configs = RuntimeConfigs()
    first, second = configs.read(_config()), configs.read(_config())
    assert isinstance(first, RuntimeConfig)
    assert isinstance(second, RuntimeConfig)
    assert isinstance(first.seccomp, SeccompProfile)
    assert first.seccomp is second.seccomp, "the same filter is taken apart once"
    assert (first.oom_score_adj, first.annotations) == (-5, {"a": "b"})


def test_without_the_configuration_of_the_runtime_the_filter_of_a_started_container_is_unknown() -> None:
    assert isinstance(filter_of(container(kernel=Kernel(7, seccomp_mode=2))), Unread)
    assert not isinstance(filter_of(container()), Unread)  # created only


@pytest.mark.parametrize(
    ("bounding", "privileged"),
    [(["CAP_CHOWN"], False), ([], False), (None, False), (["CAP_SYS_ADMIN", "CAP_SYS_MODULE"], False)],
)
def test_an_annotation_does_not_make_a_container_privileged(bounding: Any, privileged: bool) -> None:
    document = {"HostConfig": {"Privileged": True}, "BoundingCaps": bounding, "Config": {}}
    assert read_spec(Sources(document))[PRIVILEGED] is privileged


def test_a_privileged_container_stays_one() -> None:
    needed = ["CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_PTRACE", "CAP_BPF"]
    assert read_spec(Sources({"HostConfig": {"Privileged": True}, "BoundingCaps": needed}))[PRIVILEGED]
    assert read_spec(Sources({"HostConfig": {"Privileged": True}}))[PRIVILEGED]  # an engine that tells none


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
        (("web",), _listens_at("tcp:192.168.1.5:2375"), "tcp:192.168.1.5:2375"),
        (("web",), _listens_at("tcp:[2001:db8::5]:2375"), "tcp:[2001:db8::5]:2375"),
        (("web",), _listens_at("tcp:localhost:2375"), ""),
        (("web",), _listens_at("tcp:[::1]:2375"), ""),
        (("web",), _listens_at("tcp::2375"), "tcp::2375"),
    ],
)
def test_an_engine_on_tcp_counts_where_the_container_reaches_it(
    network: tuple[str, ...], host: Any, address: str
) -> None:
    service = reachable_api(container((NETWORK, network), host=host))
    assert not isinstance(service, Unread)
    assert (service.address if service else "") == address


def test_an_internal_network_reaches_the_host_at_its_gateway_only() -> None:
    inspect = {"internal": True, "driver": "bridge", "subnets": [{"gateway": "10.9.0.1"}]}
    networks = {"back": NetworkFacts("back", inspect)}
    for address, reached in (("10.9.0.1", True), ("192.168.1.5", False), ("0.0.0.0", True)):
        host = _listens_at(f"tcp:{address}:2375")
        facts = container((NETWORK, ("back",)), networks=networks, host=host)
        assert (reachable_api(facts) is not None) is reached


@pytest.mark.parametrize(
    ("rule", "more", "verdict"),
    [
        ("b 8:0 rw", (), (Status.FAIL, Severity.HIGH, False)),
        ("b 8:0 rw", ((CAP_ADD, ("MKNOD",)),), (Status.FAIL, Severity.CRITICAL, True)),
        ("b 8:0 rw", ((CAP_ADD, ("MKNOD",)), (USERNS, "auto")), (Status.FAIL, Severity.HIGH, False)),
        ("c 1:1 r", ((CAP_ADD, ("MKNOD",)),), (Status.FAIL, Severity.CRITICAL, True)),
        ("c 188:* rw", ((CAP_ADD, ("MKNOD",)),), (Status.PASS, Severity.HIGH, False)),
    ],
)
def test_a_rule_for_a_disk_and_the_right_to_make_its_file_hand_over_the_host(
    rule: str, more: Any, verdict: tuple[Status, Severity, bool]
) -> None:
    check = the_check("open-device-cgroup")
    facts = container((DEVICE_CGROUP_RULE, (rule,)), *more)
    (finding,) = run(facts, container_subject(facts), ((check, Parameters(check.parameters)),))
    assert (finding.status, finding.severity, finding.takes_over) == verdict


@pytest.mark.parametrize(
    ("others", "status"),
    [(frozenset({0}), Status.FAIL), (frozenset({1000}), Status.FAIL), (frozenset({1002}), Status.PASS)],
)
def test_root_beside_the_main_process_is_root(others: frozenset[int], status: Status) -> None:
    maps = (IdRange(0, 1000, 1), IdRange(1, 1001, 100))
    facts = container((USER, "1"), kernel=Kernel(7, uid=1001, uid_map=maps, other_uids=others))
    assert judge("root-user", facts).status is status
    if status is Status.FAIL:
        with pytest.raises(CannotFix, match="one of its programs becomes root"):
            fix("root-user", facts)


def test_a_namespace_of_the_host_is_high_whatever_it_was_asked_by() -> None:
    facts = container(
        (PID, "ns:/proc/9/ns/pid"), kernel=Kernel(7, shared_namespaces=frozenset({"pid"}), uid_map=())
    )
    verdict = judge("host-pid", facts)
    assert (verdict.severity, verdict.reason) == (Severity.HIGH, "sees the processes of the host")


_ON_CGROUP_2 = Kernel(7, host_user_namespace=True, device_rules=None)


@pytest.mark.parametrize(
    ("devices", "kernel", "status"),
    [
        ([], Kernel(7, host_user_namespace=True), Status.FAIL),
        ([], Kernel(7, host_user_namespace=False, uid_map=(IdRange(0, 0, 1),)), Status.PASS),
        ([{"allow": False, "access": "rwm"}], _ON_CGROUP_2, Status.PASS),
        ([], NotRunning("exited"), Status.FAIL),
    ],
)
def test_root_of_the_host_without_a_device_filter_opens_every_device(
    devices: list[Any], kernel: Any, status: Status
) -> None:
    told = RuntimeConfigs().read({"linux": {"resources": {"devices": devices}}})
    facts = container(kernel=kernel, runtime=told)
    assert judge("open-device-cgroup", facts).status is status
    assert judge("open-device-cgroup", facts.planned(facts.spec)).status is Status.PASS


_ETC = MountedPath("/h", ("/etc",), "bind", "/etc", ("rw",), in_force=True)
_OWN_IDS = Kernel(7, host_user_namespace=False, uid_map=(IdRange(0, 200000, 65536),))
