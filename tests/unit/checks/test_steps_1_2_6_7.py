"""Traps and special cases of the checks of steps 1, 2, 6 and 7, and the ten-steps checklist."""

import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hardentui.features.checklists.loading import load
from hardentui.model.host import Advisory, OutdatedComponent
from hardentui.model.image import RegistryDigest, parse_time
from hardentui.reading.images import reference
from hardentui.reading.networks import exposed, own_network, reach
from tests.support.judging import *

DIGEST, OTHER, NINES = (f"sha256:{digit * 64}" for digit in "de9")
NGINX = "docker.io/library/nginx"
CHECKED = {"Healthcheck": {"Test": ["CMD", "redis-cli", "ping"]}}
MAIN, SHELL = Process(812, "app", "/app"), Process(900, "bash", "/usr/bin/bash")
STOCK = TrustFacts(configuration=Configuration())
PLAIN, STOCK_ROOTFUL = rootless(trust=STOCK), rootful(trust=STOCK)


def image(
    config: dict[str, Any] | None = None,
    **over: Any,
) -> ImageFacts:
    return ImageFacts(
        id="1" * 64,
        inspect={"Config": config or {}},
        **over,
    )


def of_image(
    *options: Any,
    config: dict[str, Any] | None = None,
    **over: Any,
) -> ContainerFacts:
    return container(*options, image=image(config, **over))


def built(step: str) -> ContainerFacts:
    return of_image(history=({"created_by": step},))


def inside(**contents: Any) -> ContainerFacts:
    return of_image(inventory=ImageInventory(**contents))


def running(*processes: Process, config: dict[str, Any] | None = None) -> ContainerFacts:
    kernel = Kernel(
        pid=812,
        processes=processes,
        shared_namespaces=frozenset(),
    )
    return container(
        kernel=kernel,
        image=image(config),
    )


def listening(
    *sockets: tuple[str, str, int],
    options: str = "",
    shared: str = "",
) -> ContainerFacts:
    result = tuple(SocketEndpoint(*socket) for socket in sockets)
    kernel = Kernel(
        pid=812,
        shared_namespaces=frozenset(shared.split()),
        listening=result,
    )
    return container(
        options,
        kernel=kernel,
        image=image(),
    )


def labelled(*options: Any, **more: Any) -> ContainerFacts:
    labels = {
        "Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}},
        **more.pop("also", {}),
    }
    return container(*options, inspect=labels, **more)


def loopback(value: str) -> ContainerFacts:
    return container((NETWORK, (value,)), engine=PLAIN)


def logged(
    *options: Any,
    size: str | None = None,
    **over: Any,
) -> ContainerFacts:
    shown: dict[str, Any] = (
        {} if size is None else {"inspect": {"HostConfig": {"LogConfig": {"Size": size}}}}
    )
    return container(
        "--log-driver=k8s-file",
        *options,
        **shown,
        **over,
    )


def beside(
    *peers: Peer,
    options: str = "--network=shop-net",
    **over: Any,
) -> ContainerFacts:
    return container(options, peers=Peers(peers), **over)


def named(tag: str = "1.29", **more: Any) -> dict[str, Any]:
    return {"inspect": {"ImageName": f"{NGINX}:{tag}", **more}}


SHARED_NET, OWN_NET = (Kernel(7, shared_namespaces=frozenset(names)) for names in (("net",), ()))
HIDDEN = Unread("no permission")
CORP = rootful(default_network="corp")
PLAIN_BRIDGE = {"driver": "bridge"}
OLD, NEW = rootful(version=Version(5, 4)), rootful(version=Version(6, 0))
DROPPING = {
    "family": "inet",
    "table": "f",
    "name": "in",
    "type": "filter",
    "hook": "input",
    "policy": "drop",
}
ONLY_INPUT = HostFacts(
    firewall=Firewall(
        rules=({"chain": DROPPING},),
        outside=("eth0",),
    )
)
WEB_PORT = "--publish=8080:80"
SHOP_DB = Peer(
    "2" * 64,
    "db",
    networks=("shop-net",),
    app="shop",
)
IN_POD: dict[str, Any] = {"inspect": {"Pod": "p", "IsInfra": True}}
RANGE_8000 = image({"ExposedPorts": {"8000-8010/tcp": {}}})
UDP_8005 = container("--publish=8005:8005/udp", image=RANGE_8000)
BOTH_PORTS = image({"ExposedPorts": {"80/tcp": {}, "5353/udp": {}}})
FOR_ALL = Configuration(
    {"network.pasta_options": Value(["--map-gw"], "/etc/containers/containers.conf")}
)
WATCHED = (
    "-w /etc -p wa",
    "-a always,exit -F dir=/usr -F perm=wa",
    "-w /run/podman/",
    "-w /var/lib/containers",
)
STARTED = {
    "State": {"StartedAt": "2025-12-31T08:00:00Z", "Status": "running"},
    "RestartCount": 40,
}
UPDATED = (LABELS, ("io.containers.autoupdate=registry",))
PACKAGED = OutdatedComponent(
    Advisory("crun", "CVE-2025-1", ("1.20",)), "1.19", True, Unread("none")
)
DAY = datetime(2025, 12, 31, tzinfo=UTC)
UNLISTED = of_image(
    scan=ScanReport(
        "grype",
        DAY,
        DAY,
        (Vulnerability("CVE-1", "zlib", "low"),),
    )
)
RUNS_NGINX = container(**named(ImageDigest=DIGEST), image=image())
BOTH_DIGESTS = RUNS_NGINX.replace(
    image=ImageFacts(
        "1",
        {"RepoDigests": [f"{NGINX}@{DIGEST}", f"{NGINX}@{OTHER}"]},
    )
)


def answered(
    digest: str,
    *,
    asked: int = 0,
    seen: int = 10,
    of: ContainerFacts = RUNS_NGINX,
) -> ContainerFacts:
    """What a registry said `asked` days ago, of a digest that was first seen `seen` days ago."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    ago = (now - timedelta(days=days) for days in (asked, seen))
    return of.replace(registry_digest=RegistryDigest(digest, *ago))


STEP_6 = [
    # where no ports can be, there is no answer but a reason; those of a pod are its infra
    # container's
    says(
        "wildcard-port",
        "",
        NOT_APPLICABLE,
        "no published ports",
    ),
    says(
        "wildcard-port",
        "--network=none",
        NOT_APPLICABLE,
        "no network",
    ),
    says(
        "wildcard-port",
        "--network=host --publish=80:80",
        NOT_APPLICABLE,
        "host",
    ),
    says(
        "wildcard-port",
        "--network=container:vpn",
        NOT_APPLICABLE,
        "another container",
    ),
    says(
        "wildcard-port",
        "--pod=shop",
        NOT_APPLICABLE,
        "pod",
    ),
    says(
        "wildcard-port",
        container(inspect={"Pod": "a" * 64}),
        NOT_APPLICABLE,
        "pod",
    ),
    # a moved database port is found on either side
    says("exposed-admin-port", "--publish=15432:5432", FAIL),
    says("exposed-admin-port", "--publish=22:9999", FAIL),
    says(
        "exposed-admin-port",
        "--publish=[::1]::5432",
        PASS,
    ),
    # the kernel decides about the network of the host
    says(
        *(
            "host-network",
            container("--network=container:vpn", kernel=SHARED_NET),
            FAIL,
        ),
        "the host's network namespace",
    ),
    says(
        "host-network",
        container("--network=host", kernel=OWN_NET),
        PASS,
    ),
    says(
        "host-network",
        container(kernel=HIDDEN),
        UNKNOWN,
        "no permission",
    ),
    says(
        "host-network",
        container("--network=host", kernel=HIDDEN),
        FAIL,
    ),
    # the default network is the engine's, and rootless pasta is none
    says("default-network", container(engine=CORP), FAIL),
    says(
        "default-network",
        container("--network=podman", engine=CORP),
        PASS,
    ),
    says(
        "default-network",
        container("--network=pasta:--mtu,1400", engine=rootless()),
        PASS,
    ),
    says(
        "default-network",
        container("--network=podman", engine=rootless()),
        FAIL,
    ),
    # a range of exposed ports declares each of them, of its protocol
    says(
        "undeclared-published-port",
        container("--publish=8005:8005", image=RANGE_8000),
        PASS,
    ),
    says("undeclared-published-port", UDP_8005, FAIL),
    says(
        "undeclared-published-port",
        UDP_8005,
        PASS,
        allowed=("8005/udp",),
    ),
    # neighbours of the same app or pod are no strangers
    says(
        "shared-network",
        beside(SHOP_DB, options="--network=shop-net --label=app=shop"),
        PASS,
    ),
    says("shared-network", beside(SHOP_DB), UNKNOWN),
    says(
        "shared-network",
        beside(replace(SHOP_DB, app="", pod="p"), **IN_POD),
        PASS,
    ),
    says(
        "shared-network",
        beside(replace(SHOP_DB, app="", pod="q"), **IN_POD),
        FAIL,
    ),
    # isolation depends on the engine's version; it takes two bridges
    says(
        "unisolated-network",
        NetworkFacts(
            "a",
            PLAIN_BRIDGE,
            engine=OLD,
            bridges=("a", "b"),
        ),
        FAIL,
    ),
    says(
        "unisolated-network",
        NetworkFacts(
            "a",
            PLAIN_BRIDGE,
            engine=NEW,
            bridges=("a", "b"),
        ),
        PASS,
    ),
    says(
        "unisolated-network",
        NetworkFacts(
            "a",
            PLAIN_BRIDGE,
            engine=OLD,
            bridges=("a",),
        ),
        NOT_APPLICABLE,
    ),
    says(
        "unisolated-network",
        NetworkFacts("a", PLAIN_BRIDGE, engine=OLD),
        UNKNOWN,
    ),
    # the hook that counts depends on the engine
    says(
        "unfirewalled-port",
        container(WEB_PORT, host=ONLY_INPUT),
        FAIL,
        "only at input",
    ),
    says(
        "unfirewalled-port",
        container(
            WEB_PORT,
            host=ONLY_INPUT,
            engine=rootless(),
        ),
        PASS,
    ),
    says(
        "unfirewalled-port",
        container(WEB_PORT, host=HostFacts()),
        UNKNOWN,
    ),
    says(
        "unfirewalled-port",
        container(
            WEB_PORT,
            host=ONLY_INPUT,
            engine=rootful(local=False),
        ),
        UNKNOWN,
    ),
    # a planned network is a bridge, an unread one is unknown
    says(
        "unfiltered-network-driver",
        "--network=somewhere",
        UNKNOWN,
    ),
    says(
        "unfiltered-network-driver",
        (planned := container("--network=somewhere")).planned(planned.spec),
        PASS,
    ),
    # loopback options that inspect hides, or that hold for all
    says(
        "reachable-host-services",
        container(engine=PLAIN).replace(spec=Spec({}, frozenset({NETWORK}))),
        UNKNOWN,
    ),
    says(
        "reachable-host-services",
        container(engine=rootless(trust=TrustFacts(configuration=FOR_ALL))),
        FAIL,
    ),
    *(
        says("reachable-host-services", loopback(value), PASS)
        for value in (
            *(
                "pasta:-T,none,-U,none,--no-map-gw",
                "pasta:--map-host-loopback,none",
                "pasta:-t,8080",
            ),
            "slirp4netns:allow_host_loopback=false",
        )
    ),
    *(
        says("reachable-host-services", facts, status)
        for value in (
            *(
                "pasta:-T,auto",
                "pasta:-T5432",
                "pasta:--tcp-ns=5432",
                "pasta:--udp-ns,53",
                "pasta:--map-gw",
            ),
            *("pasta:--map-host-loopback,10.0.2.2", "slirp4netns:allow_host_loopback=true"),
        )
        for opened in (loopback(value),)
        for facts, status in (
            (opened, FAIL),
            (
                opened.planned(fix("reachable-host-services", opened)),
                PASS,
            ),
        )
    ),
    # --- fixes
    fixes(
        "wildcard-port",
        "--publish=0.0.0.0:8080:80 --publish=[::]:8080:80 --publish=192.0.2.1:8443:443",
        {
            PUBLISH: (
                Port(80, "8080", "127.0.0.1"),
                Port(443, "8443", "192.0.2.1"),
            )
        },
    ),  # the same port for both families is one
    *(
        refuses("wildcard-port", WEB_PORT, address=to)
        for to in ("0.0.0.0", "::", "", "not an address")
    ),
    fixes(
        "wildcard-port",
        container("--publish-all", image=BOTH_PORTS),
        {
            PUBLISH_ALL: False,
            PUBLISH: (
                Port(80, "", "127.0.0.1"),
                Port(5353, "", "127.0.0.1", "udp"),
            ),
        },
    ),
    refuses("wildcard-port", "--publish-all"),  # of an unknown image
    fixes(
        "low-host-port",
        "--publish=25:25 --publish=8025:8025",
        {PUBLISH: (Port(25, "8026"), Port(8025, "8025"))},
    ),
    fixes(
        "default-network",
        "--network=shop-net:alias=web --network=podman:ip=10.88.0.9",
        {NETWORK: ("shop-net:alias=web", "web-net")},
    ),
    refuses("undeclared-published-port", of_image("--publish=9229:9229")),
    refuses(
        "host-network",
        container("--network=container:vpn", kernel=SHARED_NET),
    ),
    fixes(
        "reachable-host-services",
        loopback("pasta:--mtu,1400,-T,5432,-t,80"),
        {NETWORK: ("pasta:--mtu,1400,-t,80",)},
    ),
]

STEP_7 = [
    # the image's health check counts until it is switched off
    says(
        "missing-health-check",
        of_image(config=CHECKED),
        PASS,
    ),
    says(
        "missing-health-check",
        of_image("--health-cmd=none", config=CHECKED),
        FAIL,
    ),
    says(
        "missing-health-check",
        of_image("--health-interval=disable", config=CHECKED),
        FAIL,
    ),
    fixes(
        "missing-health-check",
        of_image("--health-interval=disable", config=CHECKED),
        {HEALTH_INTERVAL: ""},
    ),
    says("missing-health-check", "", UNKNOWN),
    refuses("missing-health-check", of_image()),
    fixes(
        "missing-health-check",
        of_image(),
        {HEALTH_CMD: "nginx -t"},
        command="nginx -t",
    ),
    # a stopped container is not called unhealthy
    says(
        "unhealthy",
        container(
            "--health-cmd=x",
            inspect={"State": {"Health": {"Status": "unhealthy"}}},
            kernel=NotRunning("exited"),
        ),
        Severity.LOW,
    ),
    # a limit of logs must limit, wherever it is told; that of the engine may be unknown
    *(
        says("unbounded-logs", facts, status)
        for size, status in (
            ("0B", FAIL),
            ("-1", FAIL),
            ("0", FAIL),
            ("1.235MB", PASS),
        )
        for facts in (
            logged((LOG_OPT, (f"max-size={size}",)), engine=STOCK_ROOTFUL),
            logged(size=size, engine=STOCK_ROOTFUL),
        )
    ),
    says("unbounded-logs", logged(size="0B"), UNKNOWN),
    says("unbounded-logs", logged(size="/x", engine=STOCK_ROOTFUL), UNKNOWN),
    says("no-logs", "", UNKNOWN),
    # output that is passed on is kept only by a unit
    *(
        row
        for check in ("no-logs", "unbounded-logs")
        for row in (
            says(check, "--log-driver=passthrough", UNKNOWN),
            says(check, labelled("--log-driver=passthrough"), PASS),
        )
    ),
    says("drifted-files", "", UNKNOWN),
    says(
        "drifted-files",
        container(changes=(FileChange("/etc/hosts", "deleted"),)),
        FAIL,
    ),
    # a stray shell, an expected one, and one that a health check may have started
    says("unexpected-process", running(MAIN, SHELL), FAIL),
    says(
        "unexpected-process",
        running(Process(812, "sh", "/bin/busybox")),
        PASS,
    ),
    says(
        "unexpected-process",
        running(MAIN, SHELL, config=CHECKED),
        UNKNOWN,
    ),
    says(
        "unexpected-process",
        running(
            MAIN,
            Process(9, "kworker", "/srv/xmrig"),
            config=CHECKED,
        ),
        Severity.HIGH,
    ),
    says(
        "unexpected-process",
        running(
            MAIN,
            Process(9, "sshd", "/bin/busybox"),
            config=CHECKED,
        ),
        Severity.HIGH,
    ),
    # a relay is only expected as the service itself
    says(
        "unexpected-process",
        running(Process(812, "socat", "/usr/bin/socat")),
        PASS,
    ),
    says(
        "unexpected-process",
        running(MAIN, Process(900, "socat", "/usr/bin/socat")),
        FAIL,
    ),
    says(
        "unexpected-process",
        running(Process(812, "sshd", "/usr/sbin/sshd")),
        FAIL,
    ),
    # processes and sockets that nobody could read
    says(
        "unexpected-process",
        container(kernel=Unread("remote")),
        UNKNOWN,
    ),
    says("unexpected-process", "", NOT_APPLICABLE),
    *(
        says(
            check,
            container(kernel=Kernel(7), image=image()),
            UNKNOWN,
            "shown only when one container is checked",
        )
        for check in ("unexpected-process", "unexpected-listener")
    ),
    # listeners that nobody else reaches, or that are the host's, do not count
    says(
        "unexpected-listener",
        listening(
            ("tcp6", "::1", 9000),
            ("tcp", "127.0.0.53", 53),
            ("udp6", "::", 51234),
        ),
        PASS,
    ),
    says(
        "unexpected-listener",
        listening(("udp6", "::", 53)),
        FAIL,
    ),
    says(
        "unexpected-listener",
        listening(("udp6", "::", 53), options="--publish=53:53/udp"),
        PASS,
    ),
    says(
        "unexpected-listener",
        listening(("tcp", "0.0.0.0", 22), shared="net"),
        NOT_APPLICABLE,
    ),
    # only a unit that exists owns a container, and only its own label counts
    says(
        "unowned-container",
        labelled(unit_exists=True),
        PASS,
    ),
    says(
        "unowned-container",
        labelled(unit_exists=False),
        FAIL,
        "web.service",
    ),
    says(
        "unowned-container",
        labelled(unit_exists=Unread("no systemd")),
        UNKNOWN,
        "no systemd",
    ),
    says(
        "unowned-container",
        labelled("--label=owner=web", unit_exists=False),
        PASS,
    ),
    says(
        "unowned-container",
        labelled(
            unit_exists=True,
            image=image({"Labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}}),
        ),
        FAIL,
    ),
    says(
        "unowned-container", container(inspect={"Config": {"Labels": {"owner": "upstream"}}}), FAIL
    ),
    fixes(
        "unowned-container",
        "",
        {LABELS: ("owner=web-team",)},
        owner="web-team",
    ),
    # a unit that systemd does not know
    says(
        "unit-drift",
        labelled(also={"Created": "2025-12-01T00:00:00Z"}),
        UNKNOWN,
    ),
    says(
        "unit-drift",
        labelled(
            also={"Created": "2025-12-01T00:00:00Z"},
            unit=None,
        ),
        UNKNOWN,
    ),
    says(
        "unit-drift",
        labelled(unit=UnitFacts("web.service")),
        UNKNOWN,
    ),
    says("unit-drift", "", NOT_APPLICABLE),
    # restarts count only while they are fresh
    says(
        "restart-loop",
        container(
            inspect=STARTED,
            kernel=Kernel(pid=1),
        ),
        PASS,
    ),
    says(
        "restart-loop",
        container(
            inspect=STARTED,
            kernel=NotRunning("exited"),
        ),
        FAIL,
    ),
    says(
        "restart-loop",
        labelled(also={"State": {"StartedAt": "2025-12-31T08:00:00Z"}}),
        UNKNOWN,
    ),
    says(
        "restart-loop",
        container(inspect={"State": {"StartedAt": "0001-01-01T00:00:00Z"}}),
        NOT_APPLICABLE,
    ),
    # watches of a directory above count, once they are loaded, and comments do not
    says(
        "unaudited-engine",
        HostFacts(audit_loaded=WATCHED),
        PASS,
    ),
    says(
        "unaudited-engine",
        HostFacts(audit_rules=WATCHED),
        UNKNOWN,
    ),
    says(
        "unaudited-engine",
        HostFacts(audit_rules=tuple(f"# {rule}" for rule in WATCHED)),
        FAIL,
    ),
    says("unaudited-engine", HostFacts(), UNKNOWN),
]

STEPS_1_AND_2 = [
    # a new image counts once it has cooled down, and an old answer says nothing
    says("outdated-tag", answered(NINES, seen=2), PASS),
    says("outdated-tag", answered(NINES, seen=3), FAIL),
    says("outdated-tag", answered(NINES, asked=8), UNKNOWN),
    says("outdated-tag", answered(DIGEST, asked=8), UNKNOWN),
    # either digest of a multi-architecture image is current; a local image is never outdated
    says(
        "outdated-tag",
        answered(DIGEST, of=BOTH_DIGESTS),
        PASS,
    ),
    says(
        "outdated-tag",
        answered(OTHER, of=BOTH_DIGESTS),
        PASS,
    ),
    says("outdated-tag", BOTH_DIGESTS, UNKNOWN),
    says(
        "outdated-tag",
        answered(
            OTHER,
            of=container(
                inspect={"ImageName": "localhost/app:latest"},
                image=image(),
            ),
        ),
        NOT_APPLICABLE,
    ),
    # a fixed or missing build date is no age
    *(
        says(
            "old-image",
            container(image=ImageFacts("1", {"Created": date})),
            UNKNOWN,
        )
        for date in ("1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "", "yesterday")
    ),
    # ids are compared however they are spelled
    *(
        says(
            "superseded-image",
            container(**named(Image="sha256:" + "a" * 64), **known),
            status,
        )
        for known, status in (
            ({"image_ids": {f"{NGINX}:1.29": "a" * 64}}, PASS),
            ({"image_ids": {}}, UNKNOWN),
            ({}, UNKNOWN),
        )
    ),
    # a floating name is pinned to what runs; a local one fails and cannot be
    fixes(
        "mutable-image-tag",
        container(
            (IMAGE, "nginx"),
            **named("latest", ImageDigest=DIGEST),
            image=ImageFacts(
                "1",
                {
                    "RepoDigests": [
                        f"quay.io/x@{NINES}",
                        f"{NGINX}@{OTHER}",
                        f"{NGINX}@{DIGEST}",
                    ]
                },
            ),
        ),
        {IMAGE: f"{NGINX}@{DIGEST}"},
    ),
    *(
        row(
            "mutable-image-tag",
            of_image((IMAGE, "localhost/app")).replace(**local),
            *rest,
        )
        for local in ({"inspect": {"ImageName": "localhost/app:latest"}},)
        for row, rest in ((says, (FAIL,)), (refuses, ()))
    ),
    says(
        "mutable-image-tag",
        container((IMAGE, "a" * 64)),
        PASS,
    ),
    says(
        "mutable-image-tag",
        "--rootfs=/srv/root",
        NOT_APPLICABLE,
    ),
    # automatic updates need their timer, a full name that can move, and a check that systemd waits
    # for
    says(
        "no-update-path",
        container(
            (IMAGE, f"{NGINX}:1.29"),
            UPDATED,
            engine=rootful(auto_update_timer=False),
        ),
        FAIL,
    ),
    says(
        "no-update-path",
        container((IMAGE, f"{NGINX}:1.29"), UPDATED),
        UNKNOWN,
    ),
    *(
        refuses("no-update-path", container((IMAGE, name)))
        for name in ("nginx:1.29", "localhost/app:1", f"{NGINX}@{DIGEST}")
    ),
    says(
        "update-without-rollback",
        of_image(UPDATED, config=CHECKED),
        FAIL,
    ),
    says(
        "update-without-rollback",
        of_image(UPDATED, (SDNOTIFY, "healthy"), config=CHECKED),
        PASS,
    ),
    says(
        "update-without-rollback",
        of_image(UPDATED, (SDNOTIFY, "healthy")),
        FAIL,
    ),
    refuses("update-without-rollback", of_image(UPDATED)),
    # a version of a distribution proves no hole; a report without a list of exploited holes is no
    # pass
    says(
        "vulnerable-engine",
        HostFacts(outdated=(PACKAGED,)),
        UNKNOWN,
    ),
    says("vulnerable-engine", HostFacts(), UNKNOWN),
    says("exploited-vulnerabilities", UNLISTED, UNKNOWN),
    says("fixable-vulnerabilities", UNLISTED, PASS),
    # a gap in the inventory is no pass
    says(
        "credentials-in-layers",
        inside(gaps=("layer 3 is damaged",)),
        UNKNOWN,
        "layer 3",
    ),
    says(
        "credentials-in-layers",
        inside(
            gaps=("layer 3",),
            credentials=(ImageFile("/k.pem", "private key"),),
        ),
        FAIL,
    ),
    # the end of a release
    says(
        "end-of-life-image",
        inside(release={"ID": "debian", "VERSION_ID": "10"}),
        FAIL,
    ),
    says(
        "end-of-life-image",
        inside(release={"ID": "alpine", "VERSION_ID": "3.22.1"}),
        PASS,
    ),
    says(
        "end-of-life-image",
        inside(release={"ID": "debian"}),
        UNKNOWN,
    ),
    says(
        "end-of-life-image",
        inside(release={"ID": "hannah", "VERSION_ID": "1"}),
        UNKNOWN,
    ),
    says(
        "end-of-life-image",
        inside(release={}),
        NOT_APPLICABLE,
    ),
    # habits in the history
    says(
        "unclean-image-build",
        built("RUN apt-get update && apt-get -y upgrade"),
        PASS,
    ),
    says(
        "unclean-image-build",
        built("RUN apk -U add nginx"),
        PASS,
    ),
    says(
        "unclean-image-build",
        built("RUN dnf -y makecache"),
        FAIL,
    ),
    says(
        "unclean-image-build",
        built("ADD --checksum=sha256:aa https://example.com/x /"),
        PASS,
    ),
    says(
        "unclean-image-build",
        built("ADD --chown=1:1 https://example.com/x /"),
        FAIL,
    ),
    says(
        "unclean-image-build",
        built("COPY https.txt /"),
        PASS,
    ),
    *(
        says("unclean-image-build", built(f"/bin/sh -c {command}"), FAIL, "download run unverified")
        for command in (
            "curl -fsSL https://deb.example.com/setup_20.x | bash -",
            "apt-get update && apt-get install -y curl && curl -sL https://example.com/i | sudo -E sh",
            "wget -qO- 'https://example.com/i?a=1&b=2' | /bin/sh -s -- -y",
            "curl https://example.com/i.gz | gunzip | bash",
            "curl -sSL $URL | POETRY_HOME=/opt/poetry sh",
            "bash <(curl -s https://example.com/i)",
            'sh -c "$(wget -qO- https://example.com/i)"',
        )
    ),
    *(
        says("unclean-image-build", built(f"/bin/sh -c {command}"), PASS)
        for command in (
            "curl https://example.com/t.tgz | tar xz",
            "curl -fsSL https://example.com/key | gpg --dearmor -o /k.gpg",
            "curl -o i https://example.com/i && sha256sum -c sums && sh i",
            "curl https://example.com/i | sha256sum",
            "apk add --no-cache curl; echo 'exit 0' | sh",
        )
    ),
    says("unclean-image-build", built(""), UNKNOWN),
]


@pytest.mark.parametrize("holds", STEP_6 + STEP_7 + STEPS_1_AND_2)
def test_what_is_said_and_done(holds: Holds) -> None:
    holds()


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (" 0.0.0.0 :: [::] ::ffff:0.0.0.0 0:0:0:0:0:0:0:0", "all"),
        ("127.0.0.1 127.8.9.1 [::1] ::ffff:127.0.0.1", "loopback"),
        ("192.0.2.7 2001:db8::7 no-address", "one"),
    ],
)
def test_who_can_reach_a_port_is_told_by_its_address(
    addresses: str,
    expected: str,
) -> None:
    assert {reach(Port(80, "8080", address)) for address in addresses.split(" ")} == {expected}


@pytest.mark.parametrize(
    "check",
    ["wildcard-port", "unfirewalled-port", "default-seccomp-only"],
)
def test_publish_all_opens_only_the_ports_that_are_not_published_otherwise(check: str) -> None:
    web = (Port(80, "8080", "127.0.0.1"),)
    both = (*web, Port(5353, "5353", "127.0.0.1", "udp"))
    host = HostFacts(firewall=Firewall(rules=(), outside=("eth0",)))

    def status(ports: tuple[Port, ...], of: Any = BOTH_PORTS) -> Status:
        return status_of(
            check,
            container(
                "--publish-all",
                (PUBLISH, ports),
                image=of,
                host=host,
            ),
        )

    assert status(web) is FAIL
    assert status(both, Unread("gone")) is FAIL
    assert status(both) in (PASS, NOT_APPLICABLE)


def test_ports_of_a_pod_are_read_from_its_infra_container_and_changed_at_the_pod() -> None:
    bindings = {"5432/tcp": [{"HostIp": "0.0.0.0", "HostPort": "7070"}]}
    infra = container(
        inspect={
            "Pod": "a" * 64,
            "IsInfra": True,
            "HostConfig": {"PortBindings": bindings},
        }
    )
    for check in ("wildcard-port", "exposed-admin-port"):
        assert status_of(check, infra) is FAIL
        with pytest.raises(CannotFix, match="pod"):
            fix(check, infra)


def test_apps_of_one_fix_end_on_one_network() -> None:
    web = beside(
        Peer(
            "2" * 64,
            "wiki",
            networks=("podman",),
            app="wiki",
        ),
        options="--label=app=shop",
    )
    assert fix("shared-network", web)[NETWORK] == ("shop-net",)
    assert fix("shared-network", web.replace(name="db"))[NETWORK] == ("shop-net",)


def test_the_limit_that_a_log_is_written_with_counts_wherever_it_was_set() -> None:
    path = "/etc/containers/containers.conf"
    asked = Configuration({"containers.log_size_max": Value(1 << 20, path)})
    limited = logged(engine=rootful(trust=TrustFacts(configuration=asked)))
    for facts in (logged(engine=STOCK_ROOTFUL), limited):
        for limit, status in ((1 << 20, PASS), (0, FAIL)):
            assert status_of("unbounded-logs", facts.replace(log_limit_in_force=limit)) is status
    assert fix("unbounded-logs", limited.replace(log_limit_in_force=0))[LOG_OPT] == (
        "max-size=10mb",
    )


def test_drift_leaves_out_directories_mounts_and_what_podman_writes() -> None:
    added = "/etc/resolv.conf /data /data/db /tmp/x /tmpfoo".split()
    changes = (
        FileChange("/etc", "modified"),
        *(FileChange(path, "added") for path in added),
    )
    verdict = judge(
        "drifted-files",
        container(
            changes=changes,
            inspect={"Mounts": [{"Destination": "/data/db"}]},
        ),
    )
    assert [proof.where for proof in verdict.evidence] == ["/tmpfoo"]
    assert verdict.severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nginx", ("nginx", "", "", "")),
        (
            "host:5000/a/b",
            ("host:5000/a/b", "", "", "host:5000"),
        ),
        (
            "host:5000/a/b:1@" + DIGEST,
            ("host:5000/a/b", "1", DIGEST, "host:5000"),
        ),
        (
            "localhost/app:latest",
            ("localhost/app", "latest", "", "localhost"),
        ),
    ],
)
def test_references_are_taken_apart(
    text: str,
    parts: tuple[str, str, str, str],
) -> None:
    result = reference(text)
    assert (result.name, result.tag, result.digest, result.host) == parts


@pytest.mark.parametrize(
    "check", [check for check in all_checks() if check.step == 1], ids=lambda check: check.id
)
def test_what_is_in_an_image_is_never_guessed(check: Check) -> None:
    assert status_of(check.id, "") is UNKNOWN
    assert status_of(check.id, "--rootfs=/srv/root") is NOT_APPLICABLE


@pytest.mark.parametrize(
    ("check", "step"),
    [
        (
            "credentials-in-image-config",
            "|2 API_KEY=abcdef0123456789 V=1 /bin/sh -c make",
        ),
        (
            "credentials-in-image-config",
            "/bin/sh -c #(nop)  ENV DB_PASSWORD=correct-horse",
        ),
        ("credentials-in-image-config", 'ARG TOKEN="abcdef0123456789"'),
        (
            "credentials-in-image-config",
            "RUN git clone https://bob:hunter22@example.com/x.git",
        ),
        ("unclean-image-build", "ADD https://bob:hunter22@example.com/x /"),
        ("unclean-image-build", "RUN curl https://bob:hunter22@example.com/x | sh"),
    ],
)
def test_credentials_in_the_history_are_found_and_not_shown(
    check: str,
    step: str,
) -> None:
    verdict = judge(check, built(step))
    assert verdict.status is FAIL
    for value in ("abcdef0123456789", "correct-horse", "hunter22"):
        assert value not in repr(verdict)


def test_what_is_advised_to_remove_is_saved_first() -> None:
    old = {"State": {"Status": "exited", "FinishedAt": "2025-10-01T08:00:00Z"}}
    commands = judge("stale-container", container(inspect=old)).commands
    assert commands[-2:] == ("podman export -o web.tar web", "podman rm web")
    for name, saved in (
        ("localhost/app:1", True),
        ("docker.io/library/app:1", False),
    ):
        facts = ImageFacts(
            id="1" * 64,
            inspect={"Created": "2025-01-01T00:00:00Z"},
            names=(name,),
        )
        commands = judge("stale-image", facts).commands
        assert [command.split()[2] for command in commands] == [*(["save"] if saved else []), "rm"]


def test_names_from_outside_cannot_leave_their_place_in_a_command() -> None:
    facts = container(changes=(FileChange("/app/x", "added"),)).replace(name="x; rm -rf / #")
    assert judge("drifted-files", facts).commands == ("podman diff 'x; rm -rf / #'",)


@pytest.mark.parametrize(
    "name",
    ["../../etc", "-x", "a b\nc", "\x1b[31m", "", "ünï"],
)
def test_the_name_of_an_own_network_is_always_a_valid_one(name: str) -> None:
    made = own_network(name)
    assert made[0].isalnum()
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


@pytest.mark.parametrize(
    "word",
    ["", "x", "80-", "-80", "8०", "99999999999-99999999999999"],
)
def test_a_port_that_cannot_be_read_declares_nothing(word: str) -> None:
    assert len(exposed(word)) <= 1


def test_gos_nanoseconds_and_zones_are_read() -> None:
    assert parse_time("2026-11-24T13:43:44.192660895Z") == datetime(
        2026, 11, 24, 13, 43, 44, 192660, UTC
    )
    assert parse_time("2026-11-24T15:43:44.1+02:00") == datetime(
        2026, 11, 24, 13, 43, 44, 100000, UTC
    )
    assert parse_time("0001-01-01T00:00:00Z") is None


def test_the_ten_steps_hold_every_check_of_its_step_once() -> None:
    checklist = load()
    assert [step.number for step in checklist.steps] == list(range(1, 11))
    for step in checklist.steps:
        if step.number in (1, 2, 6, 7):
            assert set(step.checks) == {
                check.id for check in all_checks() if check.step == step.number
            }
        assert len(step.title) <= 20
        for text in (
            step.what,
            step.why,
            step.attack,
            step.fix,
            step.breaks,
        ):
            assert len(text) > 100


def test_the_schema_knows_every_key_of_the_checklist() -> None:
    checklists = Path(__file__).parents[3] / "checklists"
    schema = json.loads((checklists / "schema.json").read_text())
    document = tomllib.loads((checklists / "ten-steps.toml").read_text())
    assert set(document) <= set(schema["properties"])
    known = set(schema["$defs"]["step"]["properties"])
    for step in document["step"]:
        assert set(step) <= known
        assert set(schema["$defs"]["step"]["required"]) <= set(step)
