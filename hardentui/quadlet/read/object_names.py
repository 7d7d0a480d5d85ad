"""Names of the objects that Quadlet units create."""

from __future__ import annotations

from collections.abc import Mapping

from hardentui.model.podman_version import Version
from hardentui.quadlet.read.values import unquoted
from hardentui.systemd.search_paths import unescaped
from hardentui.systemd.unit_text import (
    QUADLET,
    UnitText,
)

DROP_IN = "50-hardentui.conf"


LAST_DROP_IN = "zz-hardentui.conf"
"""Our own drop-ins; the second name is used if drop-ins with later names would override the first.
"""


_INSTANCES = Version(5, 0)


_AS_THEY_STAND = Version(5, 2)


_OF_CONTAINERS = Version(5, 3)


_FIRST_TAG = Version(5, 3)


_TEMPLATES = Version(5, 7)


_NAMED_BY = {
    "network": ("Network", ("NetworkName",)),
    "volume": ("Volume", ("VolumeName",)),
    "pod": ("Pod", ("PodName",)),
    "image": ("Image", ("ImageTag", "Image")),
    "build": ("Build", ("ImageTag",)),
    "artifact": ("Artifact", ("Artifact",)),
    "container": ("Container", ("ContainerName",)),
}
"""Suffix -> section, and the keys that may name the object; the first one present counts."""


def default_name(service: str, version: Version) -> str:
    """The name of a container whose unit does not name it. `service`: name of its service without
    suffix; `web@1` for an instance.
    """
    prefix, at, instance = service.partition("@")
    if not at or version < _INSTANCES:
        return f"systemd-{service}"
    if version < _AS_THEY_STAND:
        prefix, instance = unescaped(prefix), unescaped(instance)
    return f"systemd-{prefix}_{instance}"


def object_names(
    units: Mapping[str, str],
    version: Version,
) -> dict[str, str]:
    """File name of a unit -> name of the network, volume, pod, image or container that it creates.
    `units`: file name -> text; other kinds are ignored.
    """
    names: dict[str, str] = {}
    for file_name, text in units.items():
        stem, _, kind = file_name.rpartition(".")
        if kind not in _NAMED_BY or (kind == "container" and version < _OF_CONTAINERS):
            continue
        section, keys = _NAMED_BY[kind]
        unit = UnitText(text, QUADLET)
        given = next(
            (value for key in keys if (value := _value(unit, section, key, version))),
            "",
        )
        names[file_name] = given or _default(unit, section, stem, kind, version)
    return names


def _value(
    unit: UnitText,
    section: str,
    key: str,
    version: Version,
) -> str:
    values = [line.value for line in unit.of(section, key)]
    if not values:
        return ""
    if section == "Build" and version >= _FIRST_TAG:
        return values[0]
    return unquoted(values[-1], version)


def _default(
    unit: UnitText,
    section: str,
    stem: str,
    kind: str,
    version: Version,
) -> str:
    if kind in ("image", "build", "artifact"):
        return f"{stem}.{kind}"
    if kind == "container":
        return default_name(
            _value(
                unit,
                section,
                "ServiceName",
                version,
            )
            or stem,
            version,
        )
    if kind != "pod" and version >= _TEMPLATES and stem.endswith("@"):
        return f"systemd-{stem[:-1]}-%i"
    return f"systemd-{stem}"
