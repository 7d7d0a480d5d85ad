"""All files of a container as Quadlet units: the container, its networks, its volumes, its pod."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hardentui.errors import CannotExpress
from hardentui.model.spec import KeyKind, Spec
from hardentui.model.version import Version
from hardentui.options import MOUNTS, NAME, NETWORK, POD
from hardentui.writers.context import UnitContext
from hardentui.writers.files import safe_file_name
from hardentui.writers.knowledge import left_behind
from hardentui.writers.pod import pod_unit
from hardentui.writers.quadlet import container_unit, intended
from hardentui.writers.supporting import Part, network_name, network_parts, volume_parts
from hardentui.writers.systemd_syntax import escape, plain, word
from hardentui.writers.unit_file import Unit

__all__ = ["Bundle", "UnitContext", "UnitFile", "bundle"]

_OWN_NAMES = Version(4, 7)
"""First Podman with NetworkName= and VolumeName=; before, a unit would make a new network or volume."""
_POD_UNITS = Version(5, 0)

_RAW_ALL, _RAW_ONE, _PAIR, _SWITCH = KeyKind.RAW_ALL, KeyKind.RAW_ONE, KeyKind.KEY_VALUE, KeyKind.BOOLEAN
_NETWORK_KEYS = {
    "Driver": (_RAW_ONE, Version(4, 4)),
    "Internal": (_SWITCH, Version(4, 4)),
    "DisableDNS": (_SWITCH, Version(4, 4)),
    "IPAMDriver": (_RAW_ONE, Version(4, 4)),
    "IPv6": (_SWITCH, Version(4, 4)),
    "Subnet": (_RAW_ALL, Version(4, 4)),
    "Gateway": (_RAW_ALL, Version(4, 4)),
    "IPRange": (_RAW_ALL, Version(4, 4)),
    "DNS": (_RAW_ALL, Version(4, 7)),
    "Options": (_PAIR, Version(4, 4)),
    "Label": (_PAIR, Version(4, 4)),
}
_VOLUME_KEYS = {"Driver": (_RAW_ONE, Version(4, 8)), "Label": (_PAIR, Version(4, 4))}


@dataclass(frozen=True, slots=True)
class UnitFile:
    """One file of a bundle; `mode` are its permission bits."""

    name: str
    text: str
    mode: int = 0o644

    @property
    def is_unit(self) -> bool:
        """Whether the generator reads it."""
        return self.name.endswith((".container", ".network", ".volume", ".pod"))


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of one container.

    Attributes:
        files: the container's unit first.
        argv: what the generator has to make of it, after `podman` and without Quadlet's own additions.
        service: name of the service that it becomes.
        notes: what is different from before or cannot be known, one sentence each.
    """

    files: tuple[UnitFile, ...]
    argv: tuple[str, ...]
    service: str
    notes: tuple[str, ...]


def bundle(spec: Spec, context: UnitContext, comments: Sequence[str] = ()) -> Bundle:
    """The unit of a container with the units that it needs.

    Args:
        comments: sentences for the top of the container's unit; what is left behind is added.

    Raises:
        CannotExpress: a value that no unit file can hold.
    """
    stem = context.unit_name or safe_file_name(spec[NAME])
    networks = _network_units(spec, context)
    volumes = _volume_units(spec, context)
    pod = _pod(spec, context)
    unit, notes = container_unit(
        spec,
        version=context.version,
        rootless=context.rootless,
        unit_name=stem,
        network_units={name: one.name for name, one in networks.items()},
        volume_units={name: one.name for name, one in volumes.items()},
        pod_unit=pod.name if pod else "",
    )
    all_notes = [*notes, *_hints(spec, context, stem), *left_behind(spec)]
    known = set(comments)
    unit.comments = [*comments, *(f"Note: {note}" for note in all_notes if note not in known)]
    units = [unit, *networks.values(), *volumes.values(), *([pod] if pod else [])]
    files = tuple(UnitFile(one.name, one.text()) for one in units)
    return Bundle(files, intended(spec), f"{stem}.service", tuple(dict.fromkeys(all_notes)))


def _hints(spec: Spec, context: UnitContext, stem: str) -> list[str]:
    found = ["Quadlet removes the container at each stop; only volumes and mounts keep their files"]
    if spec[POD] and not context.pod:
        found.append(f"the pod {spec[POD]} must exist, and Quadlet only joins pods that it made itself")
    if spec[POD] and context.pod:
        members = [str(one.get("Name")) for one in context.pod.get("Containers") or ()]
        others = sorted(
            name for name in members if name not in (spec[NAME], "") and not name.endswith("-infra")
        )
        if others:
            found.append(f"other members of the pod {spec[POD]} need units too: {', '.join(others)}")
    if context.version < _OWN_NAMES:
        found.append(
            f"networks and volumes must exist: Podman {context.version} cannot keep their names in units"
        )
    if not spec[NAME]:
        found.append(f"the container is called systemd-{stem}")
    return found


# --- networks and volumes ------------------------------------------------------------------------


def _network_units(spec: Spec, context: UnitContext) -> dict[str, Unit]:
    found = {}
    for argument in spec[NETWORK]:
        name = network_name(argument)
        if name in context.networks and name != context.default_network and context.version >= _OWN_NAMES:
            found[name] = _supporting_unit(
                f"{safe_file_name(name)}.network",
                "Network",
                ("NetworkName", name),
                network_parts(context.networks[name]),
                context.version,
            )
    return found


def _volume_units(spec: Spec, context: UnitContext) -> dict[str, Unit]:
    found = {}
    for mount in spec[MOUNTS]:
        name = mount.source
        if mount.type != "volume" or not name or mount.subpath or context.version < _OWN_NAMES:
            continue
        if name in context.volumes:
            found[name] = _supporting_unit(
                f"{safe_file_name(name)}.volume",
                "Volume",
                ("VolumeName", name),
                volume_parts(context.volumes[name]),
                context.version,
            )
    return found


def _supporting_unit(
    file_name: str, section: str, own_name: tuple[str, str], parts: Sequence[Part], version: Version
) -> Unit:
    """A `.network` or `.volume` unit that keeps the existing object: same name, same options."""
    unit = Unit(file_name)
    unit.add("Unit", "Description", plain(f"{section} {file_name.rpartition('.')[0]}"))
    unit.add(section, own_name[0], escape(own_name[1], KeyKind.RAW_ONE))
    keys: Mapping[str, Any] = _NETWORK_KEYS if section == "Network" else _VOLUME_KEYS
    for part in parts:
        kind, since = keys.get(part.key, (None, version))
        try:
            if kind is None or version < since:
                raise CannotExpress("no key")
            unit.add(section, part.key, escape(part.value, kind))
        except CannotExpress:
            whole = part.flag if part.value == "true" else f"{part.flag}={part.value}"
            unit.add(section, "PodmanArgs", word(whole))
    unit.define_helpers()
    return unit


def _pod(spec: Spec, context: UnitContext) -> Unit | None:
    if not spec[POD] or context.pod is None or context.version < _POD_UNITS:
        return None
    return pod_unit(context.pod, context, f"{safe_file_name(spec[POD])}.pod")
