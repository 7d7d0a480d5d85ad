"""Units of the networks and volumes that a container needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hardentui.errors import CannotExpress
from hardentui.model.application_labels import COMPOSE
from hardentui.model.file_names import safe_file_name
from hardentui.model.podman_version import Version
from hardentui.model.spec import KeyKind
from hardentui.options import *
from hardentui.quadlet.write.container import (
    joined,
)
from hardentui.systemd.command_line import escape, plain, word
from hardentui.systemd.unit_text import Unit
from hardentui.writers.context import UnitContext
from hardentui.writers.supporting import (
    Part,
    network_name,
    network_parts,
    volume_parts,
)


def add_parts(
    unit: Unit,
    section: str,
    keys: Mapping[str, tuple[KeyKind, Version]],
    version: Version,
    parts: Iterable[tuple[Part, str, str]],
) -> None:
    """The lines of a section, of parts with their value and their whole word: by key, else in
    PodmanArgs=."""
    loose = []
    for part, value, whole in parts:
        kind, since = keys.get(part.key, (None, version))
        try:
            if kind is None or version < since:
                raise CannotExpress("no key yet")
            unit.add(section, part.key, escape(value, kind))
        except CannotExpress:
            loose.append(word(whole))
    for text in joined(loose):
        unit.add(section, "PodmanArgs", text)


OWN_NAMES = Version(4, 7)
"""First Podman with NetworkName= and VolumeName=; before, a unit would create a new network or
volume."""


OF_UNITS = "systemd-"
"""What Quadlet puts before the name of an object whose unit does not name it."""


_NETWORK_KEYS = {
    "Driver": (KeyKind.RAW_ONE, Version(4, 4)),
    "Internal": (KeyKind.BOOLEAN, Version(4, 4)),
    "DisableDNS": (KeyKind.BOOLEAN, Version(4, 4)),
    "IPAMDriver": (KeyKind.RAW_ONE, Version(4, 4)),
    "IPv6": (KeyKind.BOOLEAN, Version(4, 4)),
    "Subnet": (KeyKind.RAW_ALL, Version(4, 4)),
    "Gateway": (KeyKind.RAW_ALL, Version(4, 4)),
    "IPRange": (KeyKind.RAW_ALL, Version(4, 4)),
    "DNS": (KeyKind.RAW_ALL, Version(4, 7)),
    "Options": (KeyKind.KEY_VALUE, Version(4, 4)),
    "Label": (KeyKind.KEY_VALUE, Version(4, 4)),
}


_VOLUME_KEYS = {
    "Driver": (KeyKind.RAW_ONE, Version(4, 8)),
    "Label": (KeyKind.KEY_VALUE, Version(4, 4)),
}


def network_units(
    arguments: Sequence[str],
    context: UnitContext,
) -> dict[str, Unit]:
    """Units of the known networks. Before NetworkName=, a unit can only make the network that is
    named after it: `systemd-web` for web.network."""
    units = {}
    for argument in arguments:
        name = network_name(argument)
        if name not in context.networks or name == context.default_network:
            continue
        stem = name
        if context.version < OWN_NAMES:
            stem = name.removeprefix(OF_UNITS)
            if stem == name or safe_file_name(stem) != stem:
                continue
        units[name] = _supporting_unit(
            f"{safe_file_name(stem)}.network",
            "Network",
            ("NetworkName", name) if stem == name else None,
            network_parts(context.networks[name]),
            context.version,
        )
    return units


def has_network_keys(
    inspect: Mapping[str, Any],
    version: Version,
) -> bool:
    """Whether a unit of this Podman can make the network: without PodmanArgs=, which came later."""
    return all(
        part.key in _NETWORK_KEYS and version >= _NETWORK_KEYS[part.key][1]
        for part in network_parts(inspect)
        if not (part.key == "Label" and part.value.startswith(COMPOSE))
    )


def volume_units(
    names: Sequence[str],
    inspects: Mapping[str, Mapping[str, Any]],
    version: Version,
) -> dict[str, Unit]:
    """Units of the known volumes."""
    if version < OWN_NAMES:
        return {}
    return {
        name: _supporting_unit(
            f"{safe_file_name(name)}.volume",
            "Volume",
            ("VolumeName", name),
            volume_parts(inspects[name]),
            version,
        )
        for name in names
        if name in inspects
    }


def _supporting_unit(
    file_name: str,
    section: str,
    own_name: tuple[str, str] | None,
    parts: Sequence[Part],
    version: Version,
) -> Unit:
    """A `.network` or `.volume` unit that keeps the existing object: same name, same options.

    Args:
        own_name: key and value; None: that of the unit.
    """
    unit = Unit(file_name)
    unit.add(
        "Unit",
        "Description",
        plain(f"{section} {file_name.rpartition('.')[0]}"),
    )
    if own_name is not None:
        key, name = own_name
        unit.add(section, key, escape(name, KeyKind.RAW_ONE))
    kept = (part for part in parts if not (part.key == "Label" and part.value.startswith(COMPOSE)))
    words = (
        (
            part,
            part.value,
            part.flag if part.value == "true" else f"{part.flag}={part.value}",
        )
        for part in kept
    )
    add_parts(
        unit,
        section,
        _NETWORK_KEYS if section == "Network" else _VOLUME_KEYS,
        version,
        words,
    )
    unit.define_helpers()
    return unit
