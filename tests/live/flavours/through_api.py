"""Containers made through the API, which leave no create command behind."""

from __future__ import annotations

from typing import Any

from tests.live.flavours.base import APP, NETWORK
from tests.live.flavours.model import CREATED, ROOTFUL, ROOTLESS, Body, Flavour, Place, ids

_HOUR = 3_600_000_000_000  # nanoseconds


def hardened_body(place: Place) -> dict[str, Any]:
    """The hardened base as the API takes it."""
    port = {
        "container_port": 8080,
        "host_ip": place.address,
        "protocol": "tcp",
    }
    port["host_port"] = 20000 + place.number if place.rootless else 80
    body: dict[str, Any] = {
        "image": "localhost/truth-web:1.0",
        "command": ["httpd", "-f", "-p", "8080"],
        "labels": {"app": APP, "owner": "tests", "io.hardentui.updates": "weekly"},
        "no_new_privileges": True,
        "cap_drop": ["all"],
        "resource_limits": {
            "memory": {"limit": 64 << 20, "swap": 128 << 20},
            "cpu": {"quota": 50_000, "period": 100_000},
            "pids": {"limit": 100},
        },
        "read_only_filesystem": True,
        "r_limits": [
            {"type": "nofile", "soft": 1024, "hard": 4096},
            {"type": "core", "soft": 0, "hard": 0},
        ],
        "netns": {"nsmode": "bridge"},
        "Networks": {NETWORK: {}},
        "portmappings": [port],
        "healthconfig": {
            "Test": ["CMD-SHELL", "wget -q -O- http://127.0.0.1:8080/srv/note"],
            "Interval": _HOUR,
            "Timeout": _HOUR // 120,
            "Retries": 3,
        },
        "health_check_on_failure_action": 2,
        "log_configuration": {"driver": "k8s-file", "size": 1 << 20},
        "restart_policy": "on-failure",
        "restart_tries": 3,
    }
    if not place.rootless:
        body["userns"] = {"nsmode": "auto"}
        body["idmappings"] = {
            "AutoUserNs": True,
            "HostUIDMapping": False,
            "HostGIDMapping": False,
            "UIDMap": [],
            "GIDMap": [],
            "AutoUserNsOpts": {},
        }
    return body


def _with(**over: Any) -> Body:
    """The hardened body with other values; None takes a part out."""

    def body(place: Place) -> dict[str, Any]:
        made = {**hardened_body(place), **over}
        return {name: value for name, value in made.items() if value is not None}

    return body


def _socket(place: Place) -> dict[str, Any]:
    mount = {
        "type": "bind",
        "source": place.socket,
        "destination": "/engine.sock",
        "options": ["ro"],
    }
    return {**hardened_body(place), "mounts": [mount]}


_HOST_USERS = {ROOTFUL: ids("host-user-namespace")}
_ALL_PORTS = {"container_port": 8080, "host_port": 20999, "host_ip": "", "protocol": "tcp"}

_TRACELESS = ("loose-secret", "unmasked-system-paths", "unsafe-sysctls")
_NO_TRACE = "made through the API and not started yet: nothing that can be read shows it"

FLAVOURS = (
    Flavour("api-hardened", body=hardened_body),
    Flavour(
        "api-created",
        body=hardened_body,
        state=CREATED,
        unknown=dict.fromkeys((*_TRACELESS, "open-device-cgroup"), _NO_TRACE),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "api-created-rootless",
        body=hardened_body,
        state=CREATED,
        unknown=dict.fromkeys(_TRACELESS, _NO_TRACE),
        engines=(ROOTLESS,),
    ),
    Flavour(
        # Podman expects a user namespace, and so sets up no device filter either
        "api-userns-trap",
        ids("host-user-namespace open-device-cgroup"),
        body=_with(idmappings=None),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "api-privileged",
        ids(
            "privileged seccomp-unconfined unmasked-system-paths host-devices "
            "new-privileges-allowed"
        )
        | ids("default-capabilities-kept host-takeover-capabilities disruptive-capabilities")
        | ids("docker-default-capabilities"),
        body=_with(
            privileged=True, cap_drop=None, no_new_privileges=None, userns=None, idmappings=None
        ),
        bad_on={ROOTFUL: ids("host-user-namespace open-device-cgroup")},
    ),
    Flavour(
        "api-cap-sys-admin", ids("host-takeover-capabilities"), body=_with(cap_add=["SYS_ADMIN"])
    ),
    Flavour(
        "api-pid-host",
        ids("host-pid"),
        body=_with(
            pidns={"nsmode": "host"},
            userns=None,
            idmappings=None,
        ),
        bad_on=_HOST_USERS,
    ),
    Flavour(
        "api-unconfined", ids("seccomp-unconfined"), body=_with(seccomp_profile_path="unconfined")
    ),
    Flavour(
        "api-unmask-all",
        ids("unmasked-system-paths"),
        body=_with(unmask=["ALL"]),
    ),
    Flavour(
        "api-unmask-one",
        ids("unmasked-system-paths"),
        body=_with(unmask=["/proc/keys"]),
    ),
    Flavour(
        "api-sysctl",
        ids("unsafe-sysctls"),
        body=_with(sysctl={"net.ipv4.conf.all.route_localnet": "1"}),
    ),
    Flavour(
        "api-secret-env", ids("plaintext-secret-env"), body=_with(env={"API_KEY": "hunter2hunter2"})
    ),
    Flavour(
        "api-socket",
        ids("mounted-engine-socket"),
        body=_socket,
    ),
    Flavour(
        "api-no-limits",
        ids("no-memory-limit no-cpu-limit"),
        body=_with(resource_limits=None),
    ),
    Flavour(
        "api-writable-root",
        ids("writable-rootfs"),
        body=_with(read_only_filesystem=None),
    ),
    Flavour(
        "api-device-rule",
        ids("open-device-cgroup"),
        body=_with(device_cgroup_rule=[{"allow": True, "type": "b", "access": "rwm"}]),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "api-port-all",
        ids("wildcard-port unfirewalled-port default-seccomp-only"),
        body=_with(portmappings=[_ALL_PORTS]),
        bad_on={ROOTFUL: ids("needless-rootful-engine")},
    ),
    Flavour(
        "api-no-health",
        ids("missing-health-check"),
        body=_with(
            healthconfig=None,
            health_check_on_failure_action=None,
        ),
    ),
)
