"""References to other units: networks, volumes, pods, images."""

from __future__ import annotations

import posixpath

import msgspec

from hardentui.lib.quadlet.flags import each, joined
from hardentui.lib.quadlet.keys import SECTIONS, SINCE_SECTION
from hardentui.lib.quadlet.text import QuadletUnit, refused
from hardentui.lib.quadlet.words import Version

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
