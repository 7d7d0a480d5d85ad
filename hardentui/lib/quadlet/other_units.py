"""The commands that Quadlet generates from networks, volumes, images, artifacts and builds."""

from __future__ import annotations

import posixpath
import re

from hardentui.lib.quadlet.container import check_kill_mode
from hardentui.lib.quadlet.flags import (
    each,
    joined,
    lists,
    pairs,
    podman,
    published,
    switch,
    switches,
    texts,
    user_mappings,
)
from hardentui.lib.quadlet.references import Units, resource_name
from hardentui.lib.quadlet.text import QuadletUnit, UnitSection, refused

_NETWORK_SWITCHES = {"DisableDNS": "--disable-dns", "Internal": "--internal", "IPv6": "--ipv6"}
_PULL = {
    "Arch": "--arch",
    "AuthFile": "--authfile",
    "CertDir": "--cert-dir",
    "Creds": "--creds",
    "DecryptionKey": "--decryption-key",
    "OS": "--os",
    "Variant": "--variant",
    "Policy": "--policy",
    "Retry": "--retry",
    "RetryDelay": "--retry-delay",
}
_PULL_SWITCHES = {"AllTags": "--all-tags", "Quiet": "--quiet", "TLSVerify": "--tls-verify"}
_BUILD = {
    "Arch": "--arch",
    "AuthFile": "--authfile",
    "Target": "--target",
    "Variant": "--variant",
    "Retry": "--retry",
    "RetryDelay": "--retry-delay",
    "IgnoreFile": "--ignorefile",
}
_BUILD_LISTS = {
    "DNS": "--dns",
    "DNSOption": "--dns-option",
    "DNSSearch": "--dns-search",
    "GroupAdd": "--group-add",
}
_BUILD_PAIRS = {
    "Annotation": "--annotation",
    "Environment": "--env",
    "Label": "--label",
    "BuildArg": "--build-arg",
}
_URL = re.compile(r"\Ahttp|\Agit://|github\.com/.")

_TWO_WORDS = (5, 3)
_PULL_IN_ONE_WORD = (5, 3, 2)
_SEVERAL_TAGS = (5, 3)
_SWITCHES_SAY_NO = (5, 3)
_OPTIONS_WITHOUT_DEVICE = (6, 0)
_SPECIFIER_IN_FILE = (5, 7)


def network_words(unit: QuadletUnit, units: Units) -> list[str]:
    """`podman network create`."""
    own = unit.own
    if unit.version < _SWITCHES_SAY_NO:
        kept = [flag for key, flag in _NETWORK_SWITCHES.items() if own.switch(key)]
    else:
        kept = switches(own, _NETWORK_SWITCHES)
    return [
        *podman(own, "network", "create", "--ignore"),
        *kept,
        *texts(own, {"Driver": "--driver", "IPAMDriver": "--ipam-driver"}),
        *texts(own, {"InterfaceName": "--interface-name"}),
        *lists(own, {"DNS": "--dns"}),
        *_subnets(unit),
        *pairs(own, {"Options": "--opt", "Label": "--label"}),
        *own.words("PodmanArgs"),
        resource_name(unit),
    ]


def _subnets(unit: QuadletUnit) -> list[str]:
    own, version = unit.own, unit.version
    subnets, gateways, ranges = own.every("Subnet"), own.every("Gateway"), own.every("IPRange")
    if not subnets and (gateways or ranges):
        raise refused(unit, "cannot set gateway or range without subnet")
    if len(gateways) > len(subnets):
        raise refused(unit, "cannot set more gateways than subnets")
    if len(ranges) > len(subnets):
        raise refused(unit, "cannot set more ranges than subnets")
    words: list[str] = []
    for number, subnet in enumerate(subnets):
        words += joined(version, "--subnet", [subnet])
        words += joined(
            version,
            "--gateway",
            gateways[number : number + 1],
        )
        words += joined(
            version,
            "--ip-range",
            ranges[number : number + 1],
        )
    return words


def volume_words(unit: QuadletUnit, units: Units) -> list[str]:
    """`podman volume create`."""
    own = unit.own
    words = podman(own, "volume", "create", "--ignore")
    for key, flag in (("UID", "--uid"), ("GID", "--gid")):
        words += each(flag, [own.last(key)] if own.has(key) else [])
    if own.has("Driver"):
        words += joined(unit.version, "--driver", [own.last("Driver")])
    if own.last("Driver") == "image":
        if not own.has("Image"):
            raise refused(unit, "the key Image is mandatory when using the image driver")
        image = units.image(unit, own.last("Image"))
        words += ["--opt", f"image={image}"]
    else:
        words += _mounted(unit)
    return [
        *words,
        *pairs(own, {"Label": "--label"}),
        *own.words("PodmanArgs"),
        resource_name(unit),
    ]


def _mounted(unit: QuadletUnit) -> list[str]:
    own = unit.own
    words: list[str] = []
    if own.has("Copy"):
        words += ["--opt", "copy" if own.switch("Copy") else "nocopy"]
    device = own.last("Device")
    words += ["--opt", f"device={device}"] if device else []
    if own.last("Type"):
        if not device:
            raise refused(unit, "key Type can't be used without Device")
        words += ["--opt", f"type={own.last('Type')}"]
    options = [
        f"{name}={own.number(key)}"
        for key, name in (("User", "uid"), ("Group", "gid"))
        if own.has(key)
    ]
    if own.last("Options"):
        if not device and unit.version < _OPTIONS_WITHOUT_DEVICE:
            raise refused(unit, "key Options can't be used without Device")
        options.append(own.last("Options"))
    return [
        *words,
        *(["--opt", f"o={','.join(options)}"] if options else []),
    ]


def image_words(unit: QuadletUnit, units: Units) -> list[str]:
    """`podman image pull`."""
    return _pull(unit, "image", "Image")


def artifact_words(unit: QuadletUnit, units: Units) -> list[str]:
    """`podman artifact pull`."""
    return _pull(unit, "artifact", "Artifact")


def _pull(
    unit: QuadletUnit,
    what: str,
    key: str,
) -> list[str]:
    own = unit.own
    if not own.last(key):
        raise refused(unit, f"no {key} key specified")
    return [
        *podman(own, what, "pull"),
        *texts(own, _PULL),
        *switches(own, _PULL_SWITCHES),
        *own.words("PodmanArgs"),
        own.last(key),
    ]


def build_words(unit: QuadletUnit, units: Units) -> list[str]:
    """`podman build`."""
    own, version = unit.own, unit.version
    built = units.built(unit)
    context, directory = _context(unit, units)
    file = own.last("File")
    if not directory and not file and not context:
        raise refused(unit, "neither SetWorkingDirectory, nor File key specified")
    words = [
        *podman(own, "build"),
        *_pull_policy(own),
        *texts(own, _BUILD),
        *switch(own, "TLSVerify", "--tls-verify"),
        *switch(own, "ForceRM", "--force-rm"),
        *lists(own, _BUILD_LISTS),
        *joined(
            version,
            "--tag",
            own.every("ImageTag") if version >= _SEVERAL_TAGS else [built],
        ),
        *pairs(own, _BUILD_PAIRS),
        *units.networks(unit),
        *each("--secret", own.words("Secret")),
        *units.volumes(unit),
        *joined(version, "--file", [file] if file else []),
        *own.words("PodmanArgs"),
    ]
    if context:
        return [*words, context]
    specifier = file.startswith("%") and not file.startswith("%%") and version >= _SPECIFIER_IN_FILE
    if file.startswith("/") or _URL.search(file) or specifier:
        return words
    if not directory:
        raise refused(
            unit,
            "relative path in File key requires SetWorkingDirectory key to be set",
        )
    return [*words, directory]


def _pull_policy(own: UnitSection) -> list[str]:
    policy = own.last("Pull")
    if _TWO_WORDS <= own.version < _PULL_IN_ONE_WORD:
        return each("--pull", [policy] if policy else [])
    return [f"--pull={policy}"] if policy else []


def _context(unit: QuadletUnit, units: Units) -> tuple[str, str]:
    """The build context, and the working directory of the service."""
    own = unit.own
    given = unit.section("Service").last("WorkingDirectory")
    directory = own.last("SetWorkingDirectory")
    context, relative_to = "", ""
    if directory.lower() == "yaml":
        raise refused(
            unit,
            f"SetWorkingDirectory={directory} is only supported in .kube files",
        )
    if directory.lower() == "file":
        if not own.has("File"):
            raise refused(unit, "no File key specified")
        relative_to = own.last("File")
    elif directory.lower() == "unit":
        relative_to = unit.name
    elif directory:
        context = directory
        relative_to = "" if directory.startswith("/") else unit.name
    if not relative_to or _URL.search(context):
        return context, given
    if given:
        return "", given
    return context, posixpath.dirname(units.path(relative_to))


_POD_TEXTS = {
    "IP": "--ip",
    "IP6": "--ip6",
    "ShmSize": "--shm-size",
    "HostName": "--hostname",
}
_POD_LISTS = {
    "NetworkAlias": "--network-alias",
    "DNS": "--dns",
    "DNSOption": "--dns-option",
    "DNSSearch": "--dns-search",
    "AddHost": "--add-host",
}
_AUTO_UPDATE = "io.containers.autoupdate"

_MAPPED = (5, 3)
_NAMED_INFRA = (5, 3)
_SINGLE_ADDRESS = (5, 4)
_NO_POD_ID_FILE = (5, 6)
_FORCED_LOG_DRIVER = (4, 4, 2)
_LOG_DRIVER = (4, 5)
_KUBE_TYPES = (4, 8)
_MANY_YAML = (5, 7)


def pod_words(unit: QuadletUnit, units: Units) -> list[str]:
    """`podman pod create`, which runs before the service starts the pod."""
    own, version = unit.own, unit.version
    name = resource_name(unit)
    words = podman(
        own,
        "pod",
        "create",
        "--infra-conmon-pidfile=%t/%N.pid",
    )
    if version < _NO_POD_ID_FILE:
        words += ["--pod-id-file=%t/%N.pod-id", "--exit-policy=stop", "--replace"]
    else:
        policy = own.last("ExitPolicy") if own.has("ExitPolicy") else "stop"
        words += ["--replace", "--exit-policy", policy]
    if version >= _MAPPED:
        words += user_mappings(
            unit,
            rootless=units.rootless,
            manual=True,
        )
    words += [*published(unit), *units.networks(unit)]
    if version < _SINGLE_ADDRESS:
        words += lists(own, {"IP": "--ip", "IP6": "--ip6"})
    else:
        words += texts(own, _POD_TEXTS)
    for key, flag in _POD_LISTS.items():
        words += each(flag, own.every(key))
    words += [
        *pairs(own, {"Label": "--label"}),
        *units.volumes(unit),
    ]
    words += ["--infra-name", f"{name}-infra"] if version >= _NAMED_INFRA else []
    return [
        *words,
        *joined(version, "--name", [name]),
        *own.words("PodmanArgs"),
    ]


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
        *podman(
            own,
            "kube",
            "play",
            "--replace",
            "--service-container=true",
        ),
        *([f"--service-exit-code-propagation={propagation}"] if propagation else []),
        *_log_driver(own),
        *each("--log-opt", own.literal_words("LogOpt")),
        *user_mappings(
            unit,
            rootless=units.rootless,
            manual=False,
        ),
        *units.networks(unit),
        *(_update(word) for word in own.literal_words("AutoUpdate")),
        *each(
            "--configmap",
            [units.path(word) for word in own.literal_words("ConfigMap")],
        ),
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
        f"--annotation={_AUTO_UPDATE}/{container}={kind}"
        if slash
        else f"--annotation={_AUTO_UPDATE}={text}"
    )


def _check_directory(unit: QuadletUnit, files: int) -> None:
    directory = unit.own.last("SetWorkingDirectory")
    if not directory or directory.lower() == "unit":
        return
    if directory.lower() == "file":
        raise refused(
            unit,
            f"SetWorkingDirectory={directory} is only supported in .build files",
        )
    if directory.lower() != "yaml":
        raise refused(unit, f"unsupported value for WorkingDirectory: {directory}")
    if files != 1:
        raise refused(
            unit, "SetWorkingDirectory=yaml is only supported when a single Yaml key is provided"
        )
