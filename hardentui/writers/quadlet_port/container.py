"""The words of `podman run` that Quadlet makes of a `.container` unit, before systemd reads them."""

from __future__ import annotations

import posixpath
import re

from hardentui.model.version import Version
from hardentui.writers.quadlet_port.mounts import mount_words
from hardentui.writers.quadlet_port.reading import QuadletUnit, Section
from hardentui.writers.quadlet_port.references import Units, refused

_PODMAN = "/usr/bin/podman"

_ONE = {
    "Timezone": "--tz",
    "PidsLimit": "--pids-limit",
    "ShmSize": "--shm-size",
    "Entrypoint": "--entrypoint",
    "WorkingDir": "--workdir",
    "IP": "--ip",
    "IP6": "--ip6",
    "HostName": "--hostname",
    "StopSignal": "--stop-signal",
    "StopTimeout": "--stop-timeout",
    "Pull": "--pull",
    "Memory": "--memory",
    "Retry": "--retry",
    "RetryDelay": "--retry-delay",
    "ImageVolume": "--image-volume",
}
_MANY = {
    "Tmpfs": "--tmpfs",
    "NetworkAlias": "--network-alias",
    "Ulimit": "--ulimit",
    "DNS": "--dns",
    "DNSOption": "--dns-option",
    "DNSSearch": "--dns-search",
    "GroupAdd": "--group-add",
    "AddHost": "--add-host",
}
_SWITCHES = {
    "RunInit": "--init",
    "EnvironmentHost": "--env-host",
    "ReadOnlyTmpfs": "--read-only-tmpfs",
    "HttpProxy": "--http-proxy",
}
_LABELS = {
    "SecurityLabelType": "type",
    "SecurityLabelFileType": "filetype",
    "SecurityLabelLevel": "level",
}
_HEALTH = {
    "HealthCmd": "cmd",
    "HealthInterval": "interval",
    "HealthOnFailure": "on-failure",
    "HealthLogDestination": "log-destination",
    "HealthMaxLogCount": "max-log-count",
    "HealthMaxLogSize": "max-log-size",
    "HealthRetries": "retries",
    "HealthStartPeriod": "start-period",
    "HealthTimeout": "timeout",
    "HealthStartupCmd": "startup-cmd",
    "HealthStartupInterval": "startup-interval",
    "HealthStartupRetries": "startup-retries",
    "HealthStartupSuccess": "startup-success",
    "HealthStartupTimeout": "startup-timeout",
}
_PORT = re.compile(r"[0-9]+(-[0-9]+)?(/udp|/tcp)?\Z")
_VOLATILE_TMP = "/tmp:rw,size=512M,mode=1777"  # noqa: S108 - what the generator writes
_NOT_MODELLED = ("RemapUsers", "RemapUid", "RemapGid", "RemapUidSize")

_LOG_DRIVER = Version(4, 5)
_READ_ONLY_KEEPS_TMPFS = Version(4, 8)
_HEALTHY = Version(5, 0)
_NO_CID_FILE = Version(5, 6)
_ONE_WORD_ENTRYPOINT = Version(5, 8, 2)


def container_words(unit: QuadletUnit, units: Units) -> list[str]:
    """All words of the command; empty ones are still among them.

    Raises:
        GeneratorError: the generator refuses the unit, or it holds what is not modelled here.
    """
    own = unit.own
    for key in _NOT_MODELLED:
        if own.has(key):
            raise refused(unit, f"what {key}= becomes cannot be checked here; use UserNS= or UIDMap=")
    image = _image(unit, units)
    return [
        _PODMAN,
        *(f"--module={module}" for module in own.every("ContainersConfModule")),
        *own.words("GlobalArgs"),
        "run",
        *_identity(own),
        *_log(own),
        *_cgroups(own),
        *_plain(own),
        *(word for value in own.every("Network") for word in ("--network", units.network(unit, value))),
        *_service(unit),
        *_security(unit),
        *_read_only(own),
        *_user(unit),
        *_volumes(unit, units),
        *_ports(unit),
        *_metadata(own),
        *_files(own, units.folder),
        *mount_words(unit, units),
        *_health(own),
        *_pod(unit, units),
        *own.words("PodmanArgs"),
        *image,
        *own.last_words("Exec"),
    ]


def _image(unit: QuadletUnit, units: Units) -> list[str]:
    image, rootfs = unit.own.last("Image"), unit.own.last("Rootfs")
    if image and rootfs:
        raise refused(unit, "the Image And Rootfs keys conflict can not be specified together")
    if rootfs:
        return ["--rootfs", rootfs]
    if not image:
        raise refused(unit, "no Image or Rootfs key specified")
    return [units.image(unit, image)]


def _identity(own: Section) -> list[str]:
    words = ["--name", own.last("ContainerName") or "systemd-%N"]
    if own.version < _NO_CID_FILE:
        words.append("--cidfile=%t/%N.cid")
    return [*words, "--replace", "--rm"]


def _log(own: Section) -> list[str]:
    if own.version < _LOG_DRIVER:
        return ["--log-driver", "passthrough"]
    words = ["--log-driver", own.last("LogDriver")] if own.has("LogDriver") else []
    return [*words, *_each("--log-opt", own.literal_words("LogOpt"))]


def _cgroups(own: Section) -> list[str]:
    mode = own.last("CgroupsMode")
    return ["--cgroups", mode] if mode else ["--cgroups=split"]


def _plain(own: Section) -> list[str]:
    """Keys that become one flag each, in no order that could be relied on."""
    words: list[str] = []
    for key, flag in _ONE.items():
        value = own.last(key)
        if value and key == "Entrypoint" and own.version >= _ONE_WORD_ENTRYPOINT:
            words.append(f"{flag}={value}")
        elif value:
            words += [flag, value]
    for key, flag in _MANY.items():
        words += _each(flag, own.every(key))
    for key, flag in _SWITCHES.items():
        words += _switch(own, key, flag)
    return words


def _each(flag: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


def _switch(own: Section, key: str, flag: str) -> list[str]:
    value = own.switch(key)
    return [] if value is None else [flag if value else f"{flag}=false"]


def _service(unit: QuadletUnit) -> list[str]:
    """How the container reports that it runs, after the type of the service."""
    service = unit.section("Service")
    if service.has("ExecStart"):
        raise refused(unit, "[Service] has an ExecStart= of its own")
    if service.has("KillMode") and service.last("KillMode") not in ("mixed", "control-group"):
        raise refused(unit, f"invalid KillMode '{service.last('KillMode')}'")
    kind = service.last("Type") if service.has("Type") else "notify"
    if kind not in ("notify", "oneshot"):
        raise refused(unit, f"invalid service Type '{kind}'")
    if kind == "oneshot":
        return []
    if unit.own.last("Notify").lower() == "healthy" and unit.version >= _HEALTHY:
        return ["--sdnotify=healthy", "-d"]
    return ["--sdnotify=container" if unit.own.switch("Notify") else "--sdnotify=conmon", "-d"]


def _security(unit: QuadletUnit) -> list[str]:
    own = unit.own
    options = [
        *(["disable"] if own.switch("SecurityLabelDisable") else []),
        *(["nested"] if own.switch("SecurityLabelNested") else []),
        *(f"{name}:{own.last(key)}" for key, name in _LABELS.items() if own.last(key)),
    ]
    words = ["--security-opt=no-new-privileges"] if own.switch("NoNewPrivileges") else []
    words += _each("--security-opt", [f"label={option}" for option in options])
    devices = own.literal_words("AddDevice")
    if any(device.startswith("-") for device in devices):
        raise refused(unit, "AddDevice=-… depends on the devices of the host and cannot be checked here")
    words += _each("--device", devices)
    if own.has("SeccompProfile"):
        words += ["--security-opt", f"seccomp={own.last('SeccompProfile')}"]
    if own.last("AppArmor"):
        words += ["--security-opt", f"apparmor={own.last('AppArmor')}"]
    words += _each("--cap-drop", [one.lower() for one in own.literal_words("DropCapability")])
    words += _each("--cap-add", [one.lower() for one in own.literal_words("AddCapability")])
    return [*words, *_each("--sysctl", own.literal_words("Sysctl"))]


def _read_only(own: Section) -> list[str]:
    words = _switch(own, "ReadOnly", "--read-only")
    if not own.switch("ReadOnly"):
        return [*words, *(["--tmpfs", _VOLATILE_TMP] if own.switch("VolatileTmp") else [])]
    if own.version < _READ_ONLY_KEEPS_TMPFS and not own.switch("VolatileTmp"):
        words.append("--read-only-tmpfs=false")
    return words


def _user(unit: QuadletUnit) -> list[str]:
    own = unit.own
    user, group = own.last("User"), own.last("Group")
    if group and not user:
        raise refused(unit, "invalid Group set without User")
    words = ["--user", f"{user}:{group}" if group else user] if user else []
    if own.last("UserNS"):
        words += ["--userns", own.last("UserNS")]
    words += _each("--uidmap", own.literal_words("UIDMap"))
    words += _each("--gidmap", own.literal_words("GIDMap"))
    for key, flag in (("SubUIDMap", "--subuidname"), ("SubGIDMap", "--subgidname")):
        words += [flag, own.last(key)] if own.last(key) else []
    return words


def _volumes(unit: QuadletUnit, units: Units) -> list[str]:
    words: list[str] = []
    for value in unit.own.every("Volume"):
        source, colon, rest = value.partition(":")
        if not colon:
            words += ["-v", value]
        else:
            source = units.source(unit, source) if source else ""
            words += ["-v", f"{source}:{rest}" if source else rest]
    return words


def _ports(unit: QuadletUnit) -> list[str]:
    own = unit.own
    words = (
        ["--label", f"io.containers.autoupdate={own.last('AutoUpdate')}"] if own.last("AutoUpdate") else []
    )
    for port in own.every("ExposeHostPort"):
        if not _PORT.search(port):
            raise refused(unit, f"invalid port format '{port}'")
        words += ["--expose", port]
    return [*words, *_each("--publish", own.every("PublishPort"))]


def _metadata(own: Section) -> list[str]:
    return [
        *_each("--env", own.pairs("Environment")),
        *_each("--label", own.pairs("Label")),
        *_each("--annotation", own.pairs("Annotation")),
        *_each("--security-opt", [f"mask={paths}" for paths in own.words("Mask")]),
        *_each("--security-opt", [f"unmask={paths}" for paths in own.words("Unmask")]),
    ]


def _files(own: Section, folder: str) -> list[str]:
    paths = [
        path if path.startswith(("/", "%")) else posixpath.normpath(f"{folder}/{path}")
        for path in own.words("EnvironmentFile")
    ]
    return [*_each("--env-file", paths), *_each("--secret", own.words("Secret"))]


def _health(own: Section) -> list[str]:
    return [
        word for key, name in _HEALTH.items() if own.last(key) for word in (f"--health-{name}", own.last(key))
    ]


def _pod(unit: QuadletUnit, units: Units) -> list[str]:
    name = unit.own.last("Pod")
    return units.pod(unit, name) if name else []
