"""Mounts, networks, ports, images, health, logs, restarts: steps 1, 2, 3, 5, 6 and 7."""

from __future__ import annotations

from tests.live.flavours.base import ON_HOST_NETWORK
from tests.live.flavours.model import CREATED, EXITED, ROOTFUL, ROOTLESS, Flavour, ids

_LOOSE = ids("writable-mount")
_TIGHT = "nosuid,nodev,noexec"
_BELOW = ids("writable-mount")
"""File systems mounted below, which the options of a mount do not reach, depend on the machine."""


def _volume(source: str, target: str, options: str = "") -> tuple[str, ...]:
    return ("--volume", f"{source}:{target}" + (f":{options}" if options else ""))


def _port(spec: str) -> object:
    return lambda place: ("--publish", spec.format(place=place, high=20000 + place.number))


_RUNS_THERE = {
    "writable-mount": "p=/data/.$HOSTNAME; busybox cp /bin/knock $p && $p 39; e=$?; "
    "busybox rm -f $p; [ $e = 0 ]"
}
"""A program can be put there and run."""
MOUNTS = (
    Flavour(
        "bind-tight",
        arguments=lambda p: _volume(f"{p.directory}/data", "/data", _TIGHT),
        configured=True,
        tries=_RUNS_THERE,
    ),
    Flavour(
        "bind-read-only",
        arguments=lambda p: _volume(f"{p.directory}/data", "/data", "ro"),
        configured=True,
        tries=_RUNS_THERE,
    ),
    Flavour(
        "bind-loose",
        ids("writable-mount"),
        lambda p: _volume(f"{p.directory}/data", "/data"),
        tries=_RUNS_THERE,
    ),
    Flavour("volume-named", arguments=_volume("truth-volume", "/data"), configured=True),
    Flavour("volume-anonymous", arguments=("--volume=/data",), engines=(ROOTFUL,)),
    Flavour("bind-etc-ro", ids("sensitive-host-mount"), _volume("/etc", "/data", "ro"), free=_BELOW),
    Flavour("bind-etc-rw", ids("sensitive-host-mount"), _volume("/etc", "/data", _TIGHT), free=_BELOW),
    Flavour(
        "bind-root-ro",
        ids("sensitive-host-mount mounted-engine-socket"),
        _volume("/", "/data", "ro"),
        engines=(ROOTFUL,),
        free=_BELOW | ids("mounted-control-socket"),
    ),
    Flavour("bind-proc", ids("sensitive-host-mount"), _volume("/proc", "/data", "ro"), engines=(ROOTFUL,)),
    Flavour(
        "bind-var-log", ids("sensitive-host-mount"), _volume("/var/log", "/data", _TIGHT), engines=(ROOTFUL,)
    ),
    Flavour("bind-zoneinfo", arguments=_volume("/usr/share", "/data", "ro"), engines=(ROOTFUL,)),
    Flavour(
        "bind-everybody-reads",
        arguments=_volume("/usr/share", "/data", "ro"),
        bad_on={ROOTFUL: ids("needless-rootful-engine")},
        without=ids("publish"),
        configured=True,
    ),
    Flavour(
        "bind-root-reads",
        arguments=_volume("/var/lib/dpkg", "/data", "ro"),
        without=ids("publish"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "volume-behind-bind",
        ids("sensitive-host-mount"),
        ("--mount=type=volume,src=truth-etc,dst=/data,ro=true",),
        engines=(ROOTFUL,),
        free=_BELOW,
    ),
    Flavour("socket", ids("mounted-engine-socket"), lambda p: _volume(p.socket, "/engine.sock")),
    Flavour("socket-ro", ids("mounted-engine-socket"), lambda p: _volume(p.socket, "/engine.sock", "ro")),
    Flavour(
        "socket-directory",
        ids("mounted-engine-socket"),
        lambda p: _volume(p.socket.rpartition("/")[0], "/data", "ro"),
    ),
    Flavour(
        "socket-link",
        ids("mounted-engine-socket"),
        lambda p: _volume(f"{p.directory}/link-to-socket", "/engine", "ro"),
    ),
    Flavour(
        "etc-link",
        ids("sensitive-host-mount"),
        lambda p: _volume(f"{p.directory}/link-to-etc", "/data", "ro"),
        free=_BELOW,
    ),
    Flavour(
        "shared-propagation",
        ids("shared-mount-propagation"),
        lambda p: _volume(f"{p.directory}/data", "/data", f"{_TIGHT},rshared"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "slave-propagation",
        arguments=lambda p: _volume(f"{p.directory}/data", "/data", f"{_TIGHT},rslave"),
        configured=True,
        tries=_RUNS_THERE,
    ),
)

NETWORKS = (
    Flavour(
        "port-all",
        ids("wildcard-port unfirewalled-port default-seccomp-only"),
        lambda p: ("--publish", f"{20000 + p.number}:8080"),
    ),
    Flavour(
        "port-all-explicit",
        ids("wildcard-port unfirewalled-port default-seccomp-only"),
        lambda p: ("--publish", f"0.0.0.0:{20000 + p.number}:8080"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "port-all-v6",
        ids("wildcard-port unfirewalled-port default-seccomp-only"),
        lambda p: ("--publish", f"[::]:{20000 + p.number}:8080"),
        configured=True,
    ),
    Flavour(
        "port-loopback-v6",
        arguments=lambda p: ("--publish", f"[::1]:{20000 + p.number}:8080"),
        configured=True,
    ),
    Flavour(
        "port-all-own-seccomp",
        ids("wildcard-port unfirewalled-port"),
        lambda p: (
            "--publish",
            f"{20000 + p.number}:8080",
            f"--security-opt=seccomp={p.directory}/tight.json",
        ),
        bad_on={ROOTLESS: ids("nested-user-namespaces open-socket-families")},
        configured=True,
    ),
    Flavour(
        "port-admin-loopback",
        ids("undeclared-published-port"),
        lambda p: ("--publish", f"127.0.0.1:{20000 + p.number}:5432"),
        configured=True,
    ),
    Flavour(
        "port-admin-declared",
        arguments=lambda p: ("--publish", f"127.0.0.1:{20000 + p.number}:5432", "--expose=5432"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "port-admin-all",
        ids("exposed-admin-port wildcard-port unfirewalled-port default-seccomp-only"),
        lambda p: ("--publish", f"{20000 + p.number}:6379", "--expose=6379"),
    ),
    Flavour(
        "port-debugger",
        ids("exposed-admin-port wildcard-port unfirewalled-port default-seccomp-only"),
        lambda p: ("--publish", f"{20000 + p.number}:9229", "--expose=9229"),
        configured=True,
    ),
    Flavour(
        "port-low", ids("low-host-port"), lambda p: ("--publish", f"{p.address}:81:8080"), engines=(ROOTFUL,)
    ),
    Flavour(
        "port-undeclared",
        ids("undeclared-published-port"),
        lambda p: ("--publish", f"{p.address}:{20000 + p.number}:9999"),
        configured=True,
    ),
    Flavour(
        "publish-all",
        ids("wildcard-port unfirewalled-port undeclared-published-port default-seccomp-only"),
        ("--publish-all",),
        without=ids("publish"),
        bad_on={ROOTFUL: ids("needless-rootful-engine")},
    ),
    Flavour(
        "publish-all-nothing-left",  # the only port is published by the base, and so Podman adds none
        ids("undeclared-published-port"),
        ("--publish-all",),
    ),
    Flavour("nothing-published", bad_on={ROOTFUL: ids("needless-rootful-engine")}, without=ids("publish")),
    Flavour(
        "network-host",
        ids("host-network default-seccomp-only"),
        ("--network=host",),
        bad_on={ROOTFUL: ids("host-user-namespace")},
        without=ids("network publish userns"),
        command=("sleep", "3600"),
        tries={"host-network": ON_HOST_NETWORK},
    ),
    Flavour(
        "network-host-borrowed",
        ids("host-network default-seccomp-only"),
        ("--network=container:truth-network-host",),
        bad_on={ROOTFUL: ids("host-user-namespace")},
        without=ids("network publish userns"),
        command=("sleep", "3600"),
        tries={"host-network": ON_HOST_NETWORK},
    ),
    Flavour(
        "network-host-borrowed-created",
        ids("host-network default-seccomp-only"),
        ("--network=container:truth-network-host",),
        bad_on={ROOTFUL: ids("host-user-namespace")},
        without=ids("network publish userns"),
        state=CREATED,
    ),
    Flavour(
        "network-borrowed-created",
        ids("unfiltered-network-driver"),
        ("--network=container:truth-hardened",),
        bad_on={ROOTFUL: ids("needless-rootful-engine host-user-namespace")},
        without=ids("network publish userns"),
        state=CREATED,
    ),
    Flavour("network-default", bad_on={ROOTFUL: ids("default-network")}, without=ids("network")),
    Flavour("network-default-bridge", ids("default-network"), ("--network=bridge",), without=ids("network")),
    Flavour(
        "network-internal",
        arguments=("--network=truth-internal",),
        without=ids("network"),
        bad_on={ROOTFUL: ids("reachable-host-services")},  # the bench listens on all its addresses
        configured=True,
    ),
    Flavour(
        "network-two",
        ids("reachable-host-services"),
        ("--network=truth-internal",),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "network-none",
        arguments=("--network=none",),
        without=ids("network publish"),
        bad_on={ROOTFUL: ids("needless-rootful-engine")},
    ),
    Flavour(
        "network-container",
        ids("unfiltered-network-driver"),
        ("--network=container:truth-hardened",),
        without=ids("network publish userns"),
        command=("sleep", "3600"),
        bad_on={ROOTFUL: ids("needless-rootful-engine host-user-namespace")},
        tries={"host-network": ON_HOST_NETWORK},
    ),
    Flavour(
        "network-container-stranger",
        ids("unfiltered-network-driver shared-network"),
        ("--network=container:truth-network-stranger",),
        without=ids("network publish userns"),
        command=("sleep", "3600"),
        bad_on={ROOTFUL: ids("needless-rootful-engine host-user-namespace")},
    ),
    Flavour(
        "network-macvlan",
        ids("unfiltered-network-driver"),
        ("--network=truth-macvlan",),
        without=ids("network publish"),
        engines=(ROOTFUL,),
        state=CREATED,
    ),
    Flavour(
        "network-stranger",
        ids("shared-network"),
        ("--network=truth-shared", "--label=app=other", "--label=owner=tests"),
        without=ids("network owner"),
    ),
    Flavour("network-stranger-2", ids("shared-network"), ("--network=truth-shared",), without=ids("network")),
    Flavour(
        "pasta-host-services",
        ids("reachable-host-services"),
        ("--network=pasta:--map-gw",),
        without=ids("network"),
        engines=(ROOTLESS,),
    ),
    Flavour("listener", ids("unexpected-listener"), command=("httpd", "-f", "-p", "9090")),
)

LIFE = (
    Flavour("health-none", ids("missing-health-check"), without=ids("health"), configured=True),
    Flavour(
        "health-off",
        ids("missing-health-check"),
        ("--no-healthcheck",),
        without=ids("health"),
        image="localhost/truth-checked:1.0",
        engines=(ROOTFUL,),
    ),
    Flavour(
        "health-of-image",
        arguments=("--health-on-failure=kill",),
        without=ids("health"),
        image="localhost/truth-checked:1.0",
        engines=(ROOTFUL,),
    ),
    Flavour(
        "health-never-run",
        ids("missing-health-check"),
        ("--health-cmd=true", "--health-interval=disable"),
        without=ids("health"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "health-no-action",
        ids("unhealthy"),
        ("--health-cmd=wget -q -O- http://127.0.0.1:8080/srv/note", "--health-interval=1h"),
        without=ids("health"),
    ),
    Flavour("log-none", ids("no-logs"), ("--log-driver=none",), without=ids("log"), configured=True),
    Flavour(
        "log-unlimited",
        ids("unbounded-logs"),
        ("--log-driver=k8s-file",),
        without=ids("log"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "log-limited-by-override",
        arguments=("--log-driver=k8s-file",),
        without=ids("log"),
        override="log-limit.conf",
    ),
    Flavour(
        "log-limited-by-override-created",
        ids("unbounded-logs"),  # whoever starts it without that variable writes without a limit
        ("--log-driver=k8s-file",),
        without=ids("log"),
        override="log-limit.conf",
        state=CREATED,
        engines=(ROOTFUL,),
    ),
    Flavour(
        "restart-always",
        ids("unbraked-restart"),
        ("--restart=always",),
        without=ids("restart"),
        configured=True,
    ),
    Flavour(
        "restart-unless-stopped",
        ids("unbraked-restart"),
        ("--restart=unless-stopped",),
        without=ids("restart"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "restart-on-failure",
        ids("unbraked-restart"),
        ("--restart=on-failure",),
        without=ids("restart"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "restart-loop",
        ids("restart-loop"),
        ("--restart=on-failure:6",),
        without=ids("restart"),
        state=EXITED,
        command=("sh", "-c", "exit 1"),
    ),
    Flavour(
        "update-blind",
        ids("update-without-rollback"),
        ("--label=io.containers.autoupdate=local",),
        configured=True,
    ),
    Flavour("restart-no", without=ids("restart"), engines=(ROOTFUL,)),
    Flavour(
        "owner-none",
        ids("unowned-container"),
        ("--label=app=truth",),
        without=ids("owner"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "owner-unit",
        arguments=("--label=app=truth", "--label=PODMAN_SYSTEMD_UNIT=truth.service"),
        without=ids("owner"),
        unknown=dict.fromkeys(
            ("unowned-container", "unit-drift", "restart-loop"),
            "no systemd runs on the bench that could be asked",
        ),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "owner-unit-of-image",
        ids("engine-steering-image unowned-container"),
        ("--label=app=truth",),
        without=ids("owner"),
        image="localhost/truth-steers:1.0",
        unknown=dict.fromkeys(
            ("unit-drift", "restart-loop"), "no systemd runs on the bench that could be asked"
        ),
        engines=(ROOTFUL,),
    ),
    Flavour("updates-none", ids("no-update-path"), without=ids("updates"), engines=(ROOTFUL,)),
    Flavour("shell", command=("sh", "-c", "httpd -p 8080; sleep 3600")),
    Flavour(
        "drift",
        ids("writable-rootfs drifted-files"),
        without=ids("read-only"),
        image="localhost/truth-drift:1.0",
        command=("sh", "-c", "echo x > /srv/new; httpd -f -p 8080"),
        tries={"drifted-files": "[ -e /srv/new ]"},
    ),
    Flavour(
        "relay",
        ids("unexpected-process"),
        command=("sh", "-c", "httpd -p 8080; nc -l -p 8081 127.0.0.1; sleep 3600"),
        tries={"unexpected-process": "grep -qs '^Name:.nc$' /proc/[0-9]*/status"},
    ),
)

IMAGES = (
    Flavour(
        "image-of-registry",
        image="registry.example/truth-web:1.0",
        free=ids("unsigned-scope-in-use unapproved-registry outdated-tag"),
        configured=True,
    ),
    Flavour(
        "image-unclean", ids("unclean-image-build"), image="localhost/truth-unclean:1.0", engines=(ROOTFUL,)
    ),
    Flavour("image-no-tls", ids("tls-verification-off"), ("--tls-verify=false",), engines=(ROOTFUL,)),
    Flavour("image-latest", ids("mutable-image-tag"), image="localhost/truth-web:latest", configured=True),
    Flavour("image-no-tag", ids("mutable-image-tag"), image="localhost/truth-web", engines=(ROOTFUL,)),
    Flavour("image-short", ids("short-image-name"), image="truth-web:1.0", engines=(ROOTFUL,)),
    Flavour("image-old", ids("old-image"), image="localhost/truth-old:1.0", configured=True),
    Flavour(
        "image-epoch",
        image="localhost/truth-epoch:1.0",
        unknown={"old-image": "the date was set to a fixed one"},
        engines=(ROOTFUL,),
    ),
    Flavour(
        "image-secret",
        ids("credentials-in-image-config"),
        image="localhost/truth-secret:1.0",
        engines=(ROOTFUL,),
    ),
    Flavour("image-ssh", ids("remote-login-in-image"), image="localhost/truth-ssh:1.0", engines=(ROOTFUL,)),
    Flavour("image-no-base", image="localhost/truth-nobase:1.0", engines=(ROOTFUL,)),
    Flavour("image-superseded", ids("superseded-image"), image="localhost/truth-moved:1.0"),
)
FLAVOURS = (*MOUNTS, *NETWORKS, *LIFE, *IMAGES)
