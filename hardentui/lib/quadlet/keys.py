"""Which keys a section knows since which Podman."""

from __future__ import annotations

from hardentui.lib.quadlet.text import QuadletUnit, refused
from hardentui.lib.quadlet.words import Version

SECTIONS = {
    "container": "Container",
    "network": "Network",
    "volume": "Volume",
    "pod": "Pod",
    "image": "Image",
    "build": "Build",
    "kube": "Kube",
    "artifact": "Artifact",
}
"""Suffix of a file -> its required section."""


SINCE_SECTION = {
    "Pod": (5, 0),
    "Image": (4, 8),
    "Build": (5, 2),
    "Artifact": (5, 7),
}
"""Sections added after Podman 4.4."""


_QUADLET_SECTION = (5, 3)


# section -> first version -> keys, as the generator of each release lists them
_KEYS: dict[str, dict[Version, str]] = {
    "Container": {
        (4, 4): (
            "AddCapability AddDevice Annotation ContainerName DropCapability Environment EnvironmentFile"
            " EnvironmentHost Exec ExposeHostPort Group Image Label Network NoNewPrivileges Notify PodmanArgs"
            " PublishPort ReadOnly RemapGid RemapUid RemapUidSize RemapUsers RunInit SeccompProfile Timezone"
            " User VolatileTmp Volume"
        ),
        (4, 5): (
            "HealthCmd HealthInterval HealthOnFailure HealthRetries HealthStartPeriod HealthStartupCmd"
            " HealthStartupInterval HealthStartupRetries HealthStartupSuccess HealthStartupTimeout"
            " HealthTimeout IP IP6 LogDriver Mount Rootfs Secret SecurityLabelDisable SecurityLabelFileType"
            " SecurityLabelLevel SecurityLabelType Tmpfs UserNS"
        ),
        (4, 6): "AutoUpdate HostName Mask Pull SecurityLabelNested Sysctl Unmask WorkingDir",
        (4, 7): "DNS DNSOption DNSSearch PidsLimit ShmSize Ulimit",
        (4, 8): ("ContainersConfModule GIDMap GlobalArgs ReadOnlyTmpfs SubGIDMap SubUIDMap UIDMap"),
        (5, 0): "Entrypoint Pod StopTimeout",
        (5, 1): "GroupAdd",
        (5, 2): "LogOpt NetworkAlias StopSignal",
        (5, 3): (
            "AddHost CgroupsMode HealthLogDestination HealthMaxLogCount HealthMaxLogSize ServiceName"
            " StartWithPod"
        ),
        (5, 5): "Memory ReloadCmd ReloadSignal Retry RetryDelay",
        (5, 7): "HttpProxy",
        (5, 8): "AppArmor",
        (6, 1): "ImageVolume",
    },
    "Network": {
        (4, 4): "DisableDNS Driver Gateway IPAMDriver IPRange IPv6 Internal Label Options Subnet",
        (4, 6): "PodmanArgs",
        (4, 7): "DNS NetworkName",
        (4, 8): "ContainersConfModule GlobalArgs",
        (5, 3): "ServiceName",
        (5, 5): "NetworkDeleteOnStop",
        (5, 6): "InterfaceName",
    },
    "Volume": {
        (4, 4): "Copy Device Group Label Options Type User",
        (4, 6): "PodmanArgs",
        (4, 7): "VolumeName",
        (4, 8): "ContainersConfModule Driver GlobalArgs Image",
        (5, 3): "ServiceName",
        (6, 0): "GID UID",
    },
    "Pod": {
        (5, 0): "ContainersConfModule GlobalArgs Network PodName PodmanArgs PublishPort Volume",
        (5, 2): "NetworkAlias",
        (5, 3): (
            "AddHost DNS DNSOption DNSSearch GIDMap IP IP6 RemapGid RemapUid RemapUidSize RemapUsers"
            " ServiceName SubGIDMap SubUIDMap UIDMap UserNS"
        ),
        (5, 4): "ShmSize",
        (5, 5): "HostName",
        (5, 6): "ExitPolicy Label",
        (5, 7): "StopTimeout",
    },
    "Image": {
        (4, 8): (
            "AllTags Arch AuthFile CertDir ContainersConfModule Creds DecryptionKey GlobalArgs Image ImageTag"
            " OS PodmanArgs TLSVerify Variant"
        ),
        (5, 3): "ServiceName",
        (5, 5): "Retry RetryDelay",
        (5, 6): "Policy",
    },
    "Build": {
        (5, 2): (
            "Annotation Arch AuthFile ContainersConfModule DNS DNSOption DNSSearch Environment File ForceRM"
            " GlobalArgs GroupAdd ImageTag Label Network PodmanArgs Pull Secret SetWorkingDirectory TLSVerify"
            " Target Variant Volume"
        ),
        (5, 3): "ServiceName",
        (5, 5): "Retry RetryDelay",
        (5, 7): "BuildArg IgnoreFile",
    },
    "Kube": {
        (4, 4): "ConfigMap Network PublishPort RemapGid RemapUid RemapUidSize RemapUsers Yaml",
        (4, 5): "LogDriver UserNS",
        (4, 6): "ExitCodePropagation PodmanArgs",
        (4, 7): "AutoUpdate SetWorkingDirectory",
        (4, 8): "ContainersConfModule GlobalArgs KubeDownForce",
        (5, 2): "LogOpt",
        (5, 3): "ServiceName",
    },
    "Artifact": {
        (5, 7): (
            "Artifact AuthFile CertDir ContainersConfModule Creds DecryptionKey GlobalArgs PodmanArgs Quiet"
            " Retry RetryDelay ServiceName TLSVerify"
        )
    },
    "Quadlet": {(5, 3): "DefaultDependencies"},
}


KEYS = {
    section: {key: since for since, keys in groups.items() for key in keys.split()}
    for section, groups in _KEYS.items()
}
"""Section -> key -> the first Podman that knows it."""


_WORDS = {
    "Container": ("EnvironmentFile", "Exec", "Mask", "Mount", "ReloadCmd", "Secret", "Unmask"),
    "Build": ("Secret",),
}


_MAPS = ("UIDMap", "GIDMap", "RemapUid", "RemapGid")


_LITERAL = {
    "Container": ("AddCapability", "AddDevice", "DropCapability", "LogOpt", "Sysctl", *_MAPS),
    "Pod": _MAPS,
    "Kube": ("AutoUpdate", "ConfigMap", "LogOpt", "RemapUid", "RemapGid"),
}


_PAIRS = {
    "Container": ("Annotation", "Environment", "Label"),
    "Network": ("Label", "Options"),
    "Volume": ("Label",),
    "Pod": ("Label",),
    "Build": ("Annotation", "BuildArg", "Environment", "Label"),
}


def check_keys(unit: QuadletUnit) -> None:
    """Refuse keys that this version does not know in the unit's own section.

    Raises:
        UnitRefused: an unknown key, or a kind of unit added later.
    """
    own, version = unit.own, unit.version
    if version < SINCE_SECTION.get(own.name, version):
        raise refused(unit, f"Podman {version} does not know [{own.name}] units")
    checked = [own]
    if version >= _QUADLET_SECTION:
        checked.append(unit.section("Quadlet"))
    for section in checked:
        known = KEYS[section.name]
        for line in section.lines:
            if line.key not in known or version < known[line.key]:
                raise refused(
                    unit, f"unsupported key '{line.key}' in group '{section.name}' in {unit.name}"
                )


def word_keys(section: str) -> tuple[str, ...]:
    """Keys whose values are words with C escapes."""
    return (*_WORDS.get(section, ()), "PodmanArgs", "GlobalArgs")


def literal_keys(section: str) -> tuple[str, ...]:
    """Keys whose values are words in which a backslash is literal."""
    return _LITERAL.get(section, ())


def pair_keys(section: str) -> tuple[str, ...]:
    """Keys whose values are NAME=VALUE words with C escapes."""
    return _PAIRS.get(section, ())
