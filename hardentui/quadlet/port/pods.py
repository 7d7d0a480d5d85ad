"""The commands that Quadlet generates from pods and Kubernetes files."""

from __future__ import annotations

from hardentui.model.version import Version
from hardentui.quadlet.port.command import each, joined, lists, pairs, podman, published, texts, user_mappings
from hardentui.quadlet.port.container import check_kill_mode
from hardentui.quadlet.port.references import Units, resource_name
from hardentui.quadlet.port.refusal import refused
from hardentui.quadlet.port.text import QuadletUnit, UnitSection

_POD_TEXTS = {"IP": "--ip", "IP6": "--ip6", "ShmSize": "--shm-size", "HostName": "--hostname"}
_POD_LISTS = {
    "NetworkAlias": "--network-alias",
    "DNS": "--dns",
    "DNSOption": "--dns-option",
    "DNSSearch": "--dns-search",
    "AddHost": "--add-host",
}
_AUTO_UPDATE = "io.containers.autoupdate"

_MAPPED = Version(5, 3)
_NAMED_INFRA = Version(5, 3)
_SINGLE_ADDRESS = Version(5, 4)
_NO_POD_ID_FILE = Version(5, 6)
_FORCED_LOG_DRIVER = Version(4, 4, 2)
_LOG_DRIVER = Version(4, 5)
_KUBE_TYPES = Version(4, 8)
_MANY_YAML = Version(5, 7)


def pod_words(unit: QuadletUnit, units: Units) -> list[str]:
    """`podman pod create`, which runs before the service starts the pod."""
    own, version = unit.own, unit.version
    name = resource_name(unit)
    words = podman(own, "pod", "create", "--infra-conmon-pidfile=%t/%N.pid")
    if version < _NO_POD_ID_FILE:
        words += ["--pod-id-file=%t/%N.pod-id", "--exit-policy=stop", "--replace"]
    else:
        policy = own.last("ExitPolicy") if own.has("ExitPolicy") else "stop"
        words += ["--replace", "--exit-policy", policy]
    if version >= _MAPPED:
        words += user_mappings(unit, rootless=units.rootless, manual=True)
    words += [*published(unit), *units.networks(unit)]
    if version < _SINGLE_ADDRESS:
        words += lists(own, {"IP": "--ip", "IP6": "--ip6"})
    else:
        words += texts(own, _POD_TEXTS)
    for key, flag in _POD_LISTS.items():
        words += each(flag, own.every(key))
    words += [*pairs(own, {"Label": "--label"}), *units.volumes(unit)]
    words += ["--infra-name", f"{name}-infra"] if version >= _NAMED_INFRA else []
    return [*words, *joined(version, "--name", [name]), *own.words("PodmanArgs")]


def started_pod_words(unit: QuadletUnit, units: Units) -> list[str]:
    """`podman pod start`."""
    which = "--pod-id-file=%t/%N.pod-id" if unit.version < _NO_POD_ID_FILE else resource_name(unit)
    return podman(unit.own, "pod", "start", which)


def kube_words(unit: QuadletUnit, units: Units) -> list[str]:
    """`podman kube play`."""
    own = unit.own
    files = _yaml(unit)
    check_kill_mode(unit)
    service = unit.section("Service")
    kind = service.last("Type")
    if unit.version >= _KUBE_TYPES and service.has("Type") and kind not in ("notify", "oneshot"):
        raise refused(unit, f"invalid service Type '{kind}'")
    propagation = own.last("ExitCodePropagation")
    words = [
        *podman(own, "kube", "play", "--replace", "--service-container=true"),
        *([f"--service-exit-code-propagation={propagation}"] if propagation else []),
        *_log_driver(own),
        *each("--log-opt", own.literal_words("LogOpt")),
        *user_mappings(unit, rootless=units.rootless, manual=False),
        *units.networks(unit),
        *(_update(word) for word in own.literal_words("AutoUpdate")),
        *each("--configmap", [units.path(word) for word in own.literal_words("ConfigMap")]),
        *published(unit),
        *own.words("PodmanArgs"),
        *(units.path(file) for file in files),
    ]
    _check_directory(unit, len(files))
    return words


def _log_driver(own: UnitSection) -> list[str]:
    if _FORCED_LOG_DRIVER <= own.version < _LOG_DRIVER:
        return ["--log-driver", "passthrough"]
    return ["--log-driver", own.last("LogDriver")] if own.has("LogDriver") else []


def _yaml(unit: QuadletUnit) -> list[str]:
    if unit.version >= _MANY_YAML:
        files = unit.own.literal_words("Yaml")
    else:
        files = [unit.own.last("Yaml")] if unit.own.last("Yaml") else []
    if not files:
        raise refused(unit, "no Yaml key specified")
    return files


def _update(text: str) -> str:
    container, slash, kind = text.partition("/")
    return (
        f"--annotation={_AUTO_UPDATE}/{container}={kind}" if slash else f"--annotation={_AUTO_UPDATE}={text}"
    )


def _check_directory(unit: QuadletUnit, files: int) -> None:
    directory = unit.own.last("SetWorkingDirectory")
    if not directory or directory.lower() == "unit":
        return
    if directory.lower() == "file":
        raise refused(unit, f"SetWorkingDirectory={directory} is only supported in .build files")
    if directory.lower() != "yaml":
        raise refused(unit, f"unsupported value for WorkingDirectory: {directory}")
    if files != 1:
        raise refused(unit, "SetWorkingDirectory=yaml is only supported when a single Yaml key is provided")
