"""Verdicts on rare cases, each as small as it can be: links, pods, devices of rootless containers."""

from pathlib import Path

import pytest

from hardentui.features.looking.gather import with_peers
from hardentui.features.looking.readers.links import links_of, real_path
from hardentui.harden.evaluate import evaluate
from hardentui.host.files import LocalFiles
from hardentui.lib.image.notable import credential
from hardentui.options.inspect import Sources
from hardentui.options.read import read_spec
from tests.support.judging import *


def bind(
    source: str,
    destination: str = "/data",
    *options: str,
) -> tuple[Any, Any]:
    return MOUNTS, (
        Mount(
            "bind",
            source,
            destination,
            tuple(options),
        ),
    )


ENGINE = rootful(url="unix:///srv/engine/api.socket")
FAR_ENGINE = rootful(
    url="unix:///srv/engine/api.socket",
    local=False,
)
NO_API = HostFacts(tcp_services=())
BLIND = Unread("in a container that cannot see the host")
LISTENS_80 = Kernel(
    812, shared_namespaces=frozenset(), listening=(SocketEndpoint("tcp", "0.0.0.0", 80),)
)  # fmt: skip
CHOWN = frozenset({"CAP_CHOWN"})


def with_passed_on(
    user: str,
    recorded: frozenset[str],
) -> ContainerFacts:
    """CHOWN is in the inheritable set; Podman leaves a default capability that was added out of
    CapAdd."""
    sets = CapabilitySets(
        bounding=DEFAULT_CAPABILITIES,
        inheritable=CHOWN,
        ambient=CHOWN,
    )
    shown = {
        "BoundingCaps": sorted(DEFAULT_CAPABILITIES),
        "EffectiveCaps": sorted(recorded),
    }
    inspect = {**shown, "Config": {"User": user}}
    return container(
        kernel=Kernel(7, capabilities=sets),
        inspect=inspect,
    )


def below_disk(options: str) -> ContainerFacts:
    return container(
        bind("/srv/d", "/d"), kernel=Kernel(7, mounts=(KernelMount("/d", "ext4", options),))
    )


def published(*words: str) -> ContainerFacts:
    """Podman's inspect mixes what is exposed with what is published; the command tells."""
    command = ["podman", "run", "-p", "127.0.0.1:5432:5432", *words, "shop"]
    image = ImageFacts("1" * 64, {"Config": {}})
    shown = {"Config": {"CreateCommand": command}}
    return container(
        "--publish=127.0.0.1:5432:5432",
        image=image,
        inspect=shown,
    )


def mapped(userns: str, **more: Any) -> ContainerFacts:
    kernel = Kernel(7, uid_map=(IdRange(0, 100_000, 1000), IdRange(1000, 1000, 1)))
    peers = Peers((Peer("2" * 64, "wiki", uid_ranges=((100_000, 65_536),)),))
    return container(
        f"--userns={userns}",
        kernel=kernel,
        peers=peers,
        **more,
    )


def of_pod(**infra: Any) -> ContainerFacts:
    return container(
        "--pod=shop",
        pod={
            "Name": "shop",
            "SharedNamespaces": ["net"],
            "InfraConfig": infra,
        },
    )


KEPT_MAP = {"HostConfig": {"IDMappings": {"UidMap": ["0:1:1000"]}}}
LOW, HIGH = ({"8080/tcp": [{"HostIp": "", "HostPort": port}]} for port in ("80", "8080"))
MADE = (
    FileChange("/var", "added"),
    FileChange("/run", "added"),
)
STRANGE = (*MADE, FileChange("/var/www/up.php", "added"))
SEES_DATA = Kernel(
    7,
    mounts=(
        KernelMount("/", "overlay", "rw"),
        KernelMount("/var/lib/data", "ext4", "rw"),
    ),
)
EVERY = (
    CAP_ADD,
    tuple(sorted(ALL_CAPABILITIES - DEFAULT_CAPABILITIES)),
)
BUSYBOX = (
    Process(7, "httpd", "/bin/busybox"),
    Process(8, "nc", "/bin/busybox"),
)

VERDICTS = [
    # the socket of this engine counts wherever it lies, its neighbours and that of a far engine do
    # not
    *(
        says(
            "mounted-engine-socket",
            container(bind(source), engine=ENGINE),
            FAIL,
        )
        for source in ("/srv/engine/api.socket", "/srv/engine", "/srv/", "/srv/engine/../engine")
    ),
    says(
        "mounted-engine-socket",
        container(
            bind("/srv/engine2"),
            engine=ENGINE,
            host=NO_API,
        ),
        PASS,
    ),
    says(
        "mounted-engine-socket",
        container(
            bind("/srv/engine"),
            "--network=none",
            engine=FAR_ENGINE,
        ),
        PASS,
    ),
    # what describes a secret is none
    *(
        says(
            "plaintext-secret-env",
            container((ENV, (variable,))),
            status,
        )
        for variable, status in (
            ("PASSWORD_REQUIREMENTS=lower,upper", PASS),
            ("CSRF_TOKEN_COOKIE=XSRF-TOKEN", PASS),
            ("LDAP_PASSWORD_ATTRIBUTE=userPassword", PASS),
            ("TOKEN_ENDPOINT_AUTH=client_secret_post", PASS),
            ("AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", PASS),
            ("DB_PASSWORD=/run/secrets/db", PASS),
            ("DB_PASSWORD=/opt/x1y2/db", PASS),
            ("DB_PASSWORD=/secret", PASS),
            ("DB_PASSWORD=/kE9x2Lq7Vb", FAIL),
            ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", FAIL),
            ("APP_YAML=db:\n  password: hunter22x", FAIL),
        )
    ),
    says(
        "secret-on-command-line",
        container((COMMAND, ("etcdctl", "--user=root:pw", "get", "x"))),
        FAIL,
    ),
    says("exposed-admin-port", "--publish=21:21", FAIL),
    says("exposed-admin-port", "--publish=9090:9090", FAIL),
    says(
        "unmasked-system-paths",
        "--security-opt=unmask=/no/such",
        PASS,
    ),
    says(
        "unmasked-system-paths",
        "'--security-opt=unmask=/proc/*'",
        FAIL,
    ),
    says(
        "unsafe-sysctls",
        "--sysctl=net.core.somaxconn=1024 --sysctl=net.ipv4.conf.all.src_valid_mark=1",
        PASS,
    ),
    # a listener where nobody declares any port is hygiene
    says(
        "unexpected-listener",
        container(
            kernel=LISTENS_80,
            image=ImageFacts("1", {"Config": {}}),
        ),
        Severity.LOW,
    ),
    says(
        "unexpected-listener",
        container(
            kernel=LISTENS_80, image=ImageFacts("1", {"Config": {"ExposedPorts": {"443/tcp": {}}}})
        ),
        (FAIL, None),
    ),
    says(
        "undeclared-published-port",
        published("--expose", "5432"),
        PASS,
    ),
    says("undeclared-published-port", published(), FAIL),
    # a group of the image is nobody's group under a map
    *(
        row
        for group in ("disk", "6")
        for row in (
            says(
                "dangerous-supplementary-groups",
                f"--group-add={group}",
                FAIL,
            ),
            says(
                "dangerous-supplementary-groups",
                f"--group-add={group} --userns=auto",
                PASS,
            ),
            says(
                *(
                    "dangerous-supplementary-groups",
                    container(f"--group-add={group}", engine=rootless()),
                ),
                PASS,
            ),
        )
    ),
    says(
        "dangerous-supplementary-groups",
        container("--group-add=keep-groups", engine=rootless()),
        FAIL,
    ),
    # a default capability that was added is declared; the set of root excuses nothing that is
    # passed on
    says(
        "capabilities-beyond-declared",
        with_passed_on("101", CHOWN),
        PASS,
    ),
    says(
        "capabilities-beyond-declared",
        with_passed_on("101", frozenset()),
        FAIL,
    ),
    says(
        "capabilities-beyond-declared",
        with_passed_on("root", DEFAULT_CAPABILITIES),
        FAIL,
    ),
    # keep-id is no claim to IDs of its own
    says(
        "overlapping-uid-ranges",
        mapped(
            "keep-id",
            engine=rootless(),
            inspect=KEPT_MAP,
        ),
        NOT_APPLICABLE,
    ),
    says("overlapping-uid-ranges", mapped("auto"), FAIL),
    # Podman makes only the directory itself read-only, not what is mounted below it
    says(
        "writable-mount",
        container(bind("/etc", "/inside", "ro"), kernel=BLIND),
        UNKNOWN,
    ),
    says(
        "writable-mount",
        container(bind("/etc", "/inside", "ro", "bind"), kernel=BLIND),
        PASS,
    ),
    says(
        "writable-mount",
        container(bind("/etc", "/inside", "ro"), engine=rootful(local=False)),
        UNKNOWN,
    ),
    says(
        "writable-mount",
        below_disk("rw,relatime"),
        FAIL,
        "without nosuid, nodev, noexec: /d",
    ),
    says(
        "writable-mount",
        below_disk("rw,noexec"),
        FAIL,
        "without nosuid, nodev: /d",
    ),
    says(
        "writable-mount",
        below_disk("rw,nosuid,nodev"),
        FAIL,
        "without noexec: /d",
    ),
    # a member of a pod needs what its pod needs
    says(
        "needless-rootful-engine",
        of_pod(PortBindings=LOW),
        PASS,
    ),
    says(
        "needless-rootful-engine",
        of_pod(HostNetwork=True),
        PASS,
    ),
    says(
        "needless-rootful-engine",
        of_pod(PortBindings=HIGH),
        FAIL,
    ),
    says(
        "needless-rootful-engine",
        of_pod(PortBindings=None),
        FAIL,
    ),
    # mount points that Podman makes are no drift; those of volumes from others may be
    says(
        "drifted-files",
        container("--read-only", changes=MADE),
        PASS,
    ),
    says("drifted-files", container(changes=MADE), FAIL),
    says(
        "drifted-files",
        container(kernel=SEES_DATA, changes=MADE),
        PASS,
    ),
    says(
        "drifted-files",
        container(
            "--read-only",
            kernel=SEES_DATA,
            changes=STRANGE,
        ),
        FAIL,
    ),
    says(
        "drifted-files",
        container("--volumes-from=data", changes=MADE),
        UNKNOWN,
    ),
    says(
        "drifted-files",
        container(
            "--volumes-from=data",
            kernel=SEES_DATA,
            changes=STRANGE,
        ),
        FAIL,
    ),
    # all capabilities are a list once Podman has them, in a container that was not started yet
    says(
        "privileged",
        container(EVERY, (SECCOMP_PROFILE, "unconfined")),
        FAIL,
    ),
    says("privileged", container(EVERY), PASS),
    # a program of many names is called by the one that it runs as
    says(
        "unexpected-process",
        container(kernel=Kernel(7, processes=BUSYBOX)),
        FAIL,
        "running now: nc",
    ),
]


@pytest.mark.parametrize("holds", VERDICTS)
def test_what_is_said_of_it(holds: Holds) -> None:
    holds()


@pytest.mark.parametrize(
    ("check_id", "target"),
    [
        ("mounted-engine-socket", "/run/podman"),
        ("sensitive-host-mount", "/etc"),
        ("writable-mount", "/data"),
    ],
)
def test_a_mount_is_judged_by_where_its_link_leads(
    check_id: str,
    target: str,
) -> None:
    typed = "/opt/link.sock"  # by its own name a socket, which writable-mount leaves to others
    read_only = () if check_id == "writable-mount" else ("ro",)
    facts = container(
        bind(typed, "/inside", *read_only),
        host=HostFacts(tcp_services=()),
    )
    assert status_of(check_id, facts) is PASS
    linked = container(bind(typed, "/inside", *read_only), links={typed: target})
    assert status_of(check_id, linked) is FAIL


_ASKED_FOR = ((MEMORY, 64 << 20), (CPUS, 0.5), (PIDS_LIMIT, 100))


@pytest.mark.parametrize(
    "check_id",
    ["no-memory-limit", "no-cpu-limit", "no-pids-limit"],
)
def test_limits_that_podman_ignores_are_none(check_id: str) -> None:
    """Rootless on cgroup v1: inspect may still show what was asked for while nothing runs yet."""
    old, new = ({"host": {"cgroupVersion": version}} for version in ("v1", "v2"))
    ignored = container(*_ASKED_FOR, engine=rootless(info=old))
    assert status_of(check_id, ignored) is FAIL
    with pytest.raises(CannotFix, match="cgroup v1"):
        fix(check_id, ignored)
    assert status_of(check_id, container(*_ASKED_FOR, engine=rootless(info=new))) is PASS
    assert status_of(check_id, container(*_ASKED_FOR, engine=rootful(info=old))) is PASS


@pytest.mark.parametrize(
    "check_id",
    ["wildcard-port", "exposed-admin-port"],
)
def test_an_open_port_is_as_open_without_root(check_id: str) -> None:
    """Who can reach it from outside has nothing to do with what a broken-in process may do inside."""
    check = the_check(check_id)
    port = (PUBLISH, (Port(6379, "6379"),))
    for engine in (rootful(), rootless()):
        facts = container(port, engine=engine)
        (finding,) = evaluate(
            facts,
            container_subject(facts),
            [check],
            Checklist("c", "c", ()),
        )
        assert finding.severity is check.severity


@pytest.mark.parametrize(
    ("user", "name", "said"),
    [
        (
            "472:472",
            "GF_SECURITY_PASSWORD",
            "uid=472,gid=472,mode=0400 --env GF_SECURITY_PASSWORD__FILE=",
        ),
        ("app", "DB_PASSWORD", "mode=0444 --env DB_PASSWORD_FILE="),
        ("", "DB_PASSWORD", "mode=0400 --env DB_PASSWORD_FILE="),
        ("", "AWS_SECRET_ACCESS_KEY", ""),
    ],
)
def test_advice_about_a_secret_works_for_the_user_and_the_image(
    user: str,
    name: str,
    said: str,
) -> None:
    told = judge(
        "plaintext-secret-env", container((ENV, (f"{name}=correct-horse",)), (USER, user))
    ).commands
    assert f"--secret web-{name.lower().replace('_', '-')},type=env,target={name}" in told[1]
    assert [said in line for line in told[2:]] == ([True] if said else [])


@pytest.mark.parametrize(
    ("path", "start", "kind"),
    [
        ("/app/.env", b"DB_PASSWORD=x", "passwords of an application"),
        ("/app/.env", b"PORT=80", ""),
        (
            "/app/.git/config",
            b"url = https://oauth2:glpat-1@git.example",
            "git credentials",
        ),
        ("/app/.git/config", b"url = https://git.example/x", ""),
        ("/infra/terraform.tfstate", b'"secret": "x"', "cloud credentials"),
        (
            "/app/key.json",
            b'{"type": "service_account", "private_key_id": "1"',
            "cloud credentials",
        ),
        ("/root/.composer/auth.json", b'{"http-basic": {}}', "package registry token"),
        (
            "/etc/pip.conf",
            b"index-url = https://u:p@pypi.example/simple",
            "package index login",
        ),
    ],
)
def test_files_of_credentials_in_layers(
    path: str,
    start: bytes,
    kind: str,
) -> None:
    assert credential(path, start) == kind


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
    result = links_of(
        LocalFiles(),
        {"Mounts": mounts},
        {"v": behind},
    )
    assert result == {
        f"{root}/link": f"{root}/plain",
        f"{root}/link/.": f"{root}/plain",
    }


def on_network(
    name: str,
    label: str,
    pod_id: str = "",
    infra: bool = False,
) -> ContainerFacts:
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
    return {
        "Id": "1" * 64,
        "Config": {},
        "HostConfig": {"Devices": []},
        "Mounts": [],
        **over,
    }


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
    wanted = (
        f"{TUN}:{TUN}:rwm",
        "/dev/fuse:/dev/other:r",
        "a.com/b=c",
    )
    assert devices(Sources(made, rootless=True)) == wanted


def test_devices_of_a_rootless_container_of_the_api_are_mounts_that_nobody_asked_for() -> None:
    mounts = [
        {"type": "bind", "source": TUN, "destination": TUN},
        {"type": "bind", "source": "/dev/fuse", "destination": "/volume"},
        {"type": "bind", "source": "/srv/data", "destination": "/data"},
        {"type": "devpts", "source": "devpts", "destination": "/dev/pts"},
    ]
    asked = document(Mounts=[{"Type": "bind", "Source": "/dev/fuse", "Destination": "/volume"}])
    assert devices(
        Sources(
            asked,
            oci_config={"mounts": mounts},
            rootless=True,
        )
    ) == (f"{TUN}:{TUN}:rwm",)
    assert devices(Sources(asked, oci_config={"mounts": mounts})) == ()


def test_privileged_mode_of_a_rootless_container_is_no_list_of_devices() -> None:
    mounts = [{"type": "bind", "source": TUN, "destination": TUN}]
    made = document(HostConfig={"Privileged": True, "Devices": []})
    assert (
        devices(
            Sources(
                made,
                oci_config={"mounts": mounts},
                rootless=True,
            )
        )
        == ()
    )


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
        *(
            "root-user",
            "host-user-namespace",
            "needless-rootful-engine",
            "new-privileges-allowed",
        ),
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
        inspect={
            "IsInfra": True,
            "Image": "",
            "ImageName": "",
            "Rootfs": "/tmp/infra-container",
        },
        image=Unread("the container has no image"),
    )  # Podman 5.8.6
    assert status_of(check_id, bare) is NOT_APPLICABLE
