"""Which keys a version knows in which section, and how they are split into words."""

from __future__ import annotations

from hardentui.model.spec import KeyKind
from hardentui.model.version import Version
from hardentui.options import TABLE
from hardentui.writers.quadlet_port.reading import QuadletUnit, Section
from hardentui.writers.quadlet_port.references import refused

SECTIONS = {
    "container": "Container",
    "network": "Network",
    "volume": "Volume",
    "pod": "Pod",
    "image": "Image",
    "build": "Build",
}
"""Suffix of a file -> the section that it must have."""

_SINCE_SECTION = {"Pod": Version(5, 0), "Image": Version(4, 8), "Build": Version(5, 2)}
_QUADLET_SECTION = Version(5, 3)

# first version -> keys, besides those of the option table
_MORE: dict[str, dict[Version, str]] = {
    "Container": {
        Version(4, 4): "Group PodmanArgs RemapGid RemapUid RemapUidSize RemapUsers VolatileTmp",
        Version(4, 5): "Mount",
        Version(4, 6): "AutoUpdate",
        Version(4, 8): "ContainersConfModule GlobalArgs",
        Version(5, 3): "ServiceName StartWithPod",
        Version(5, 5): "ReloadCmd ReloadSignal",
    },
    "Network": {
        Version(4, 4): "DisableDNS Driver Gateway IPAMDriver IPRange IPv6 Internal Label Options Subnet",
        Version(4, 6): "PodmanArgs",
        Version(4, 7): "DNS NetworkName",
        Version(4, 8): "ContainersConfModule GlobalArgs",
        Version(5, 3): "ServiceName",
        Version(5, 5): "NetworkDeleteOnStop",
        Version(5, 6): "InterfaceName",
    },
    "Volume": {
        Version(4, 4): "Copy Device Group Label Options Type User",
        Version(4, 6): "PodmanArgs",
        Version(4, 7): "VolumeName",
        Version(4, 8): "ContainersConfModule Driver GlobalArgs Image",
        Version(5, 3): "ServiceName",
        Version(6, 0): "GID UID",
    },
    "Pod": {
        Version(5, 0): "ContainersConfModule GlobalArgs Network PodName PodmanArgs PublishPort Volume",
        Version(5, 2): "NetworkAlias",
        Version(5, 3): (
            "AddHost DNS DNSOption DNSSearch GIDMap IP IP6 RemapGid RemapUid RemapUidSize RemapUsers"
            " ServiceName SubGIDMap SubUIDMap UIDMap UserNS"
        ),
        Version(5, 4): "ShmSize",
        Version(5, 5): "HostName",
        Version(5, 6): "ExitPolicy Label",
        Version(5, 7): "StopTimeout",
    },
    "Image": {
        Version(4, 8): (
            "AllTags Arch AuthFile CertDir ContainersConfModule Creds DecryptionKey GlobalArgs Image ImageTag"
            " OS PodmanArgs TLSVerify Variant"
        ),
        Version(5, 3): "ServiceName",
        Version(5, 5): "Retry RetryDelay",
        Version(5, 6): "Policy",
    },
    "Build": {
        Version(5, 2): (
            "Annotation Arch AuthFile ContainersConfModule DNS DNSOption DNSSearch Environment File ForceRM"
            " GlobalArgs GroupAdd ImageTag Label Network PodmanArgs Pull Secret SetWorkingDirectory TLSVerify"
            " Target Variant Volume"
        ),
        Version(5, 3): "ServiceName",
        Version(5, 5): "Retry RetryDelay",
        Version(5, 7): "BuildArg IgnoreFile",
    },
    "Quadlet": {Version(5, 3): "DefaultDependencies"},
}


def _all_keys() -> dict[str, dict[str, Version]]:
    found = {
        section: {key: since for since, keys in groups.items() for key in keys.split()}
        for section, groups in _MORE.items()
    }
    found["Container"] |= {row.quadlet.name: row.quadlet.since for row in TABLE if row.quadlet}
    return found


KEYS = _all_keys()
"""Section -> key -> the first Podman that knows it."""

_OF_TABLE = {
    kind: [row.quadlet.name for row in TABLE if row.quadlet and row.quadlet.kind is kind] for kind in KeyKind
}
_WORDS = {"Container": (*_OF_TABLE[KeyKind.WORDS_ESCAPED], "Mount")}
_LITERAL = {"Container": tuple(_OF_TABLE[KeyKind.WORDS_LITERAL]), "Pod": ("UIDMap", "GIDMap")}
_PAIRS = {
    "Container": tuple(_OF_TABLE[KeyKind.KEY_VALUE]),
    "Network": ("Label", "Options"),
    "Volume": ("Label",),
    "Pod": ("Label",),
    "Build": ("Annotation", "BuildArg", "Environment", "Label"),
}


def check_keys(unit: QuadletUnit, version: Version) -> None:
    """Refuse what this version does not know in the unit's own section.

    Raises:
        GeneratorError: an unknown key, or a kind of unit that came later.
    """
    own = unit.own
    if version < _SINCE_SECTION.get(own.name, version):
        raise refused(unit, f"Podman {version} does not know [{own.name}] units")
    checked = [own]
    if version >= _QUADLET_SECTION:
        checked.append(unit.section("Quadlet"))
    for section in checked:
        _check_section(unit, section, version)


def _check_section(unit: QuadletUnit, section: Section, version: Version) -> None:
    known = KEYS[section.name]
    for line in section.lines:
        if line.key not in known or version < known[line.key]:
            raise refused(unit, f"unsupported key '{line.key}' in group '{section.name}' in {unit.name}")


def word_keys(section: str) -> tuple[str, ...]:
    """Keys whose values are words with C escapes."""
    return (*_WORDS.get(section, ()), "PodmanArgs", "GlobalArgs")


def literal_keys(section: str) -> tuple[str, ...]:
    """Keys whose values are words in which a backslash is a character."""
    return _LITERAL.get(section, ())


def pair_keys(section: str) -> tuple[str, ...]:
    """Keys whose values are NAME=VALUE words with C escapes."""
    return _PAIRS.get(section, ())
