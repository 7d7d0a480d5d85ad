"""The hardened base that most flavours add one bad condition to, and the images they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from tests.live.flavours.image_files import TestImage
from tests.live.flavours.model import Flavour, Place

NETWORK = "truth-net"
APP = "truth"
_BASE_LABELS = {"org.opencontainers.image.base.name": "localhost/base:1"}

WEB = {
    "User": "101",
    "ExposedPorts": {"8080/tcp": {}},
    "Labels": _BASE_LABELS,
}
_WHEN = datetime.now(UTC)

IMAGES = (
    TestImage("localhost/truth-web:1.0", WEB),
    TestImage("localhost/truth-web:latest", WEB),
    TestImage("localhost/truth-root:1.0", {**WEB, "User": ""}),
    TestImage("localhost/truth-named:1.0", {**WEB, "User": "web"}),
    TestImage("localhost/truth-drift:1.0", WEB),
    TestImage("localhost/truth-zero:1.0", {**WEB, "User": "0:0"}),
    TestImage(
        "localhost/truth-old:1.0",
        WEB,
        _WHEN - timedelta(days=400),
    ),
    TestImage(
        "localhost/truth-epoch:1.0",
        WEB,
        datetime(1970, 1, 1, tzinfo=UTC),
    ),
    TestImage(
        "localhost/truth-secret:1.0",
        {**WEB, "Env": ["DB_PASSWORD=hunter2hunter2"]},
    ),
    TestImage(
        "localhost/truth-ssh:1.0",
        {**WEB, "ExposedPorts": {"8080/tcp": {}, "22/tcp": {}}},
    ),
    TestImage("localhost/truth-nobase:1.0", {**WEB, "Labels": {}}),
    TestImage(
        "localhost/truth-checked:1.0",
        {
            **WEB,
            "Healthcheck": {"Test": ["CMD-SHELL", "wget -q -O- http://127.0.0.1:8080/srv/note"]},
        },
    ),
    TestImage(
        "localhost/truth-caps:1.0",
        {
            **WEB,
            "Labels": {**_BASE_LABELS, "io.containers.capabilities": "CHOWN"},
        },
    ),
    TestImage(
        "localhost/truth-caps-root:1.0",
        {
            **WEB,
            "User": "",
            "Labels": {**_BASE_LABELS, "io.containers.capabilities": "CHOWN"},
        },
    ),
    TestImage("localhost/truth-toor:1.0", {**WEB, "User": "toor"}),
    TestImage(
        "localhost/truth-member:1.0",
        {**WEB, "User": "web"},
        groups="root:x:0:\ndisk:x:6:web\nweb:x:101:\n",
    ),
    TestImage(
        "localhost/truth-filter-weak:1.0",
        {
            **WEB,
            "Labels": {
                **_BASE_LABELS,
                "io.containers.seccomp.profile": '{"defaultAction": "SCMP_ACT_ALLOW"}',
            },
        },
    ),
    TestImage(
        "localhost/truth-steers:1.0",
        {
            **WEB,
            "Labels": {**_BASE_LABELS, "PODMAN_SYSTEMD_UNIT": "ssh.service"},
        },
    ),
    TestImage(
        "localhost/truth-updates:1.0",
        {
            **WEB,
            "Labels": {**_BASE_LABELS, "io.containers.autoupdate": "local"},
        },
    ),
    TestImage("registry.example/truth-web:1.0", WEB),
    TestImage(
        "localhost/truth-unclean:1.0", WEB, made_by="ADD https://example.org/tool.tar.gz /opt/"
    ),
    TestImage(
        "localhost/truth-moved:1.0",
        WEB,
        layer_note="before",
    ),
)
MOVED = TestImage(
    "localhost/truth-moved:1.0",
    WEB,
    layer_note="after",
)
"""Loaded when the containers exist: then the name leads to another image."""

Part = Callable[[Place], tuple[str, ...]]


def _publish(place: Place) -> tuple[str, ...]:
    """A port below 1024 is what makes root's engine needed."""
    host = "" if place.rootless else "80"
    return ("--publish", f"{place.address}:{host}:8080")


HARDENED: Mapping[str, Part] = {
    "userns": lambda place: () if place.rootless else ("--userns=auto",),
    "privileges": lambda _: ("--security-opt=no-new-privileges",),
    "capabilities": lambda _: ("--cap-drop=all",),
    "memory": lambda _: ("--memory=64m",),
    "cpu": lambda _: ("--cpus=0.5",),
    "pids": lambda _: ("--pids-limit=100",),
    "read-only": lambda _: ("--read-only",),
    "ulimits": lambda _: ("--ulimit=nofile=1024:4096", "--ulimit=core=0:0"),
    "network": lambda _: (f"--network={NETWORK}",),
    "publish": _publish,
    "health": lambda _: (
        "--health-cmd=wget -q -O- http://127.0.0.1:8080/srv/note",
        "--health-interval=1h",
        "--health-on-failure=kill",
    ),
    "log": lambda _: ("--log-driver=k8s-file", "--log-opt=max-size=1mb"),
    "restart": lambda _: ("--restart=on-failure:3",),
    "owner": lambda _: (f"--label=app={APP}", "--label=owner=tests"),
    "updates": lambda _: ("--label=io.hardentui.updates=weekly",),
}


def arguments(flavour: Flavour, place: Place) -> tuple[str, ...]:
    """The options of `podman run` and `podman create`, and the image."""
    parts = (
        []
        if flavour.plain
        else [part for key, part in HARDENED.items() if key not in flavour.without]
    )
    words = [word for part in parts for word in part(place)]
    return (
        *words,
        *flavour.options(place),
        flavour.image.replace("DIRECTORY", place.directory),
    )
