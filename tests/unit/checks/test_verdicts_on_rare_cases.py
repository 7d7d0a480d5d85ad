"""Verdicts on rare cases, each as small as it can be: links, pods, devices of rootless containers."""

from pathlib import Path
from typing import Any

import pytest

from hardentui.checks.prelude import DEFAULT_CAPABILITIES, container, rootful, rootless
from hardentui.errors import CannotFix
from hardentui.features.looking.container_readers import links_of, real_path
from hardentui.features.looking.gather import with_peers
from hardentui.harden.evaluate import container_subject, evaluate
from hardentui.host.files import LocalFiles
from hardentui.lib.image.inventory import credential
from hardentui.model.check import Checklist
from hardentui.model.facts import (
    ALL_CAPABILITIES,
    CapabilitySets,
    ContainerFacts,
    FileChange,
    IdRange,
    ImageFacts,
    Kernel,
    KernelMount,
    NetworkFacts,
    Process,
    SocketEndpoint,
    VolumeFacts,
)
from hardentui.model.finding import Severity, Verdict
from hardentui.model.host import HostFacts
from hardentui.model.known import Unread
from hardentui.model.network import Peer, Peers
from hardentui.options import *
from hardentui.options.inspect import Sources
from hardentui.options.read import read_spec
from tests.support.judging import FAIL, NOT_APPLICABLE, PASS, UNKNOWN, fix, judge, status_of, the_check


def bind(source: str, destination: str = "/data", *options: str) -> tuple[Any, Any]:
    return MOUNTS, (Mount("bind", source, destination, tuple(options)),)


@pytest.mark.parametrize(
    "source", ["/srv/engine/api.socket", "/srv/engine", "/srv/", "/srv/engine/../engine"]
)
def test_the_socket_of_this_engine_counts_wherever_it_lies(source: str) -> None:
    engine = rootful(url="unix:///srv/engine/api.socket")
    assert status_of("mounted-engine-socket", container(bind(source), engine=engine)) is FAIL


@pytest.mark.parametrize(
    ("check_id", "target"),
    [("mounted-engine-socket", "/run/podman"), ("sensitive-host-mount", "/etc"), ("writable-mount", "/data")],
)
def test_a_mount_is_judged_by_where_its_link_leads(check_id: str, target: str) -> None:
    typed = "/opt/link.sock"  # by its own name a socket, which writable-mount leaves to others
    read_only = () if check_id == "writable-mount" else ("ro",)
    facts = container(bind(typed, "/inside", *read_only), host=HostFacts(tcp_services=()))
    assert status_of(check_id, facts) is PASS
    linked = container(bind(typed, "/inside", *read_only), links={typed: target})
    assert status_of(check_id, linked) is FAIL


_ASKED_FOR = ((MEMORY, 64 << 20), (CPUS, 0.5), (PIDS_LIMIT, 100))


@pytest.mark.parametrize("check_id", ["no-memory-limit", "no-cpu-limit", "no-pids-limit"])
def test_limits_that_podman_ignores_are_none(check_id: str) -> None:
    """Rootless on cgroup v1: inspect may still show what was asked for while nothing runs yet."""
    old, new = ({"host": {"cgroupVersion": version}} for version in ("v1", "v2"))
    ignored = container(*_ASKED_FOR, engine=rootless(info=old))
    assert status_of(check_id, ignored) is FAIL
    with pytest.raises(CannotFix, match="cgroup v1"):
        fix(check_id, ignored)
    assert status_of(check_id, container(*_ASKED_FOR, engine=rootless(info=new))) is PASS
    assert status_of(check_id, container(*_ASKED_FOR, engine=rootful(info=old))) is PASS


@pytest.mark.parametrize("check_id", ["wildcard-port", "exposed-admin-port"])
def test_an_open_port_is_as_open_without_root(check_id: str) -> None:
    """Who can reach it from outside has nothing to do with what a broken-in process may do inside."""
    check = the_check(check_id)
    port = (PUBLISH, (Port(6379, "6379"),))
    for engine in (rootful(), rootless()):
        facts = container(port, engine=engine)
        (finding,) = evaluate(facts, container_subject(facts), [check], Checklist("c", "c", ()))
        assert finding.severity is check.severity


@pytest.mark.parametrize(
    ("variable", "is_credential"),
    [
        ("PASSWORD_REQUIREMENTS=lower,upper", False),
        ("CSRF_TOKEN_COOKIE=XSRF-TOKEN", False),
        ("LDAP_PASSWORD_ATTRIBUTE=userPassword", False),
        ("TOKEN_ENDPOINT_AUTH=client_secret_post", False),
        ("AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", False),
        ("DB_PASSWORD=/run/secrets/db", False),
        ("DB_PASSWORD=/opt/x1y2/db", False),
        ("DB_PASSWORD=/secret", False),
        ("DB_PASSWORD=/kE9x2Lq7Vb", True),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", True),
        ("APP_YAML=db:\n  password: hunter22x", True),
    ],
)
def test_what_describes_a_secret_is_none(variable: str, is_credential: bool) -> None:
    expected = FAIL if is_credential else PASS
    assert status_of("plaintext-secret-env", container((ENV, (variable,)))) is expected


@pytest.mark.parametrize(
    ("user", "name", "said"),
    [
        ("472:472", "GF_SECURITY_PASSWORD", "uid=472,gid=472,mode=0400 --env GF_SECURITY_PASSWORD__FILE="),
        ("app", "DB_PASSWORD", "mode=0444 --env DB_PASSWORD_FILE="),
        ("", "DB_PASSWORD", "mode=0400 --env DB_PASSWORD_FILE="),
        ("", "AWS_SECRET_ACCESS_KEY", ""),
    ],
)
def test_advice_about_a_secret_works_for_the_user_and_the_image(user: str, name: str, said: str) -> None:
    told = judge("plaintext-secret-env", container((ENV, (f"{name}=correct-horse",)), (USER, user))).commands
    assert f"--secret web-{name.lower().replace('_', '-')},type=env,target={name}" in told[1]
    assert [said in line for line in told[2:]] == ([True] if said else [])


def test_ports_words_and_paths_that_were_missed() -> None:
    for port in (21, 9090):
        facts = container((PUBLISH, (Port(port, str(port)),)))
        assert status_of("exposed-admin-port", facts) is FAIL
    assert status_of("unmasked-system-paths", "--security-opt=unmask=/no/such") is PASS
    assert status_of("unmasked-system-paths", "'--security-opt=unmask=/proc/*'") is FAIL
    vendors = ("net.core.somaxconn=1024", "net.ipv4.conf.all.src_valid_mark=1")
    assert status_of("unsafe-sysctls", container((SYSCTL, vendors))) is PASS
    login = container((COMMAND, ("etcdctl", "--user=root:pw", "get", "x")))
    assert status_of("secret-on-command-line", login) is FAIL


@pytest.mark.parametrize(
    ("path", "start", "kind"),
    [
        ("/app/.env", b"DB_PASSWORD=x", "passwords of an application"),
        ("/app/.env", b"PORT=80", ""),
        ("/app/.git/config", b"url = https://oauth2:glpat-1@git.example", "git credentials"),
        ("/app/.git/config", b"url = https://git.example/x", ""),
        ("/infra/terraform.tfstate", b'"secret": "x"', "cloud credentials"),
        ("/app/key.json", b'{"type": "service_account", "private_key_id": "1"', "cloud credentials"),
        ("/root/.composer/auth.json", b'{"http-basic": {}}', "package registry token"),
        ("/etc/pip.conf", b"index-url = https://u:p@pypi.example/simple", "package index login"),
    ],
)
def test_files_of_credentials_in_layers(path: str, start: bytes, kind: str) -> None:
    assert credential(path, start) == kind


def test_a_listener_where_nobody_declares_any_port_is_hygiene() -> None:
    listening = Kernel(
        812, shared_namespaces=frozenset(), listening=(SocketEndpoint("tcp", "0.0.0.0", 80),)
    )  # fmt: skip
    silent = container(kernel=listening, image=ImageFacts("i" * 64, inspect={"Config": {}}))
    assert judge("unexpected-listener", silent).severity is Severity.LOW
    other = ImageFacts("i" * 64, inspect={"Config": {"ExposedPorts": {"443/tcp": {}}}})
    assert judge("unexpected-listener", container(kernel=listening, image=other)).severity is None


@pytest.mark.parametrize("group", ["disk", "6"])
def test_a_group_of_the_image_is_nobodys_group_under_a_map(group: str) -> None:
    added = (GROUP_ADD, (group,))
    assert status_of("dangerous-supplementary-groups", container(added)) is FAIL
    assert status_of("dangerous-supplementary-groups", container(added, (USERNS, "auto"))) is PASS
    assert status_of("dangerous-supplementary-groups", container(added, engine=rootless())) is PASS
    kept = container("--group-add=keep-groups", engine=rootless())
    assert status_of("dangerous-supplementary-groups", kept) is FAIL


def with_passed_on(user: str, recorded: list[str]) -> ContainerFacts:
    """CHOWN is in the inheritable set; Podman leaves a default capability that was added out of CapAdd."""
    passed_on = frozenset({"CAP_CHOWN"})
    sets = CapabilitySets(bounding=DEFAULT_CAPABILITIES, inheritable=passed_on, ambient=passed_on)
    inspect = {
        "BoundingCaps": sorted(DEFAULT_CAPABILITIES),
        "EffectiveCaps": recorded,
        "Config": {"User": user},
    }
    return container(kernel=Kernel(7, capabilities=sets), inspect=inspect)


def test_a_default_capability_that_was_added_is_declared() -> None:
    check = "capabilities-beyond-declared"
    assert status_of(check, with_passed_on("101", ["CAP_CHOWN"])) is PASS
    assert status_of(check, with_passed_on("101", [])) is FAIL


def test_the_recorded_set_of_root_excuses_nothing_that_is_passed_on() -> None:
    facts = with_passed_on("root", sorted(DEFAULT_CAPABILITIES))
    assert status_of("capabilities-beyond-declared", facts) is FAIL


def test_keep_id_is_no_claim_to_ids_of_its_own() -> None:
    kernel = Kernel(7, uid_map=(IdRange(0, 100_000, 1000), IdRange(1000, 1000, 1)))
    peer = Peer("2" * 64, "wiki", uid_ranges=((100_000, 65_536),))
    inspect = {"HostConfig": {"IDMappings": {"UidMap": ["0:1:1000"]}}}
    peers = Peers((peer,))
    kept = container("--userns=keep-id", kernel=kernel, engine=rootless(), peers=peers, inspect=inspect)
    assert status_of("overlapping-uid-ranges", kept) is NOT_APPLICABLE
    automatic = container("--userns=auto", kernel=kernel, peers=peers)
    assert status_of("overlapping-uid-ranges", automatic) is FAIL


def test_a_neighbour_of_the_engine_socket_or_a_far_engine_does_not_count() -> None:
    engine = rootful(url="unix:///srv/engine/api.socket")
    no_api = HostFacts(tcp_services=())
    facts = container(bind("/srv/engine2"), engine=engine, host=no_api)
    assert status_of("mounted-engine-socket", facts) is PASS
    far = rootful(url="unix:///srv/engine/api.socket", local=False)
    alone = container(bind("/srv/engine"), (NETWORK, ("none",)), engine=far)
    assert status_of("mounted-engine-socket", alone) is PASS


def test_what_is_mounted_below_a_read_only_directory_counts_where_it_can_be_seen() -> None:
    """Podman makes only the directory itself read-only."""
    blind = Unread("in a container that cannot see the host")
    assert status_of("writable-mount", container(bind("/etc", "/inside", "ro"), kernel=blind)) is UNKNOWN
    alone = container(bind("/etc", "/inside", "ro", "bind"), kernel=blind)
    assert status_of("writable-mount", alone) is PASS
    far = rootful(local=False)
    assert status_of("writable-mount", container(bind("/etc", "/inside", "ro"), engine=far)) is UNKNOWN


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("rw,relatime", "without nosuid, nodev, noexec: /d"),
        ("rw,noexec", "without nosuid, nodev: /d"),
        ("rw,nosuid,nodev", "without noexec: /d"),
    ],
)
def test_a_writable_mount_is_told_which_options_it_lacks(options: str, reason: str) -> None:
    kernel = Kernel(7, mounts=(KernelMount("/d", "ext4", options),))
    assert judge("writable-mount", container(bind("/srv/d", "/d"), kernel=kernel)).reason == reason


def test_links_are_followed_as_the_kernel_follows_them(tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "one").symlink_to("real")
    (tmp_path / "two").symlink_to(tmp_path / "one" / "deep")
    (tmp_path / "up").symlink_to("real/deep/../..")
    (tmp_path / "round").symlink_to("round")
    root = str(tmp_path.resolve())
    files = LocalFiles()
    assert real_path(files, f"{root}/two") == f"{root}/real/deep"
    assert real_path(files, f"{root}/two/../deep") == f"{root}/real/deep"
    assert real_path(files, f"{root}/up/real") == f"{root}/real"
    assert real_path(files, f"{root}/real/") == f"{root}/real"
    with pytest.raises(OSError, match="links"):
        real_path(files, f"{root}/round")


def test_only_mounts_that_go_through_links_are_noted(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "plain").mkdir()
    (root / "link").symlink_to("plain")
    sources = [f"{root}/plain", f"{root}/link", f"{root}/gone"]
    mounts = [{"Type": "bind", "Source": source} for source in sources]
    mounts.append({"Type": "volume", "Source": f"{root}/link"})
    behind = VolumeFacts("v", {"Options": {"o": "bind", "device": f"{root}/link/."}})
    result = links_of(LocalFiles(), {"Mounts": mounts}, {"v": behind})
    assert result == {f"{root}/link": f"{root}/plain", f"{root}/link/.": f"{root}/plain"}


def test_a_published_port_can_be_declared_with_expose() -> None:
    """Podman's inspect mixes what is exposed with what is published."""
    image = ImageFacts("1" * 64, {"Config": {}})
    words = ["podman", "run", "-p", "127.0.0.1:5432:5432", "--expose", "5432", "shop"]
    published = (PUBLISH, (Port(5432, "5432", "127.0.0.1"),))
    declared = container(published, image=image, inspect={"Config": {"CreateCommand": words}})
    assert status_of("undeclared-published-port", declared) is PASS
    words = [word for word in words if word not in ("--expose", "5432")]
    undeclared = container(published, image=image, inspect={"Config": {"CreateCommand": words}})
    assert status_of("undeclared-published-port", undeclared) is FAIL


def pod(**infra: Any) -> dict[str, Any]:
    return {"Name": "shop", "SharedNamespaces": ["net"], "InfraConfig": infra}


def test_a_member_of_a_pod_needs_what_its_pod_needs() -> None:
    low, high = ({"8080/tcp": [{"HostIp": "", "HostPort": port}]} for port in ("80", "8080"))
    check = "needless-rootful-engine"
    assert status_of(check, container("--pod=shop", pod=pod(PortBindings=low))) is PASS
    assert status_of(check, container("--pod=shop", pod=pod(HostNetwork=True))) is PASS
    assert status_of(check, container("--pod=shop", pod=pod(PortBindings=high))) is FAIL
    assert status_of(check, container("--pod=shop", pod=pod(PortBindings=None))) is FAIL


def on_network(name: str, label: str, pod_id: str = "", infra: bool = False) -> ContainerFacts:
    networks: dict[str, Any] = {} if pod_id and not infra else {"shop-net": {}}
    inspect = {
        "Pod": pod_id,
        "IsInfra": infra,
        "NetworkSettings": {"Networks": networks},
        "Config": {"Labels": {"app": label} if label else {}},
    }
    facts = container(
        "--network=shop-net",
        (LABELS, (f"app={label}",) if label else ()),
        inspect=inspect,
        networks={"shop-net": NetworkFacts("shop-net")},
        pod={"Name": "shop-pod"} if pod_id else None,
    )
    return facts.replace(id=name * 64, name=name)


def shared(*all_facts: ContainerFacts) -> dict[str, Verdict]:
    return {facts.name: judge("shared-network", facts) for facts in with_peers(all_facts)}


def test_the_infra_container_belongs_to_the_application_of_its_pod() -> None:
    member, infra = on_network("a", "shop", "p" * 64), on_network("b", "", "p" * 64, infra=True)
    friend, stranger = on_network("c", "shop"), on_network("d", "wiki")
    assert shared(member, infra, friend)["b"].status is PASS
    assert shared(member, infra, friend)["c"].status is PASS
    answers = shared(member, infra, stranger)
    assert answers["b"].status is FAIL
    assert answers["d"].status is FAIL


def test_a_pod_without_labels_is_called_by_its_name() -> None:
    member, infra = on_network("a", "", "p" * 64), on_network("b", "", "p" * 64, infra=True)
    answers = shared(member, infra, on_network("d", "wiki"))
    assert answers["d"].status is FAIL
    assert "pod shop-pod" in answers["d"].reason
    assert "ppp" not in answers["d"].reason


def document(**over: Any) -> dict[str, Any]:
    return {"Id": "1" * 64, "Config": {}, "HostConfig": {"Devices": []}, "Mounts": [], **over}


def devices(sources: Sources) -> tuple[str, ...]:
    return read_spec(sources)[DEVICES]


TUN = "/dev/net/tun"


def test_devices_of_a_rootless_container_are_read_though_inspect_shows_none() -> None:
    words = [
        "podman",
        "run",
        "--device",
        TUN,
        "--device=/dev/fuse:/dev/other:r",
        "--device",
        "a.com/b=c",
        "i",
    ]
    made = document(Config={"CreateCommand": words})
    wanted = (f"{TUN}:{TUN}:rwm", "/dev/fuse:/dev/other:r", "a.com/b=c")
    assert devices(Sources(made, rootless=True)) == wanted


def test_devices_of_a_rootless_container_of_the_api_are_mounts_that_nobody_asked_for() -> None:
    mounts = [
        {"type": "bind", "source": TUN, "destination": TUN},
        {"type": "bind", "source": "/dev/fuse", "destination": "/volume"},
        {"type": "bind", "source": "/srv/data", "destination": "/data"},
        {"type": "devpts", "source": "devpts", "destination": "/dev/pts"},
    ]
    asked = document(Mounts=[{"Type": "bind", "Source": "/dev/fuse", "Destination": "/volume"}])
    assert devices(Sources(asked, oci_config={"mounts": mounts}, rootless=True)) == (f"{TUN}:{TUN}:rwm",)
    assert devices(Sources(asked, oci_config={"mounts": mounts})) == ()


def test_privileged_mode_of_a_rootless_container_is_no_list_of_devices() -> None:
    mounts = [{"type": "bind", "source": TUN, "destination": TUN}]
    made = document(HostConfig={"Privileged": True, "Devices": []})
    assert devices(Sources(made, oci_config={"mounts": mounts}, rootless=True)) == ()


def test_the_mount_points_that_podman_makes_are_no_drift() -> None:
    made = (FileChange("/var", "added"), FileChange("/run", "added"))
    assert status_of("drifted-files", container("--read-only", changes=made)) is PASS
    assert status_of("drifted-files", container(changes=made)) is FAIL
    mounts = (KernelMount("/", "overlay", "rw"), KernelMount("/var/lib/data", "ext4", "rw"))
    seen = Kernel(7, mounts=mounts)
    assert status_of("drifted-files", container(kernel=seen, changes=made)) is PASS
    strange = (*made, FileChange("/var/www/up.php", "added"))
    assert status_of("drifted-files", container("--read-only", kernel=seen, changes=strange)) is FAIL
    taking = (VOLUMES_FROM, ("data",))
    assert status_of("drifted-files", container(taking, changes=made)) is UNKNOWN, "it may be the mount point"
    assert status_of("drifted-files", container(taking, kernel=seen, changes=strange)) is FAIL


def test_all_capabilities_are_a_list_once_podman_has_them() -> None:
    """A container that was not started yet, made with --cap-add=all and without a seccomp filter."""
    every = (CAP_ADD, tuple(sorted(ALL_CAPABILITIES - DEFAULT_CAPABILITIES)))
    assert status_of("privileged", container(every, (SECCOMP_PROFILE, "unconfined"))) is FAIL
    assert status_of("privileged", container(every)) is PASS


def test_a_program_of_many_names_is_called_by_the_one_that_it_runs_as() -> None:
    main, relay = Process(7, "httpd", "/bin/busybox"), Process(8, "nc", "/bin/busybox")
    result = judge("unexpected-process", container(kernel=Kernel(7, processes=(main, relay))))
    assert result.reason == "running now: nc"
    assert [proof.saw for proof in result.evidence] == ["/bin/busybox as nc"]


def infra(mode: str, *networks: str, **over: Any) -> ContainerFacts:
    return container(
        inspect={
            "IsInfra": True,
            "Pod": "p" * 64,
            "ImageName": "localhost/podman-pause:5.4.2-0",
            "Image": "1" * 64,
            "HostConfig": {"NetworkMode": mode},
            "NetworkSettings": {"Networks": {key: {} for key in networks}},
        },
        image_ids={"localhost/podman-pause:5.4.2-0": "2" * 64},
        **over,
    )


def test_the_network_of_a_pod_is_read_from_what_its_infra_container_is_on() -> None:
    assert status_of("default-network", infra("bridge", "shop-net")) is PASS
    assert status_of("default-network", infra("bridge", "podman")) is FAIL
    assert status_of("host-network", infra("bridge", "shop-net")) is PASS
    host = infra("host", kernel=Kernel(7, shared_namespaces=frozenset({"net"})))
    assert judge("host-network", host).reason == "configured to use the host's network"
    assert status_of("host-network", infra("host")) is FAIL
    assert status_of("wildcard-port", infra("host")) is NOT_APPLICABLE


@pytest.mark.parametrize(
    "check_id",
    [
        *("root-user", "host-user-namespace", "needless-rootful-engine", "new-privileges-allowed"),
        *("no-memory-limit", "no-cpu-limit", "no-pids-limit", "writable-rootfs"),
        *("default-capabilities-kept", "docker-default-capabilities", "superseded-image"),
    ],
)
def test_podmans_own_program_in_a_pod_is_not_judged_like_a_service(check_id: str) -> None:
    assert status_of(check_id, infra("bridge", "shop-net")) is NOT_APPLICABLE


@pytest.mark.parametrize(
    "check_id",
    [
        *("short-image-name", "unapproved-registry", "mutable-image-tag"),
        *("update-without-rollback", "unsigned-scope-in-use"),
    ],
)
def test_podmans_own_program_has_no_image_in_newer_ones(check_id: str) -> None:
    bare = container(
        inspect={"IsInfra": True, "Image": "", "ImageName": "", "Rootfs": "/tmp/infra-container"},
        image=Unread("the container has no image"),
    )  # Podman 5.8.6
    assert status_of(check_id, bare) is NOT_APPLICABLE
