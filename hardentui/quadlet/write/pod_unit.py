"""The unit of a pod: what its members share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hardentui.model.file_names import safe_file_name
from hardentui.model.podman_version import Version
from hardentui.model.spec import KeyKind
from hardentui.options import *
from hardentui.quadlet.write.supporting_units import (
    add_parts,
)
from hardentui.systemd.command_line import plain
from hardentui.systemd.unit_text import Unit
from hardentui.writers.context import UnitContext
from hardentui.writers.supporting import (
    Part,
    network_name,
    part_word,
    pod_notes,
    pod_parts,
)

_KEYS = {
    "PodName": (KeyKind.RAW_ONE, Version(5, 0)),
    "PublishPort": (KeyKind.RAW_ALL, Version(5, 0)),
    "Network": (KeyKind.RAW_ALL, Version(5, 0)),
    "Volume": (KeyKind.RAW_ALL, Version(5, 0)),
    "AddHost": (KeyKind.RAW_ALL, Version(5, 3)),
    "DNS": (KeyKind.RAW_ALL, Version(5, 3)),
    "DNSOption": (KeyKind.RAW_ALL, Version(5, 3)),
    "DNSSearch": (KeyKind.RAW_ALL, Version(5, 3)),
    "HostName": (KeyKind.RAW_ONE, Version(5, 5)),
    "Label": (KeyKind.KEY_VALUE, Version(5, 6)),
    "ExitPolicy": (KeyKind.RAW_ONE, Version(5, 6)),
}


def pod_unit(
    inspect: Mapping[str, Any],
    context: UnitContext,
    file_name: str,
    beside: Collection[str] = (),
) -> Unit:
    """The unit of a pod, from its inspect document and the command that created it.

    Args:
        beside: file names of units written beside it; its networks and volumes refer to them.
    """
    unit = Unit(file_name)
    unit.add(
        "Unit",
        "Description",
        plain(f"Pod {file_name.removesuffix('.pod')}"),
    )
    parts = [
        (part, _reference(part, beside), part_word(part))
        for part in pod_parts(inspect, context.default_network)
    ]
    add_parts(
        unit,
        "Pod",
        _KEYS,
        context.version,
        parts,
    )
    unit.add(
        "Install",
        "WantedBy",
        "default.target" if context.rootless else "multi-user.target default.target",
    )
    unit.comments = [f"Note: {note}" for note in pod_notes(inspect)]
    unit.define_helpers()
    return unit


def _reference(part: Part, beside: Collection[str]) -> str:
    """The value with the unit of its network or volume in place of the name, if there is one."""
    if part.key not in ("Network", "Volume"):
        return part.value
    name, colon, rest = part.value.partition(":")
    if part.key == "Network" and not network_name(part.value):
        return part.value
    unit = f"{safe_file_name(name)}.{part.key.lower()}"
    return f"{unit}{colon}{rest}" if unit in beside and not name.startswith("/") else part.value
