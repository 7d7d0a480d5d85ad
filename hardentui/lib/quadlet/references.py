"""References to other units: networks, volumes, pods, images."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

import msgspec

from hardentui.lib.quadlet.text import QuadletUnit, UnitSection, Version, refused

PODMAN = "/usr/bin/podman"

_PORT = re.compile(r"[0-9]+(-[0-9]+)?(/udp|/tcp)?\Z")

_TWO_WORDS = (5, 3)
_PLAIN_PORTS = (5, 3)
_COMMAND_MAPS = (4, 8)
_KEEP_ID_OPTIONS = (4, 5)
_KEEP_ID_FOR_SYSTEM = (5, 3)
_LONGEST_PORT = 3


def podman(own: UnitSection, *words: str) -> list[str]:
    """`podman`, the flags of all its commands, and a command."""
    modules = [f"--module={module}" for module in own.every("ContainersConfModule")]
    return [PODMAN, *modules, *own.words("GlobalArgs"), *words]


def each(flag: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


def joined(
    version: Version,
    flag: str,
    values: Iterable[str],
) -> list[str]:
    """`--flag=value` before Podman 5.3, two words since."""
    if version < _TWO_WORDS:
        return [f"{flag}={value}" for value in values]
    return each(flag, values)


def texts(own: UnitSection, keys: Mapping[str, str]) -> list[str]:
    """A flag and the last value of each of these keys; nothing for an empty one."""
    values = ((flag, own.last(key)) for key, flag in keys.items())
    return [word for flag, value in values if value for word in joined(own.version, flag, [value])]


def lists(own: UnitSection, keys: Mapping[str, str]) -> list[str]:
    return [
        word for key, flag in keys.items() for word in joined(own.version, flag, own.every(key))
    ]


def switches(own: UnitSection, keys: Mapping[str, str]) -> list[str]:
    return [word for key, flag in keys.items() for word in switch(own, key, flag)]


def switch(
    own: UnitSection,
    key: str,
    flag: str,
) -> list[str]:
    value = own.switch(key)
    return [] if value is None else [flag if value else f"{flag}=false"]


def pairs(own: UnitSection, keys: Mapping[str, str]) -> list[str]:
    return [word for key, flag in keys.items() for word in each(flag, own.pairs(key))]


# --- ports ----------------------------------------------------------------------------------------


def is_port(text: str) -> bool:
    """Whether it ends with a port or a range; the generator ignores what comes before."""
    return _PORT.search(text) is not None


def published(unit: QuadletUnit) -> list[str]:
    """--publish; before Podman 5.3 the parts are validated and 0.0.0.0 is removed."""
    values = unit.own.every("PublishPort")
    if unit.version < _PLAIN_PORTS:
        values = [_published(unit, value.strip()) for value in values]
    return each("--publish", values)


def _published(unit: QuadletUnit, value: str) -> str:
    parts = _split_port(value)
    if len(parts) > _LONGEST_PORT:
        raise refused(unit, f"invalid published port '{value}'")
    address, host, inside = ["", "", "", *parts][-_LONGEST_PORT:]
    for port in (host, inside):
        if port and not is_port(port):
            raise refused(unit, f"invalid port format '{port}'")
    address = "" if address == "0.0.0.0" else address  # noqa: S104 - what the generator leaves out
    if address:
        return f"{address}:{host}:{inside}"
    return f"{host}:{inside}" if host else inside


def _split_port(value: str) -> list[str]:
    """Parts between colons; brackets are not split."""
    parts, inside = [""], False
    for character in value:
        if character == ":" and not inside:
            parts.append("")
            continue
        inside = (inside or character == "[") and character != "]"
        parts[-1] += character
    return parts


# --- user namespaces ------------------------------------------------------------------------------


def user_mappings(
    unit: QuadletUnit,
    *,
    rootless: bool,
    manual: bool,
) -> list[str]:
    """--userns and maps: from UserNS= and UIDMap=, or from the older RemapUsers= and RemapUid=.
    `manual`: RemapUsers=manual is allowed.
    """
    own = unit.own
    userns = each("--userns", [own.last("UserNS")]) if own.last("UserNS") else []
    if unit.version < _COMMAND_MAPS:
        return userns or _remapped(
            unit,
            rootless=rootless,
            manual=manual,
        )
    words = [
        *userns,
        *joined(
            unit.version,
            "--uidmap",
            own.literal_words("UIDMap"),
        ),
        *joined(
            unit.version,
            "--gidmap",
            own.literal_words("GIDMap"),
        ),
    ]
    for key, flag in (
        ("SubUIDMap", "--subuidname"),
        ("SubGIDMap", "--subgidname"),
    ):
        words += [flag, own.last(key)] if own.last(key) else []
    if not words:
        return _remapped(
            unit,
            rootless=rootless,
            manual=manual,
        )
    if any(own.has(key) for key in ("RemapUid", "RemapGid", "RemapUsers")):
        raise refused(
            unit,
            "deprecated Remap keys are set along with explicit mapping keys",
        )
    return words


def _remapped(
    unit: QuadletUnit,
    *,
    rootless: bool,
    manual: bool,
) -> list[str]:
    own, version = unit.own, unit.version
    users, groups = own.literal_words("RemapUid"), own.literal_words("RemapGid")
    values = [line.value for line in own.lines if line.key == "RemapUsers"]
    mode = values[-1] if values else ""
    if not mode:
        if users or groups:
            raise refused(
                unit,
                f"{'UidMap' if users else 'GidMap'} set without RemapUsers",
            )
        return []
    if mode == "manual":
        if not manual:
            raise refused(unit, "RemapUsers=manual is not supported")
        return [
            *joined(version, "--uidmap", users),
            *joined(version, "--gidmap", groups),
        ]
    if mode == "auto":
        options = [
            *(f"uidmapping={text}" for text in users),
            *(f"gidmapping={text}" for text in groups),
        ]
        size = own.number("RemapUidSize")
        options += [f"size={size}"] if size else []
    elif mode == "keep-id":
        options = _keep_id(unit, users, groups, rootless)
    else:
        raise refused(unit, f"unsupported RemapUsers option '{mode}'")
    return joined(
        version,
        "--userns",
        [f"{mode}:{','.join(options)}" if options else mode],
    )


def _keep_id(
    unit: QuadletUnit,
    users: list[str],
    groups: list[str],
    rootless: bool,
) -> list[str]:
    if not rootless and unit.version < _KEEP_ID_FOR_SYSTEM:
        raise refused(unit, "RemapUsers=keep-id is unsupported for system units")
    for kind, values in (("UID", users), ("GID", groups)):
        if len(values) > 1 and unit.version >= _KEEP_ID_OPTIONS:
            raise refused(
                unit, f"RemapUsers=keep-id supports only a single value for {kind} mapping"
            )
    if unit.version < _KEEP_ID_OPTIONS:
        return []
    return [
        *(f"uid={number}" for number in users),
        *(f"gid={number}" for number in groups),
    ]


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


_SERVICE_NAMES = (5, 3)
_NETWORK_OF_CONTAINER = (5, 3)
_ONLY_KNOWN_UNITS = (5, 3)
_CONTAINER_NAMES_FIRST = (5, 4)
_IMAGE_UNITS = (4, 8)
_BUILD_UNITS = (5, 2)
_SOURCES_OF_IMAGES = (5, 3)
_SEVERAL_TAGS = (5, 3)
_NAMES_OF_RESOURCES = (4, 7)
_RELATIVE_SOURCES = (4, 5)
_RELATIVE_TO_SPECIFIER = (4, 5)
_PODS_BY_NAME = (5, 6)
_ARTIFACTS = (5, 7)
_TEMPLATES = (5, 7)
_NO_EMPTY_SOURCE = (5, 7)
_NAME_OF_INSTANCE = (5, 0)
_PLAIN_NAME_OF_INSTANCE = (5, 2)
_DEPENDENCIES = (5, 5)
_OWN_NAME = {"volume": "VolumeName", "network": "NetworkName", "pod": "PodName"}
_DEPENDENCY_KEYS = (
    "After Before BindsTo Conflicts OnFailure OnSuccess PartOf PropagatesReloadTo PropagatesStopTo "
    "ReloadPropagatedFrom Requires Requisite StopPropagatedFrom Upholds Wants"
).split()
_PLAIN_SERVICE = ("container", "kube")


def service_name(unit: QuadletUnit) -> str:
    """The service generated from a unit, without suffix."""
    if unit.version >= _SERVICE_NAMES and unit.own.has("ServiceName"):
        return unit.own.last("ServiceName")
    suffix = "" if unit.kind in _PLAIN_SERVICE else f"-{unit.kind}"
    if unit.version >= _TEMPLATES and unit.stem.endswith("@"):
        return f"{unit.stem[:-1]}{suffix}@"
    return f"{unit.stem}{suffix}"


def container_name(unit: QuadletUnit) -> str:
    """The name of a container, with specifiers."""
    given = unit.own.last("ContainerName")
    if given:
        return given
    if "@" not in unit.name or unit.version < _NAME_OF_INSTANCE:
        return "systemd-%N"
    return "systemd-%P_%I" if unit.version < _PLAIN_NAME_OF_INSTANCE else "systemd-%p_%i"


def resource_name(unit: QuadletUnit) -> str:
    """The name of a network, volume or pod."""
    given = unit.own.last(_OWN_NAME[unit.kind])
    if given:
        return given
    name = f"systemd-{unit.stem}"
    if unit.kind != "pod" and unit.version >= _TEMPLATES and "@" in unit.name:
        return f"{name[:-1]}-%i"
    return name


class Units(msgspec.Struct, frozen=True):
    """All units that the generator reads together, and its other inputs."""

    units: dict[str, QuadletUnit]
    version: Version
    directory: str  # the base of relative paths
    rootless: bool
    devices: frozenset[str] | None = None  # device nodes of the host; None = not known

    # --- paths ------------------------------------------------------------------------------------

    def path(self, text: str) -> str:
        """A path that may be relative to the unit; one that begins with a specifier is unchanged."""
        specifier = text.startswith("%") and not text.startswith("%%")
        if text.startswith("/") or (specifier and self.version >= _RELATIVE_TO_SPECIFIER):
            return text
        return posixpath.normpath(f"{self.directory}/{text}")

    def with_devices(
        self,
        unit: QuadletUnit,
        devices: list[str],
    ) -> list[str]:
        """Devices, without optional ones (`-/dev/x`) that do not exist."""
        there = []
        for device in devices:
            path = device.removeprefix("-").partition(":")[0]
            if device.startswith("-") and self.devices is None:
                raise refused(
                    unit,
                    f"AddDevice=-… depends on whether the host has {path}: it is not known here",
                )
            if not device.startswith("-") or path in (self.devices or ()):
                there.append(device.removeprefix("-"))
        return there

    # --- units that are named ---------------------------------------------------------------------

    def image(self, unit: QuadletUnit, name: str) -> str:
        kinds = [(".image", _IMAGE_UNITS), (".build", _BUILD_UNITS)]
        if not any(name.endswith(suffix) and self.version >= since for suffix, since in kinds):
            return name
        other = self.units.get(name)
        if other is None:
            raise refused(unit, f"requested Quadlet image {name} was not found")
        return self.built(other) if name.endswith(".build") else self.pulled(other)

    def pulled(self, unit: QuadletUnit) -> str:
        return unit.own.last("ImageTag") or unit.own.last("Image")

    def built(self, unit: QuadletUnit) -> str:
        """The first tag of a build; before 5.3 there is only one."""
        if self.version < _SEVERAL_TAGS:
            tags = [unit.own.last("ImageTag")] if unit.own.has("ImageTag") else []
        else:
            tags = unit.own.every("ImageTag")
        if not tags:
            raise refused(unit, "no ImageTag key specified")
        return tags[0]

    def source(
        self,
        unit: QuadletUnit,
        source: str,
        *,
        mount: bool = False,
    ) -> str:
        """The source of a volume or of a mount."""
        if not source and self.version >= _NO_EMPTY_SOURCE:
            raise refused(unit, "source cannot be empty")
        if source.startswith(".") and self.version >= _RELATIVE_SOURCES:
            source = self.path(source)
        kind = source.rpartition(".")[2]
        named = (
            kind == "volume"
            or (kind == "image" and mount and self.version >= _SOURCES_OF_IMAGES)
            or (kind == "artifact" and self.version >= _ARTIFACTS)
        )
        if source.startswith("/") or not named or "." not in source:
            return source
        other = self.units.get(source)
        if other is None:
            if self.version < _ONLY_KNOWN_UNITS:
                return f"systemd-{source.rpartition('.')[0]}"
            raise refused(unit, f"requested Quadlet source {source} was not found")
        if kind == "volume":
            return self._resource(other)
        return self.pulled(other) if kind == "image" else other.own.last("Artifact")

    def volumes(self, unit: QuadletUnit) -> list[str]:
        words: list[str] = []
        for value in unit.own.every("Volume"):
            source, colon, rest = value.partition(":")
            if not colon:
                words += ["-v", value]
                continue
            source = self.source(unit, source) if source else ""
            words += [
                "-v",
                f"{source}:{rest}" if source else rest.partition(":")[0],
            ]
        return words

    def networks(self, unit: QuadletUnit) -> list[str]:
        """--network and its argument for each Network=."""
        arguments = [self._network(unit, value) for value in unit.own.every("Network")]
        return joined(self.version, "--network", arguments)

    def _network(self, unit: QuadletUnit, value: str) -> str:
        name, colon, options = value.partition(":")
        joins = name.endswith(".container") and self.version >= _NETWORK_OF_CONTAINER
        if not name.endswith(".network") and not joins:
            return value
        there = self.units.get(name)
        if there is None:
            if self.version < _ONLY_KNOWN_UNITS:
                return f"systemd-{name.rpartition('.')[0]}{colon}{options}"
            raise refused(unit, f"requested Quadlet unit {name} was not found")
        if not joins:
            return f"{self._resource(there)}{colon}{options}"
        other = container_name(there).replace("%N", service_name(there))
        later = self.version < _CONTAINER_NAMES_FIRST and there.name >= unit.name
        if "%" in other or later:
            raise refused(unit, f"cannot get the resource name of {name}")
        if colon:
            raise refused(
                unit, "extra options are not supported when joining another container's network"
            )
        return f"container:{other}"

    def pod(self, unit: QuadletUnit) -> list[str]:
        """The flag with which a container joins its pod."""
        name = unit.own.last("Pod")
        if not name:
            return []
        if not name.endswith(".pod"):
            raise refused(unit, f"pod {name} is not Quadlet based")
        other = self.units.get(name)
        if other is None:
            raise refused(unit, f"quadlet pod unit {name} does not exist")
        if self.version >= _PODS_BY_NAME:
            return each("--pod", [resource_name(other)])
        return each("--pod-id-file", [f"%t/{service_name(other)}.pod-id"])

    def check_dependencies(self, unit: QuadletUnit) -> None:
        """Refuse a dependency on a missing Quadlet; since 5.5 their names are translated."""
        if self.version < _DEPENDENCIES:
            return
        for key in _DEPENDENCY_KEYS:
            for name in unit.section("Unit").literal_words(key):
                kind = name.rpartition(".")[2] if "." in name else ""
                known = kind in SECTIONS and self.version >= SINCE_SECTION.get(
                    SECTIONS[kind], self.version
                )
                if known and name not in self.units:
                    raise refused(unit, f"unable to translate dependency for {name}")

    def _resource(self, unit: QuadletUnit) -> str:
        if self.version < _NAMES_OF_RESOURCES:
            return f"systemd-{unit.stem}"
        return resource_name(unit)
