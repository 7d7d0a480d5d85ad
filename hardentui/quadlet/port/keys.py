"""Which keys a version knows in which section, and how they are split into words."""

from __future__ import annotations

from hardentui.model.spec import Version
from hardentui.quadlet.port.text import QuadletUnit, refused

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
    "Pod": Version(5, 0),
    "Image": Version(4, 8),
    "Build": Version(5, 2),
    "Artifact": Version(5, 7),
}
"""Sections added after Podman 4.4."""

_QUADLET_SECTION = Version(5, 3)

# section -> first version -> keys, as the generator of each release lists them
_KEYS: dict[str, dict[Version, str]] = {
    "Container": {
        Version(4, 4): (
            "AddCapability AddDevice Annotation ContainerName DropCapability Environment EnvironmentFile"
            " EnvironmentHost Exec ExposeHostPort Group Image Label Network NoNewPrivileges Notify PodmanArgs"
            " PublishPort ReadOnly RemapGid RemapUid RemapUidSize RemapUsers RunInit SeccompProfile Timezone"
            " User VolatileTmp Volume"
        ),
        Version(4, 5): (
            "HealthCmd HealthInterval HealthOnFailure HealthRetries HealthStartPeriod HealthStartupCmd"
            " HealthStartupInterval HealthStartupRetries HealthStartupSuccess HealthStartupTimeout"
            " HealthTimeout IP IP6 LogDriver Mount Rootfs Secret SecurityLabelDisable SecurityLabelFileType"
            " SecurityLabelLevel SecurityLabelType Tmpfs UserNS"
        ),
        Version(4, 6): "AutoUpdate HostName Mask Pull SecurityLabelNested Sysctl Unmask WorkingDir",
        Version(4, 7): "DNS DNSOption DNSSearch PidsLimit ShmSize Ulimit",
        Version(4, 8): ("ContainersConfModule GIDMap GlobalArgs ReadOnlyTmpfs SubGIDMap SubUIDMap UIDMap"),
        Version(5, 0): "Entrypoint Pod StopTimeout",
        Version(5, 1): "GroupAdd",
        Version(5, 2): "LogOpt NetworkAlias StopSignal",
        Version(5, 3): (
            "AddHost CgroupsMode HealthLogDestination HealthMaxLogCount HealthMaxLogSize ServiceName"
            " StartWithPod"
        ),
        Version(5, 5): "Memory ReloadCmd ReloadSignal Retry RetryDelay",
        Version(5, 7): "HttpProxy",
        Version(5, 8): "AppArmor",
        Version(6, 1): "ImageVolume",
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
    "Kube": {
        Version(4, 4): "ConfigMap Network PublishPort RemapGid RemapUid RemapUidSize RemapUsers Yaml",
        Version(4, 5): "LogDriver UserNS",
        Version(4, 6): "ExitCodePropagation PodmanArgs",
        Version(4, 7): "AutoUpdate SetWorkingDirectory",
        Version(4, 8): "ContainersConfModule GlobalArgs KubeDownForce",
        Version(5, 2): "LogOpt",
        Version(5, 3): "ServiceName",
    },
    "Artifact": {
        Version(5, 7): (
            "Artifact AuthFile CertDir ContainersConfModule Creds DecryptionKey GlobalArgs PodmanArgs Quiet"
            " Retry RetryDelay ServiceName TLSVerify"
        )
    },
    "Quadlet": {Version(5, 3): "DefaultDependencies"},
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
        GeneratorError: an unknown key, or a kind of unit added later.
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
                raise refused(unit, f"unsupported key '{line.key}' in group '{section.name}' in {unit.name}")


def word_keys(section: str) -> tuple[str, ...]:
    """Keys whose values are words with C escapes."""
    return (*_WORDS.get(section, ()), "PodmanArgs", "GlobalArgs")


def literal_keys(section: str) -> tuple[str, ...]:
    """Keys whose values are words in which a backslash is literal."""
    return _LITERAL.get(section, ())


def pair_keys(section: str) -> tuple[str, ...]:
    """Keys whose values are NAME=VALUE words with C escapes."""
    return _PAIRS.get(section, ())
