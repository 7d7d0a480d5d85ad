"""What a container's unit refers to: networks, volumes, pods, images that are units themselves."""

from __future__ import annotations

import posixpath

from msgspec import Struct

from hardentui.errors import GeneratorError
from hardentui.model.version import Version
from hardentui.visible import visible
from hardentui.writers.quadlet_port.reading import QuadletUnit

_NETWORK_OF_CONTAINER = Version(5, 3)
_IMAGE_UNITS = Version(4, 8)
_BUILD_UNITS = Version(5, 2)
_PODS_BY_NAME = Version(5, 6)
_OWN_NAME = {
    "volume": "VolumeName",
    "network": "NetworkName",
    "pod": "PodName",
    "container": "ContainerName",
}


def refused(unit: QuadletUnit, why: str) -> GeneratorError:
    """The error for what this generator does not take."""
    return GeneratorError(
        f"The Quadlet generator of Podman {unit.version} refuses {visible(unit.name, 120)}.",
        visible(why, 300),
    )


def service_name(unit: QuadletUnit) -> str:
    """The service that a unit becomes, without suffix."""
    given = unit.own.last("ServiceName")
    kind = unit.name.rpartition(".")[2]
    return given or (unit.stem if kind == "container" else f"{unit.stem}-{kind}")


class Units(Struct, frozen=True):
    """All units that the generator sees together, and the folder that relative paths begin in."""

    units: dict[str, QuadletUnit]
    version: Version
    folder: str

    def image(self, unit: QuadletUnit, name: str) -> str:
        """The image that `Image=` means."""
        kinds = [(".image", _IMAGE_UNITS), (".build", _BUILD_UNITS)]
        if not any(name.endswith(suffix) and self.version >= since for suffix, since in kinds):
            return name
        found = self.units.get(name)
        if found is None:
            raise refused(unit, f"requested Quadlet image {name} was not found")
        if name.endswith(".build"):
            tags = found.own.every("ImageTag")
            if not tags:
                raise refused(found, "no ImageTag key specified")
            return tags[0]
        return self._image_of(found)

    def source(self, unit: QuadletUnit, source: str, *, images: bool = False) -> str:
        """The source of a volume or, where `images` may be meant too, of a mount."""
        if source.startswith("."):
            return posixpath.normpath(f"{self.folder}/{source}")
        is_image = images and source.endswith(".image") and self.version >= _IMAGE_UNITS
        if source.startswith("/") or not (is_image or source.endswith(".volume")):
            return source
        found = self.units.get(source)
        if found is None:
            raise refused(unit, f"requested Quadlet source {source} was not found")
        return self._image_of(found) if is_image else self._name(found)

    def network(self, unit: QuadletUnit, value: str) -> str:
        """The argument of --network."""
        name, colon, options = value.partition(":")
        joins = name.endswith(".container") and self.version >= _NETWORK_OF_CONTAINER
        if not name.endswith(".network") and not joins:
            return value
        found = self.units.get(name)
        if found is None:
            raise refused(unit, f"requested Quadlet unit {name} was not found")
        if not joins:
            return f"{self._name(found)}{colon}{options}"
        if colon:
            raise refused(unit, "extra options are not supported when joining another container's network")
        return f"container:{self._name(found)}"

    def pod(self, unit: QuadletUnit, name: str) -> list[str]:
        """The flag with which a container joins a pod."""
        if not name.endswith(".pod"):
            raise refused(unit, f"pod {name} is not Quadlet based")
        found = self.units.get(name)
        if found is None:
            raise refused(unit, f"quadlet pod unit {name} does not exist")
        if self.version >= _PODS_BY_NAME:
            return ["--pod", self._name(found)]
        return ["--pod-id-file", f"%t/{service_name(found)}.pod-id"]

    def _image_of(self, unit: QuadletUnit) -> str:
        return unit.own.last("ImageTag") or unit.own.last("Image")

    def _name(self, unit: QuadletUnit) -> str:
        kind = unit.name.rpartition(".")[2]
        stem = service_name(unit) if kind == "container" else unit.stem
        return unit.own.last(_OWN_NAME[kind]) or f"systemd-{stem}"
