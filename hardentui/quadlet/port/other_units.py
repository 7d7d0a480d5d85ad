"""The commands that Quadlet generates from networks, volumes, images, artifacts and builds."""

from __future__ import annotations

import posixpath
import re

from hardentui.model.version import Version
from hardentui.quadlet.port.command import each, joined, lists, pairs, podman, switch, switches, texts
from hardentui.quadlet.port.references import Units, resource_name
from hardentui.quadlet.port.refusal import refused
from hardentui.quadlet.port.text import QuadletUnit, UnitSection

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

_TWO_WORDS = Version(5, 3)
_PULL_IN_ONE_WORD = Version(5, 3, 2)
_SEVERAL_TAGS = Version(5, 3)
_SWITCHES_SAY_NO = Version(5, 3)
_OPTIONS_WITHOUT_DEVICE = Version(6, 0)
_SPECIFIER_IN_FILE = Version(5, 7)


# --- networks -------------------------------------------------------------------------------------


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
        words += joined(version, "--gateway", gateways[number : number + 1])
        words += joined(version, "--ip-range", ranges[number : number + 1])
    return words


# --- volumes --------------------------------------------------------------------------------------


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
    return [*words, *pairs(own, {"Label": "--label"}), *own.words("PodmanArgs"), resource_name(unit)]


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
        f"{name}={own.number(key)}" for key, name in (("User", "uid"), ("Group", "gid")) if own.has(key)
    ]
    if own.last("Options"):
        if not device and unit.version < _OPTIONS_WITHOUT_DEVICE:
            raise refused(unit, "key Options can't be used without Device")
        options.append(own.last("Options"))
    return [*words, *(["--opt", f"o={','.join(options)}"] if options else [])]


# --- images and artifacts ---------------------------------------------------------------------------


def image_words(unit: QuadletUnit, units: Units) -> list[str]:
    """`podman image pull`."""
    return _pull(unit, "image", "Image")


def artifact_words(unit: QuadletUnit, units: Units) -> list[str]:
    """`podman artifact pull`."""
    return _pull(unit, "artifact", "Artifact")


def _pull(unit: QuadletUnit, what: str, key: str) -> list[str]:
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


# --- builds ---------------------------------------------------------------------------------------


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
        *joined(version, "--tag", own.every("ImageTag") if version >= _SEVERAL_TAGS else [built]),
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
        raise refused(unit, "relative path in File key requires SetWorkingDirectory key to be set")
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
        raise refused(unit, f"SetWorkingDirectory={directory} is only supported in .kube files")
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
