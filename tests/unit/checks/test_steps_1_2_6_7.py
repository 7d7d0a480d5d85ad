"""Traps and special cases of the checks of steps 1, 2, 6 and 7, and the ten-steps checklist."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.checks import all_checks
from hardentui.checks.prelude import container, rootful, rootless
from hardentui.errors import CannotFix
from hardentui.features.checklists.loading import load
from hardentui.lib.image import ImageFile, ImageInventory
from hardentui.model.check import Parameters
from hardentui.model.configuration import Configuration, Value
from hardentui.model.facts import (
    ContainerFacts,
    FileChange,
    ImageFacts,
    Kernel,
    NetworkFacts,
    NotRunning,
    Process,
    SocketEndpoint,
    UnitFacts,
)
from hardentui.model.finding import Severity, Status
from hardentui.model.host import Advisory, Firewall, HostFacts, OutdatedComponent
from hardentui.model.image import RegistryDigest, ScanReport, Vulnerability
from hardentui.model.known import Unread
from hardentui.model.network import Peer, Peers
from hardentui.model.spec import Spec, Version
from hardentui.model.trust import TrustFacts
from hardentui.options import *
from hardentui.reading.images import parse_time, reference
from hardentui.reading.networks import exposed, own_network, reach
from tests.support.judging import FAIL, NOT_APPLICABLE, PASS, UNKNOWN, fix, judge, status_of

DIGEST = "sha256:" + "d" * 64
NGINX = "docker.io/library/nginx"


def image(config: dict[str, Any] | None = None, **over: Any) -> ImageFacts:
    return ImageFacts(id="1" * 64, inspect={"Config": config or {}}, **over)


# ── step 6: networks and ports ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", "all"),
        ("0.0.0.0", "all"),
        ("::", "all"),
        ("[::]", "all"),
        ("::ffff:0.0.0.0", "all"),
        ("0:0:0:0:0:0:0:0", "all"),
        ("127.0.0.1", "loopback"),
        ("127.8.9.1", "loopback"),
        ("[::1]", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("192.0.2.7", "one"),
        ("2001:db8::7", "one"),
        ("no address", "one"),
    ],
)
def test_who_can_reach_a_port_is_told_by_its_address(address: str, expected: str) -> None:
    assert reach(Port(80, "8080", address)) == expected


def test_binding_the_same_port_for_both_families_leaves_one_port() -> None:
    ports = (Port(80, "8080", "0.0.0.0"), Port(80, "8080", "::"), Port(443, "8443", "192.0.2.7"))
    fixed = fix("wildcard-port", container((PUBLISH, ports)))
    assert fixed[PUBLISH] == (Port(80, "8080", "127.0.0.1"), Port(443, "8443", "192.0.2.7"))


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "", "not an address"])
def test_ports_are_never_bound_to_what_is_no_single_address(address: str) -> None:
    with pytest.raises(CannotFix):
        fix("wildcard-port", "--publish=8080:80", address=address)


def test_publish_all_is_spelled_out_with_random_host_ports() -> None:
    facts = container("--publish-all", image=image({"ExposedPorts": {"80/tcp": {}, "5353/udp": {}}}))
    fixed = fix("wildcard-port", facts)
    assert fixed[PUBLISH_ALL] is False
    assert [port.argument() for port in fixed[PUBLISH]] == ["127.0.0.1::80", "127.0.0.1::5353/udp"]


@pytest.mark.parametrize("check", ["wildcard-port", "unfirewalled-port", "default-seccomp-only"])
def test_publish_all_opens_only_the_ports_that_are_not_published_otherwise(check: str) -> None:
    exposes = image({"ExposedPorts": {"80/tcp": {}, "5353/udp": {}}})
    web = (Port(80, "8080", "127.0.0.1"),)
    both = (*web, Port(5353, "5353", "127.0.0.1", "udp"))
    host = HostFacts(firewall=Firewall(rules=(), outside=("eth0",)))

    def status(ports: tuple[Port, ...], of: Any = exposes) -> Status:
        facts = container("--publish-all", (PUBLISH, ports), image=of, host=host)
        return status_of(check, facts)

    assert status(web) is FAIL
    assert status(both, Unread("gone")) is FAIL
    assert status(both) in (PASS, NOT_APPLICABLE)


def test_publish_all_of_an_unknown_image_is_not_guessed() -> None:
    with pytest.raises(CannotFix):
        fix("wildcard-port", "--publish-all")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (container(), "no published ports"),
        (container("--network=none"), "no network"),
        (container("--network=host --publish=80:80"), "host"),
        (container("--network=container:vpn"), "another container"),
        (container("--pod=shop"), "pod"),
        (container(inspect={"Pod": "a" * 64}), "pod"),
    ],
)
def test_where_no_ports_can_be_there_is_no_answer_but_a_reason(facts: ContainerFacts, reason: str) -> None:
    verdict = judge("wildcard-port", facts)
    assert verdict.status is NOT_APPLICABLE
    assert reason in verdict.reason


def test_ports_of_a_pod_are_read_from_its_infra_container_and_changed_at_the_pod() -> None:
    bindings = {"5432/tcp": [{"HostIp": "0.0.0.0", "HostPort": "7070"}]}
    infra = container(inspect={"Pod": "a" * 64, "IsInfra": True, "HostConfig": {"PortBindings": bindings}})
    for check in ("wildcard-port", "exposed-admin-port"):
        assert status_of(check, infra) is FAIL
        with pytest.raises(CannotFix, match="pod"):
            fix(check, infra)


def test_a_moved_database_port_is_still_found_on_either_side() -> None:
    assert status_of("exposed-admin-port", "--publish=15432:5432") is FAIL
    assert status_of("exposed-admin-port", "--publish=22:9999") is FAIL
    assert status_of("exposed-admin-port", container((PUBLISH, (Port(5432, "", "[::1]"),)))) is PASS


def test_the_kernel_decides_about_the_host_network() -> None:
    on_host = Kernel(pid=7, shared_namespaces=frozenset({"net"}))
    own = Kernel(pid=7, shared_namespaces=frozenset())
    borrowed = judge("host-network", container("--network=container:vpn", kernel=on_host))
    assert (borrowed.status, borrowed.effective) == (FAIL, "the host's network namespace")
    assert status_of("host-network", container("--network=host", kernel=own)) is PASS
    unseen = judge("host-network", container(kernel=Unread("no permission")))
    assert (unseen.status, unseen.reason) == (UNKNOWN, "no permission")
    assert status_of("host-network", container("--network=host", kernel=Unread("x"))) is FAIL


def test_the_default_network_is_the_engines_and_rootless_pasta_is_none() -> None:
    custom = rootful(default_network="corp")
    assert status_of("default-network", container(engine=custom)) is FAIL
    assert status_of("default-network", container("--network=podman", engine=custom)) is PASS
    assert status_of("default-network", container("--network=pasta:--mtu,1400", engine=rootless())) is (PASS)
    assert status_of("default-network", container("--network=podman", engine=rootless())) is FAIL


def test_leaving_the_default_network_keeps_the_other_networks_with_their_options() -> None:
    facts = container("--network=shop-net:alias=web --network=podman:ip=10.88.0.9")
    assert fix("default-network", facts)[NETWORK] == ("shop-net:alias=web", "web-net")


def test_a_range_of_exposed_ports_declares_each_of_them() -> None:
    facts = container("--publish=8005:8005", image=image({"ExposedPorts": {"8000-8010/tcp": {}}}))
    assert status_of("undeclared-published-port", facts) is PASS
    udp = container("--publish=8005:8005/udp", image=facts.image)
    assert status_of("undeclared-published-port", udp) is FAIL
    assert status_of("undeclared-published-port", udp, allowed=("8005/udp",)) is PASS


def test_an_undeclared_port_is_never_closed_by_itself() -> None:
    with pytest.raises(CannotFix):
        fix("undeclared-published-port", container("--publish=9229:9229", image=image()))


def test_neighbours_of_the_same_app_or_pod_are_no_strangers() -> None:
    same = Peer("2" * 64, "db", networks=("shop-net",), app="shop")
    own = (NETWORK, ("shop-net",))
    shop = container(own, (LABELS, ("app=shop",)), peers=Peers((same,)))
    assert status_of("shared-network", shop) is PASS
    unlabelled = judge("shared-network", container(own, peers=Peers((same,))))
    assert unlabelled.status is UNKNOWN

    def beside_a_member_of(pod: str) -> ContainerFacts:
        peers = Peers((replace(same, app="", pod=pod),))
        return container(own, inspect={"Pod": "p", "IsInfra": True}, peers=peers)

    assert status_of("shared-network", beside_a_member_of("p")) is PASS
    assert status_of("shared-network", beside_a_member_of("q")) is FAIL


def test_isolation_is_judged_by_the_engines_version() -> None:
    both = ("a", "b")
    old, new = rootful(version=Version(5, 4)), rootful(version=Version(6, 0))
    plain = {"driver": "bridge"}
    assert status_of("unisolated-network", NetworkFacts("a", plain, engine=old, bridges=both)) is FAIL
    assert status_of("unisolated-network", NetworkFacts("a", plain, engine=new, bridges=both)) is PASS
    alone = judge("unisolated-network", NetworkFacts("a", plain, engine=old, bridges=("a",)))
    assert alone.status is NOT_APPLICABLE
    assert status_of("unisolated-network", NetworkFacts("a", plain, engine=old)) is UNKNOWN


def test_the_firewall_hook_that_counts_depends_on_the_engine() -> None:
    port = (PUBLISH, (Port(80, "8080"),))
    chain = {
        "family": "inet",
        "table": "f",
        "name": "in",
        "type": "filter",
        "hook": "input",
        "policy": "drop",
    }
    only_input = HostFacts(firewall=Firewall(rules=({"chain": chain},), outside=("eth0",)))
    verdict = judge("unfirewalled-port", container(port, host=only_input))
    assert verdict.status is FAIL
    assert "only at input" in verdict.reason
    assert status_of("unfirewalled-port", container(port, host=only_input, engine=rootless())) is PASS
    assert status_of("unfirewalled-port", container(port, host=HostFacts())) is UNKNOWN
    remote = container(port, host=only_input, engine=rootful(local=False))
    assert status_of("unfirewalled-port", remote) is UNKNOWN


PLAIN = rootless(trust=TrustFacts(configuration=Configuration()))


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("pasta:-T,none,-U,none,--no-map-gw", PASS),
        ("pasta:-T,auto", FAIL),
        ("pasta:-T5432", FAIL),
        ("pasta:--tcp-ns=5432", FAIL),
        ("pasta:--udp-ns,53", FAIL),
        ("pasta:--map-gw", FAIL),
        ("pasta:--map-host-loopback,10.0.2.2", FAIL),
        ("pasta:--map-host-loopback,none", PASS),
        ("slirp4netns:allow_host_loopback=true", FAIL),
        ("slirp4netns:allow_host_loopback=false", PASS),
        ("pasta:-t,8080", PASS),
    ],
)
def test_options_that_open_the_hosts_loopback(value: str, status: Status) -> None:
    facts = container((NETWORK, (value,)), engine=PLAIN)
    assert status_of("reachable-host-services", facts) is status
    if status is FAIL:
        fixed = fix("reachable-host-services", facts)
        assert status_of("reachable-host-services", facts.planned(fixed)) is PASS


def test_loopback_options_keep_the_harmless_ones_when_fixed() -> None:
    facts = container("--network=pasta:--mtu,1400,-T,5432,-t,80", engine=PLAIN)
    assert fix("reachable-host-services", facts)[NETWORK] == ("pasta:--mtu,1400,-t,80",)


# ── step 7: what happens at run time ──────────────────────────────────────────────────────────────────

CHECKED = {"Healthcheck": {"Test": ["CMD", "redis-cli", "ping"]}}


def test_the_images_health_check_counts_until_it_is_switched_off() -> None:
    assert status_of("missing-health-check", container(image=image(CHECKED))) is PASS
    off = container("--health-cmd=none", image=image(CHECKED))
    assert status_of("missing-health-check", off) is FAIL
    no_timer = container("--health-interval=disable", image=image(CHECKED))
    assert status_of("missing-health-check", no_timer) is FAIL
    assert fix("missing-health-check", no_timer)[HEALTH_INTERVAL] == ""
    assert status_of("missing-health-check", "") is UNKNOWN


def test_a_health_check_is_only_made_from_a_given_command() -> None:
    facts = container(image=image())
    with pytest.raises(CannotFix):
        fix("missing-health-check", facts)
    fixed = fix("missing-health-check", facts, command="nginx -t")
    assert status_of("missing-health-check", facts.planned(fixed)) is PASS


@pytest.mark.parametrize(
    ("size", "status"), [("0B", "fail"), ("-1", "fail"), ("0", "fail"), ("1.235MB", "pass")]
)
def test_a_log_limit_must_limit(size: str, status: str) -> None:
    engine = rootful(trust=TrustFacts(configuration=Configuration()))
    by_option = container("--log-driver=k8s-file", (LOG_OPT, (f"max-size={size}",)), engine=engine)
    assert status_of("unbounded-logs", by_option) == status
    by_inspect = container(
        "--log-driver=k8s-file", engine=engine, inspect={"HostConfig": {"LogConfig": {"Size": size}}}
    )
    assert status_of("unbounded-logs", by_inspect) == status


def with_log_limit(limit: int = 0) -> ContainerFacts:
    values = {"containers.log_size_max": Value(limit, "/etc/containers/containers.conf")} if limit else {}
    trust = TrustFacts(configuration=Configuration(values))
    return container("--log-driver=k8s-file", engine=rootful(trust=trust))


def test_the_limit_that_a_log_is_written_with_counts_wherever_it_was_set() -> None:
    for facts in (with_log_limit(), with_log_limit(1 << 20)):
        for limit, status in ((1 << 20, PASS), (0, FAIL)):
            assert status_of("unbounded-logs", facts.replace(log_limit_in_force=limit)) is status
    written = with_log_limit(1 << 20).replace(log_limit_in_force=0)
    assert fix("unbounded-logs", written)[LOG_OPT] == ("max-size=10mb",)


def test_drift_leaves_out_directories_mounts_and_what_podman_writes() -> None:
    changes = (
        FileChange("/etc", "modified"),
        FileChange("/etc/resolv.conf", "added"),
        FileChange("/data", "added"),
        FileChange("/data/db", "added"),
        FileChange("/tmp/x", "added"),
        FileChange("/tmpfoo", "added"),
    )
    facts = container(changes=changes, inspect={"Mounts": [{"Destination": "/data/db"}]})
    verdict = judge("drifted-files", facts)
    assert [proof.where for proof in verdict.evidence] == ["/tmpfoo"]
    assert verdict.severity is Severity.MEDIUM
    assert status_of("drifted-files", "") is UNKNOWN


def running(*processes: Process) -> Kernel:
    return Kernel(pid=812, processes=processes, shared_namespaces=frozenset())


MAIN = Process(812, "app", "/app")
SHELL = Process(900, "bash", "/usr/bin/bash")


def test_a_stray_shell_fails_and_an_expected_one_does_not() -> None:
    plain = image()
    assert status_of("unexpected-process", container(kernel=running(MAIN, SHELL), image=plain)) is FAIL
    script = Process(812, "sh", "/bin/busybox")
    assert status_of("unexpected-process", container(kernel=running(script), image=plain)) is PASS
    checked = container(kernel=running(MAIN, SHELL), image=image(CHECKED))
    assert status_of("unexpected-process", checked) is UNKNOWN


def test_processes_that_could_not_be_read_are_unknown() -> None:
    assert status_of("unexpected-process", container(kernel=Unread("remote"))) is UNKNOWN
    for check in ("unexpected-process", "unexpected-listener"):
        reason = judge(check, container(kernel=Kernel(7), image=image())).reason
        assert reason == "shown only when one container is checked"
    assert status_of("unexpected-process", "") is NOT_APPLICABLE


def listening(*sockets: tuple[str, str, int], shared: frozenset[str] = frozenset()) -> Kernel:
    result = tuple(SocketEndpoint(*socket) for socket in sockets)
    return Kernel(pid=812, shared_namespaces=shared, listening=result)


def test_listeners_that_nobody_else_reaches_do_not_count() -> None:
    quiet = listening(("tcp6", "::1", 9000), ("tcp", "127.0.0.53", 53), ("udp6", "::", 51234))
    assert status_of("unexpected-listener", container(kernel=quiet, image=image())) is PASS
    loud = listening(("udp6", "::", 53))
    assert status_of("unexpected-listener", container(kernel=loud, image=image())) is FAIL
    published = container("--publish=53:53/udp", kernel=loud, image=image())
    assert status_of("unexpected-listener", published) is PASS


def test_the_hosts_own_listeners_are_not_the_containers() -> None:
    kernel = listening(("tcp", "0.0.0.0", 22), shared=frozenset({"net"}))
    assert status_of("unexpected-listener", container(kernel=kernel, image=image())) is NOT_APPLICABLE


def labelled_with_unit(**more: Any) -> ContainerFacts:
    return container(inspect={"Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}}}, **more)


def test_only_a_unit_that_exists_owns_a_container() -> None:
    assert status_of("unowned-container", labelled_with_unit(unit_exists=True)) is PASS
    gone = judge("unowned-container", labelled_with_unit(unit_exists=False))
    assert (gone.status, "web.service" in gone.reason) == (FAIL, True)
    unseen = judge("unowned-container", labelled_with_unit(unit_exists=Unread("no systemd")))
    assert (unseen.status, "no systemd" in unseen.reason) == (UNKNOWN, True)
    inspect = {"Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": "gone.service", "owner": "web"}}}
    owned = container("--label=owner=web", inspect=inspect, unit_exists=False)
    assert status_of("unowned-container", owned) is PASS


def test_a_unit_that_systemd_does_not_know_is_unknown() -> None:
    labelled = {
        "Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}},
        "Created": "2025-12-01T00:00:00Z",
    }
    assert status_of("unit-drift", container(inspect=labelled)) is UNKNOWN
    assert status_of("unit-drift", container(inspect=labelled, unit=None)) is UNKNOWN
    assert status_of("unit-drift", "") is NOT_APPLICABLE
    undated = container(inspect=labelled, unit=UnitFacts("web.service"))
    assert status_of("unit-drift", undated) is UNKNOWN


def test_audit_watches_of_a_directory_above_count_and_comments_do_not() -> None:
    rules = (
        "-w /etc -p wa",
        "-a always,exit -F dir=/usr -F perm=wa",
        "-w /run/podman/",
        "-w /var/lib/containers",
    )
    assert status_of("unaudited-engine", HostFacts(audit_loaded=rules)) is PASS
    assert status_of("unaudited-engine", HostFacts(audit_rules=rules)) is UNKNOWN
    commented = tuple(f"# {rule}" for rule in rules)
    assert status_of("unaudited-engine", HostFacts(audit_rules=commented)) is FAIL
    assert status_of("unaudited-engine", HostFacts()) is UNKNOWN


# ── step 2: updates ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nginx", ("nginx", "", "", "")),
        ("host:5000/a/b", ("host:5000/a/b", "", "", "host:5000")),
        ("host:5000/a/b:1@" + DIGEST, ("host:5000/a/b", "1", DIGEST, "host:5000")),
        ("localhost/app:latest", ("localhost/app", "latest", "", "localhost")),
    ],
)
def test_references_are_taken_apart(text: str, parts: tuple[str, str, str, str]) -> None:
    result = reference(text)
    assert (result.name, result.tag, result.digest, result.host) == parts


def answered(digest: str, *, asked: int = 0, seen: int = 10) -> RegistryDigest:
    """What a registry said `asked` days ago, of a digest that was first seen `seen` days ago."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return RegistryDigest(digest, now - timedelta(days=asked), now - timedelta(days=seen))


def test_a_new_image_counts_once_it_has_cooled_down_and_an_old_answer_says_nothing() -> None:
    facts = container(inspect={"ImageName": f"{NGINX}:1.29", "ImageDigest": DIGEST}, image=image())
    other = "sha256:" + "9" * 64

    def status(answer: RegistryDigest) -> Status:
        return status_of("outdated-tag", facts.replace(registry_digest=answer))

    assert status(answered(other, seen=2)) is PASS
    assert status(answered(other, seen=3)) is FAIL
    assert status(answered(other, asked=8)) is UNKNOWN
    assert status(answered(DIGEST, asked=8)) is UNKNOWN


@pytest.mark.parametrize("date", ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "", "yesterday"])
def test_a_fixed_or_missing_build_date_is_no_age(date: str) -> None:
    assert status_of("old-image", container(image=ImageFacts("1", {"Created": date}))) is UNKNOWN


def test_a_floating_name_is_pinned_to_what_runs() -> None:
    known = {
        "RepoDigests": [f"quay.io/other@sha256:{'f' * 64}", f"{NGINX}@sha256:{'e' * 64}", f"{NGINX}@{DIGEST}"]
    }
    inspect = {"ImageName": f"{NGINX}:latest", "ImageDigest": DIGEST}
    facts = container((IMAGE, "nginx"), inspect=inspect, image=ImageFacts("1", known))
    assert fix("mutable-image-tag", facts)[IMAGE] == f"{NGINX}@{DIGEST}"


def test_automatic_updates_without_their_timer_fail() -> None:
    updated = ((IMAGE, f"{NGINX}:1.29"), (LABELS, ("io.containers.autoupdate=registry",)))
    assert status_of("no-update-path", container(*updated, engine=rootful(auto_update_timer=False))) is FAIL
    assert status_of("no-update-path", container(*updated)) is UNKNOWN


def test_a_health_check_that_systemd_does_not_wait_for_takes_no_update_back() -> None:
    updated = (LABELS, ("io.containers.autoupdate=registry",))
    assert status_of("update-without-rollback", container(updated, image=image(CHECKED))) is FAIL
    waits = container(updated, (SDNOTIFY, "healthy"), image=image(CHECKED))
    assert status_of("update-without-rollback", waits) is PASS
    unchecked = container(updated, (SDNOTIFY, "healthy"), image=image())
    assert status_of("update-without-rollback", unchecked) is FAIL
    with pytest.raises(CannotFix):
        fix("update-without-rollback", container(updated, image=image()))


def test_a_version_of_a_distribution_proves_no_hole() -> None:
    advisory = Advisory("crun", "CVE-2025-1", ("1.20",), "s", "t")
    packaged = HostFacts(
        outdated=(OutdatedComponent(advisory, "1.19", True, Unread("there is no change log")),)
    )
    assert status_of("vulnerable-engine", packaged) is UNKNOWN
    assert status_of("vulnerable-engine", HostFacts()) is UNKNOWN


def test_a_report_without_a_list_of_exploited_holes_is_no_pass() -> None:
    day = datetime(2025, 12, 31, tzinfo=UTC)
    report = ScanReport("grype", day, day, (Vulnerability("CVE-1", "zlib", "low"),))
    facts = container(image=image(scan=report))
    assert status_of("exploited-vulnerabilities", facts) is UNKNOWN
    assert status_of("fixable-vulnerabilities", facts) is PASS


# ── step 1: images ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "check", [check for check in all_checks() if check.step == 1], ids=lambda check: check.id
)
def test_what_is_in_an_image_is_never_guessed(check: Any) -> None:
    unread = container()
    verdict = check.verdict(unread, Parameters(check.parameters))
    assert verdict.status is UNKNOWN
    no_image = container("--rootfs=/srv/root")
    assert check.verdict(no_image, Parameters(check.parameters)).status is NOT_APPLICABLE


def test_a_gap_in_the_inventory_is_no_pass() -> None:
    gaps = ImageInventory(gaps=("layer 3 is damaged",))
    verdict = judge("credentials-in-layers", container(image=image(inventory=gaps)))
    assert verdict.status is UNKNOWN
    assert "layer 3" in verdict.reason
    result = replace(gaps, credentials=(ImageFile("/k.pem", "private key"),))
    assert status_of("credentials-in-layers", container(image=image(inventory=result))) is FAIL


@pytest.mark.parametrize(
    ("release", "status"),
    [
        ({"ID": "debian", "VERSION_ID": "10"}, FAIL),
        ({"ID": "alpine", "VERSION_ID": "3.22.1"}, PASS),
        ({"ID": "debian"}, UNKNOWN),
        ({"ID": "hannah", "VERSION_ID": "1"}, UNKNOWN),
        ({}, NOT_APPLICABLE),
    ],
)
def test_the_end_of_a_release(release: dict[str, str], status: Status) -> None:
    facts = container(image=image(inventory=ImageInventory(release=release)))
    assert status_of("end-of-life-image", facts) is status


@pytest.mark.parametrize(
    "step",
    [
        "|2 API_KEY=abcdef0123456789 V=1 /bin/sh -c make",
        "/bin/sh -c #(nop)  ENV DB_PASSWORD=correct-horse",
        'ARG TOKEN="abcdef0123456789"',
        "RUN git clone https://bob:hunter22@example.com/x.git",
    ],
)
def test_credentials_in_the_history_are_found_and_not_shown(step: str) -> None:
    facts = container(image=image(history=({"created_by": step},)))
    verdict = judge("credentials-in-image-config", facts)
    assert verdict.status is FAIL
    for value in ("abcdef0123456789", "correct-horse", "hunter22"):
        assert value not in repr(verdict)


def test_an_address_in_the_history_is_not_shown_with_its_password() -> None:
    facts = container(image=image(history=({"created_by": "ADD https://bob:hunter22@example.com/x /"},)))
    verdict = judge("unclean-image-build", facts)
    assert verdict.status is FAIL
    assert "hunter22" not in repr(verdict)


@pytest.mark.parametrize(
    ("step", "status"),
    [
        ("RUN apt-get update && apt-get -y upgrade", PASS),
        ("RUN apk -U add nginx", PASS),
        ("RUN dnf -y makecache", FAIL),
        ("ADD --checksum=sha256:aa https://example.com/x /", PASS),
        ("ADD --chown=1:1 https://example.com/x /", FAIL),
        ("COPY https.txt /", PASS),
        ("", UNKNOWN),
    ],
)
def test_habits_in_the_history(step: str, status: Status) -> None:
    facts = container(image=image(history=({"created_by": step},)))
    assert status_of("unclean-image-build", facts) is status


def test_what_is_advised_to_remove_is_saved_first() -> None:
    old = {"State": {"Status": "exited", "FinishedAt": "2025-10-01T08:00:00Z"}}
    commands = judge("stale-container", container(inspect=old)).commands
    assert commands[-2:] == ("podman export -o web.tar web", "podman rm web")
    for name, saved in (("localhost/app:1", True), ("docker.io/library/app:1", False)):
        facts = ImageFacts(id="1" * 64, inspect={"Created": "2025-01-01T00:00:00Z"}, names=(name,))
        commands = judge("stale-image", facts).commands
        assert [command.split()[2] for command in commands] == [*(["save"] if saved else []), "rm"]


def test_names_from_outside_cannot_leave_their_place_in_a_command() -> None:
    evil = "x; rm -rf / #"
    facts = container(changes=(FileChange("/app/x", "added"),)).replace(name=evil)
    assert judge("drifted-files", facts).commands == ("podman diff 'x; rm -rf / #'",)


SURFACE_STEPS = (1, 2, 6, 7)
CHECKLISTS = Path(__file__).parents[3] / "checklists"


def test_a_borrowed_host_network_cannot_be_fixed_here() -> None:
    facts = container("--network=container:vpn", kernel=Kernel(7, shared_namespaces=frozenset({"net"})))
    with pytest.raises(CannotFix):
        fix("host-network", facts)


@pytest.mark.parametrize("name", ["../../etc", "-x", "a b\nc", "\x1b[31m", "", "ünï"])
def test_the_name_of_an_own_network_is_always_a_valid_one(name: str) -> None:
    made = own_network(name)
    assert made[0].isalnum()
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


@pytest.mark.parametrize("word", ["", "x", "80-", "-80", "8०", "99999999999-99999999999999"])
def test_a_port_that_cannot_be_read_declares_nothing(word: str) -> None:
    assert len(exposed(word)) <= 1


def test_a_moved_low_port_takes_none_that_is_used() -> None:
    fixed = fix("low-host-port", "--publish=25:25 --publish=8025:8025")
    assert [port.host for port in fixed[PUBLISH]] == ["8026", "8025"]


def test_apps_of_one_fix_end_on_one_network() -> None:
    stranger = Peer("2" * 64, "wiki", networks=("podman",), app="wiki")
    web = container("--label=app=shop", peers=Peers((stranger,)))
    db = web.replace(name="db")
    assert fix("shared-network", web)[NETWORK] == fix("shared-network", db)[NETWORK] == ("shop-net",)


def test_a_planned_network_is_a_bridge_but_an_unread_one_is_unknown() -> None:
    facts = container("--network=somewhere")
    assert status_of("unfiltered-network-driver", facts) is UNKNOWN
    assert status_of("unfiltered-network-driver", facts.planned(facts.spec)) is PASS


def test_loopback_options_that_inspect_hides_are_unknown() -> None:
    hidden = container(engine=PLAIN).replace(spec=Spec({}, frozenset({NETWORK})))
    assert status_of("reachable-host-services", hidden) is UNKNOWN
    for_all = Configuration({"network.pasta_options": Value(["--map-gw"], "/etc/containers/containers.conf")})
    engine = rootless(trust=TrustFacts(configuration=for_all))
    assert status_of("reachable-host-services", container(engine=engine)) is FAIL


def test_a_stopped_container_is_not_called_unhealthy() -> None:
    stale = {"State": {"Health": {"Status": "unhealthy"}}}
    facts = container("--health-cmd=x", inspect=stale, kernel=NotRunning("exited"))
    verdict = judge("unhealthy", facts)
    assert (verdict.status, verdict.severity) == (FAIL, Severity.LOW)


def test_an_engine_wide_log_limit_that_cannot_be_read_is_unknown() -> None:
    facts = container("--log-driver=k8s-file", inspect={"HostConfig": {"LogConfig": {"Size": "0B"}}})
    assert status_of("unbounded-logs", facts) is UNKNOWN
    assert status_of("no-logs", "") is UNKNOWN


def test_a_deleted_hosts_file_is_drift() -> None:
    assert status_of("drifted-files", container(changes=(FileChange("/etc/hosts", "deleted"),))) is FAIL


@pytest.mark.parametrize("process", [Process(9, "kworker", "/srv/xmrig"), Process(9, "sshd", "/bin/busybox")])
def test_a_program_is_recognised_by_either_of_its_names(process: Process) -> None:
    facts = container(kernel=running(MAIN, process), image=image(CHECKED))
    assert judge("unexpected-process", facts).severity is Severity.HIGH


def test_a_relay_is_only_expected_as_the_service_itself() -> None:
    relay = Process(812, "socat", "/usr/bin/socat")
    assert status_of("unexpected-process", container(kernel=running(relay), image=image())) is PASS
    beside = running(MAIN, replace(relay, pid=900))
    assert status_of("unexpected-process", container(kernel=beside, image=image())) is FAIL
    login = running(Process(812, "sshd", "/usr/sbin/sshd"))
    assert status_of("unexpected-process", container(kernel=login, image=image())) is FAIL


def test_restarts_count_only_while_they_are_fresh() -> None:
    state = {"State": {"StartedAt": "2025-12-31T08:00:00Z", "Status": "running"}, "RestartCount": 40}
    settled = container(inspect=state, kernel=Kernel(pid=1))
    assert status_of("restart-loop", settled) is PASS
    assert status_of("restart-loop", settled.replace(kernel=NotRunning("exited"))) is FAIL
    labelled = {
        "State": {"StartedAt": "2025-12-31T08:00:00Z"},
        "Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": "u"}},
    }
    assert status_of("restart-loop", container(inspect=labelled)) is UNKNOWN
    never = {"State": {"StartedAt": "0001-01-01T00:00:00Z"}}
    assert status_of("restart-loop", container(inspect=never)) is NOT_APPLICABLE


def test_an_owner_label_of_the_image_is_not_ours() -> None:
    from_image = container(inspect={"Config": {"Labels": {"owner": "somebody upstream"}}})
    assert status_of("unowned-container", from_image) is FAIL
    assert fix("unowned-container", from_image, owner="web-team")[LABELS] == ("owner=web-team",)


def test_a_manager_that_the_image_names_manages_nothing() -> None:
    image = ImageFacts("1" * 64, {"Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}}})
    assert status_of("unowned-container", labelled_with_unit(image=image, unit_exists=True)) is FAIL


def test_a_local_image_is_never_called_outdated() -> None:
    facts = container(
        inspect={"ImageName": "localhost/app:latest"}, image=image(), registry_digest=answered("sha256:e")
    )
    assert status_of("outdated-tag", facts) is NOT_APPLICABLE


def test_either_digest_of_a_multi_architecture_image_is_current() -> None:
    both = {"RepoDigests": [f"{NGINX}@{DIGEST}", f"{NGINX}@sha256:{'e' * 64}"]}
    facts = container(
        inspect={"ImageName": f"{NGINX}:1.29", "ImageDigest": DIGEST}, image=ImageFacts("1", both)
    )
    for digest in (DIGEST, "sha256:" + "e" * 64):
        assert status_of("outdated-tag", facts.replace(registry_digest=answered(digest))) is PASS
    assert status_of("outdated-tag", facts) is UNKNOWN


def test_superseded_compares_ids_however_they_are_spelled() -> None:
    inspect = {"ImageName": f"{NGINX}:1.29", "Image": "sha256:" + "a" * 64}
    assert status_of(
        "superseded-image", container(inspect=inspect, image_ids={f"{NGINX}:1.29": "a" * 64})
    ) is (PASS)
    assert status_of("superseded-image", container(inspect=inspect, image_ids={})) is UNKNOWN
    assert status_of("superseded-image", container(inspect=inspect)) is UNKNOWN


def test_gos_nanoseconds_and_zones_are_read() -> None:
    assert parse_time("2026-11-24T13:43:44.192660895Z") == datetime(2026, 11, 24, 13, 43, 44, 192660, UTC)
    assert parse_time("2026-11-24T15:43:44.1+02:00") == datetime(2026, 11, 24, 13, 43, 44, 100000, UTC)
    assert parse_time("0001-01-01T00:00:00Z") is None


def test_a_local_floating_name_fails_but_cannot_be_pinned() -> None:
    facts = container((IMAGE, "localhost/app"), inspect={"ImageName": "localhost/app:latest"}, image=image())
    assert status_of("mutable-image-tag", facts) is FAIL
    with pytest.raises(CannotFix):
        fix("mutable-image-tag", facts)
    assert status_of("mutable-image-tag", container((IMAGE, "a" * 64))) is PASS
    assert status_of("mutable-image-tag", "--rootfs=/srv/root") is NOT_APPLICABLE


@pytest.mark.parametrize("name", ["nginx:1.29", "localhost/app:1", f"{NGINX}@{DIGEST}"])
def test_automatic_updates_need_a_full_name_that_can_move(name: str) -> None:
    with pytest.raises(CannotFix):
        fix("no-update-path", container((IMAGE, name)))


def test_the_ten_steps_hold_every_check_of_its_step_once() -> None:
    checklist = load()
    assert [step.number for step in checklist.steps] == list(range(1, 11))
    for step in checklist.steps:
        if step.number in SURFACE_STEPS:
            assert set(step.checks) == {check.id for check in all_checks() if check.step == step.number}
        assert len(step.title) <= 20
        for text in (step.what, step.why, step.attack, step.fix, step.breaks):
            assert len(text) > 100


def test_the_schema_knows_every_key_of_the_checklist() -> None:
    import tomllib

    schema = json.loads((CHECKLISTS / "schema.json").read_text())
    document = tomllib.loads((CHECKLISTS / "ten-steps.toml").read_text())
    assert set(document) <= set(schema["properties"])
    known = set(schema["$defs"]["step"]["properties"])
    for step in document["step"]:
        assert set(step) <= known
        assert set(schema["$defs"]["step"]["required"]) <= set(step)


def test_output_that_is_passed_on_is_kept_only_by_a_unit() -> None:
    by_hand = container("--log-driver=passthrough")
    of_unit = by_hand.replace(inspect={"Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}}})
    for check in ("no-logs", "unbounded-logs"):
        assert status_of(check, by_hand) is UNKNOWN
        assert status_of(check, of_unit) is PASS
