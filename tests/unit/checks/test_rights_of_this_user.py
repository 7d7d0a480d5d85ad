"""The severity of a mount, a socket or a capability is what it gives to this very user."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.harden.evaluate import parameters_of
from hardentui.model.gain import Gain
from hardentui.model.host import User
from hardentui.model.mount import Listener, ReachableSocket
from hardentui.options import *
from hardentui.reading.foothold import Foothold, foothold
from hardentui.reading.sensitive_mounts import sensitive_mounts
from tests.support.judging import *

NOTHING_SET = Checklist("empty", "No parameters", ())
POWERLESS = "--user=65534 --cap-drop=all --security-opt=no-new-privileges"
BUS = "/run/dbus/system_bus_socket"
ENGINE = "/run/podman/podman.sock"
NO_TCP = HostFacts(tcp_services=(), users=(User("anna", 1000),))


def found(check_id: str, facts: ContainerFacts) -> Finding:
    check = the_check(check_id)
    (finding,) = run(facts, container_subject(facts), [(check, parameters_of(check, NOTHING_SET))])
    return finding


def on_host(
    uid: int, *, new_privileges: bool = False, held: frozenset[str] = frozenset()
) -> Kernel:
    """A process of the host's own user namespace."""
    return Kernel(
        7,
        uid=uid,
        gid=uid,
        groups=(),
        other_uids=frozenset(),
        host_user_namespace=True,
        uid_map=(IdRange(0, 0, 4294967295),),
        no_new_privileges=not new_privileges,
        capabilities=CapabilitySets(effective=held, permitted=held, bounding=held),
        shared_namespaces=frozenset(),
    )


@pytest.mark.parametrize(
    ("options", "engine", "expected"),
    [
        ("", rootful(), Foothold.OWNER),
        ("", rootless(), Foothold.OWNER),
        ("--userns=auto", rootful(), Foothold.NOBODY),
        ("--user=1000", rootful(), Foothold.USER),
        (POWERLESS, rootful(), Foothold.NOBODY),
        (POWERLESS, rootless(), Foothold.NOBODY),
        (f"{POWERLESS} --cap-add=SETUID", rootful(), Foothold.USER),
    ],
)
def test_what_an_intruder_is_on_the_host(
    options: str,
    engine: EngineFacts,
    expected: Foothold,
) -> None:
    assert foothold(container(options, engine=engine)) is expected


def test_the_kernel_says_what_an_intruder_is() -> None:
    root = container(POWERLESS, kernel=on_host(0))
    assert foothold(root) is Foothold.OWNER
    regains = on_host(1000).replace(other_uids=frozenset({0}))
    assert foothold(container(kernel=regains)) is Foothold.OWNER
    assert foothold(container(kernel=on_host(1000, new_privileges=True))) is Foothold.USER
    assert foothold(container(kernel=on_host(1000))) is Foothold.NOBODY


@pytest.mark.parametrize(
    ("options", "engine", "severity", "takes_over"),
    [
        ("", rootful(), Severity.CRITICAL, True),
        ("--cap-drop=all --security-opt=no-new-privileges", rootful(), Severity.CRITICAL, True),
        ("--user=1000", rootful(), Severity.HIGH, False),
        (POWERLESS, rootful(), Severity.MEDIUM, False),
        ("--userns=auto", rootful(), Severity.MEDIUM, False),
        ("", rootless(), Severity.MEDIUM, False),
    ],
)
def test_the_system_bus_obeys_root_alone(
    options: str,
    engine: EngineFacts,
    severity: Severity,
    takes_over: bool,
) -> None:
    finding = found("mounted-control-socket", container(f"{options} -v {BUS}:/bus", engine=engine))
    assert (finding.severity, finding.takes_over) == (severity, takes_over)
    assert finding.gained.gain is Gain.HOST


def with_socket(kernel: Kernel, owner: int, group: int, mode: int) -> ContainerFacts:
    socket = ReachableSocket("/s", ENGINE, Listener(ENGINE, "podman"), owner, group, mode)
    return container(f"-v {ENGINE}:/s", kernel=kernel, host=NO_TCP, sockets=(socket,))


@pytest.mark.parametrize(
    ("uid", "owner", "group", "mode", "severity"),
    [
        (0, 1000, 1000, 0o600, Severity.CRITICAL),
        (1000, 1000, 1000, 0o600, Severity.CRITICAL),
        (1001, 1000, 1000, 0o600, Severity.MEDIUM),
        (1001, 0, 1001, 0o660, Severity.CRITICAL),
        (1001, 0, 0, 0o660, Severity.MEDIUM),
        (1001, 0, 0, 0o666, Severity.CRITICAL),
    ],
)
def test_the_permissions_of_an_engines_socket_decide_who_opens_it(
    uid: int,
    owner: int,
    group: int,
    mode: int,
    severity: Severity,
) -> None:
    finding = found("mounted-engine-socket", with_socket(on_host(uid), owner, group, mode))
    assert finding.severity is severity
    refused = severity is Severity.MEDIUM
    assert ("may not open" in finding.verdict.reason) is refused


def test_who_may_become_root_is_one_step_from_a_closed_socket() -> None:
    facts = with_socket(on_host(1001, new_privileges=True), 0, 0, 0o600)
    assert found("mounted-engine-socket", facts).severity is Severity.HIGH


def test_one_socket_in_two_places_is_named_once() -> None:
    path = "/run/containerd/containerd.sock"
    sockets = tuple(
        ReachableSocket(place, path, Listener(path, "containerd")) for place in ("/a", "/b")
    )
    facts = container(f"-v {path}:/a -v {path}:/b", host=NO_TCP, sockets=sockets)
    assert found("mounted-engine-socket", facts).verdict.reason.count(path) == 1


@pytest.mark.parametrize(
    ("options", "severity", "says"),
    [
        (f"{POWERLESS} -v /:/host:ro,rslave", Severity.MEDIUM, "read"),
        (f"{POWERLESS} -v /:/host", Severity.HIGH, "written"),
        (f"{POWERLESS.replace('65534', '1000')} -v /:/host:ro", Severity.HIGH, "read"),
        (f"{POWERLESS.replace('65534', '1234')} -v /:/host:ro", Severity.MEDIUM, "read"),
        ("-v /:/host:ro", Severity.HIGH, "read"),
        ("-v /:/host", Severity.CRITICAL, "written"),
    ],
)
def test_the_whole_host_read_only_is_what_its_user_may_read(
    options: str,
    severity: Severity,
    says: str,
) -> None:
    finding = found("sensitive-host-mount", container(options, host=NO_TCP))
    assert finding.severity is severity
    assert says in finding.verdict.reason


def test_what_the_host_has_mounted_below_a_read_only_mount_is_not_written_by_a_stranger() -> None:
    """`ro` holds for the mount itself: the kernel shows those below as they are on the host."""
    below = HostMount(
        "/host/run", ("/run",), "bind", "/run", ("rw",), MountOrigin.DECLARED, "", in_force=True
    )
    facts = container(f"{POWERLESS} -v /:/host:ro,rslave", host=NO_TCP, mounted=(below,))
    assert not any(mount.written for mount in sensitive_mounts(facts))
    as_root = container("-v /:/host:ro,rslave", host=NO_TCP, mounted=(below,))
    assert any(mount.written for mount in sensitive_mounts(as_root))


@pytest.mark.parametrize(
    ("version", "options", "severity"),
    [
        ("v2", "", Severity.HIGH),
        ("", "", Severity.HIGH),
        ("v1", "", Severity.HIGH),
        ("v1", "--cap-add=SYS_ADMIN", Severity.CRITICAL),
    ],
)
def test_cgroups_are_a_takeover_only_where_the_kernel_gives_a_way(
    version: str,
    options: str,
    severity: Severity,
) -> None:
    engine = rootful(info={"host": {"cgroupVersion": version}})
    facts = container(f"{options} -v /sys/fs/cgroup:/sys/fs/cgroup", engine=engine)
    finding = found("sensitive-host-mount", facts)
    assert finding.severity is severity


@pytest.mark.parametrize(
    ("options", "engine", "severity"),
    [
        ("--network=host --cap-add=NET_ADMIN", rootful(), Severity.HIGH),
        ("--network=shop --cap-add=NET_ADMIN", rootful(), Severity.MEDIUM),
        ("--network=host --cap-add=NET_ADMIN", rootless(), Severity.LOW),
        ("--network=host --cap-add=NET_ADMIN --userns=auto", rootful(), Severity.LOW),
    ],
)
def test_net_admin_owns_the_hosts_firewall_on_the_hosts_network(
    options: str,
    engine: EngineFacts,
    severity: Severity,
) -> None:
    finding = found("disruptive-capabilities", container(options, engine=engine))
    assert finding.severity is severity
    assert ("firewall" in finding.verdict.reason) is (severity is Severity.HIGH)


def exposed(options: str, image_name: str = "", **more: Any) -> Finding:
    names = (image_name,) if image_name else ()
    facts = container(options, image=ImageFacts("i" * 64, {"Config": {}}, names=names), **more)
    return found("exposed-admin-port", facts)


@pytest.mark.parametrize(
    ("options", "image_name", "severity"),
    [
        ("-p 6379:6379", "docker.io/library/redis:7", Severity.CRITICAL),
        ("-p 192.168.1.5:6379:6379", "docker.io/library/redis:7", Severity.HIGH),
        ("-p 6379:6379 -e REDIS_PASSWORD=x", "docker.io/library/redis:7", Severity.MEDIUM),
        ("-p 6379:6379", "registry.example.com/own:1", Severity.HIGH),
        ("-p 5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust", "postgres", Severity.CRITICAL),
        ("-p 5432:5432 -e POSTGRES_PASSWORD=x", "postgres", Severity.MEDIUM),
        ("-p 9200:9200 -e xpack.security.enabled=false", "elasticsearch", Severity.CRITICAL),
        ("-p 27017:27017", "docker.io/library/mongo:7", Severity.CRITICAL),
        ("-p 3306:3306 -e MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1", "mariadb", Severity.CRITICAL),
    ],
)
def test_a_service_that_lets_everybody_in_is_worse_than_one_that_asks(
    options: str,
    image_name: str,
    severity: Severity,
) -> None:
    finding = exposed(options, image_name)
    assert (finding.status, finding.severity) == (FAIL, severity)
    assert not finding.takes_over


def test_ports_of_ordinary_services_are_no_admin_ports() -> None:
    for port in ("9000", "445", "139"):
        assert exposed(f"-p {port}:{port}").status is PASS


def test_what_the_firewall_stops_is_not_exposed() -> None:
    chain = {
        "family": "inet",
        "table": "filter",
        "name": "forward",
        "type": "filter",
        "hook": "forward",
        "policy": "drop",
    }
    closed = HostFacts(firewall=Firewall(rules=({"chain": chain},), outside=("eth0",)))
    finding = exposed("-p 6379:6379", "docker.io/library/redis:7", host=closed)
    assert (finding.status, "firewall stops" in finding.verdict.reason) == (PASS, True)
    opened = Firewall(rules=(), outside=("eth0",))
    finding = exposed("-p 6379:6379", "docker.io/library/redis:7", host=HostFacts(firewall=opened))
    assert finding.severity is Severity.CRITICAL


def test_an_empty_password_is_worse_where_somebody_can_log_in() -> None:
    weak = ImageInventory(weak_accounts=("root has an empty password in /etc/shadow",))
    with_sshd = replace(weak, remote_logins=(ImageFile("/usr/sbin/sshd", "login", 1),))
    severities = [
        found(
            "weak-accounts-in-image", container(image=ImageFacts("i" * 64, inventory=inventory))
        ).severity
        for inventory in (weak, with_sshd)
    ]
    assert severities == [Severity.MEDIUM, Severity.HIGH]
