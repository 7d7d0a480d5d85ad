"""The pod around a container as a Quadlet `.pod` unit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hardentui.errors import CannotExpress
from hardentui.model.spec import KeyKind
from hardentui.model.version import Version
from hardentui.systemd.escaping import escape, word
from hardentui.systemd.unit_file import Unit
from hardentui.writers.context import UnitContext
from hardentui.writers.file_name import safe_file_name
from hardentui.writers.pod import part_word, pod_notes, pod_parts
from hardentui.writers.supporting import Part, network_name

_RAW_ALL, _RAW_ONE, _PAIR = KeyKind.RAW_ALL, KeyKind.RAW_ONE, KeyKind.KEY_VALUE
_KEYS = {
    "PodName": (_RAW_ONE, Version(5, 0)),
    "PublishPort": (_RAW_ALL, Version(5, 0)),
    "Network": (_RAW_ALL, Version(5, 0)),
    "Volume": (_RAW_ALL, Version(5, 0)),
    "AddHost": (_RAW_ALL, Version(5, 3)),
    "DNS": (_RAW_ALL, Version(5, 3)),
    "DNSOption": (_RAW_ALL, Version(5, 3)),
    "DNSSearch": (_RAW_ALL, Version(5, 3)),
    "HostName": (_RAW_ONE, Version(5, 5)),
    "Label": (_PAIR, Version(5, 6)),
    "ExitPolicy": (_RAW_ONE, Version(5, 6)),
}


def pod_unit(
    inspect: Mapping[str, Any], context: UnitContext, file_name: str, beside: Collection[str] = ()
) -> Unit:
    """The unit of a pod, from its inspect document and the command that created it.

    Args:
        beside: file names of units written beside it; its networks and volumes refer to them.
    """
    unit = Unit(file_name)
    for part in pod_parts(inspect, context.default_network):
        _add(unit, context.version, part, _reference(part, beside))
    unit.add(
        "Install", "WantedBy", "default.target" if context.rootless else "multi-user.target default.target"
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


def _add(unit: Unit, version: Version, part: Part, value: str) -> None:
    kind, since = _KEYS.get(part.key, (None, version))
    try:
        if kind is None or version < since:
            raise CannotExpress("no key yet")
        unit.add("Pod", part.key, escape(value, kind))
    except CannotExpress:
        unit.add("Pod", "PodmanArgs", word(part_word(part)))
