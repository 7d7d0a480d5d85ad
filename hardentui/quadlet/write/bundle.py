"""All files of a container as Quadlet units: the container, its networks, volumes, image, and its pod."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotExpress
from hardentui.model.draft import TextFile
from hardentui.model.spec import KeyKind, Spec
from hardentui.model.version import Version
from hardentui.options import MOUNTS, NAME, NETWORK, POD, RESTART
from hardentui.quadlet.write.container import container_unit, for_quadlet, intended
from hardentui.quadlet.write.image import image_unit, needs_image_unit, without_pull
from hardentui.quadlet.write.lines import UnitsBeside
from hardentui.quadlet.write.pod import pod_unit
from hardentui.systemd.escaping import escape, plain, word
from hardentui.systemd.unit_file import Unit
from hardentui.writers.anonymous import KeptVolume, copy_script, kept_volumes, saved, with_names
from hardentui.writers.context import Member, UnitContext
from hardentui.writers.dependencies import needed_services
from hardentui.writers.file_name import safe_file_name
from hardentui.writers.knowledge import left_behind
from hardentui.writers.pod import can_be_a_unit, pod_networks, pod_notes, pod_volumes
from hardentui.writers.supporting import (
    Part,
    network_create_arguments,
    network_name,
    network_parts,
    volume_parts,
)

__all__ = ["Bundle", "Member", "UnitCommand", "UnitContext", "bundle"]

_OWN_NAMES = Version(4, 7)
"""First Podman with NetworkName= and VolumeName=; before, a unit would create a new network or volume."""
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


class UnitCommand(Struct, frozen=True):
    """The command that the generator must produce for one `.container` unit.

    Attributes:
        unit: its file name; service: the generated service.
        argv: after `podman` and without Quadlet's own additions.
    """

    unit: str
    service: str
    argv: tuple[str, ...]


class Bundle(Struct, frozen=True):
    """The files of one container.

    Attributes:
        files: the container's unit first.
        argv: what the generator must produce for it, after `podman` and without Quadlet's own additions.
        service: name of the generated service.
        notes: what changes or cannot be known, one sentence each.
        others: the same for the units of the other members of its pod.
    """

    files: tuple[TextFile, ...]
    argv: tuple[str, ...]
    service: str
    notes: tuple[str, ...]
    others: tuple[UnitCommand, ...] = ()


class _Container(Struct, frozen=True):
    """One container's part of a bundle."""

    units: tuple[Unit, ...]
    scripts: tuple[TextFile, ...]
    command: UnitCommand
    notes: tuple[str, ...]


def bundle(spec: Spec, context: UnitContext, comments: Sequence[str] = ()) -> Bundle:
    """The unit of a container with the units that it needs, including the other members of its pod.

    Args:
        comments: sentences for the top of the container's unit; options that are lost are added.

    Raises:
        CannotExpress: a value that no unit file can represent.
    """
    pod_file = _pod_file(spec, context)
    main = _container(spec, context, pod_file, comments, _pod_hints(spec, context, pod_file))
    members = [_member(member, context, pod_file) for member in context.members] if pod_file else []
    units = [*main.units, *(unit for made in members for unit in made.units)]
    if pod_file and context.pod is not None:
        arguments = pod_networks(context.pod, context.default_network)
        units += _network_units(arguments, context).values()
        units += _volume_units(pod_volumes(context.pod), context.volumes, context.version).values()
        units.append(pod_unit(context.pod, context, pod_file, {made.name for made in units}))
    scripts = [script for made in (main, *members) for script in made.scripts]
    notes = [*main.notes, *(f"{made.command.unit}: {note}" for made in members for note in made.notes)]
    return Bundle(
        _without_repeats([*(TextFile(made.name, made.text()) for made in units), *scripts]),
        main.command.argv,
        main.command.service,
        tuple(dict.fromkeys(notes)),
        tuple(made.command for made in members),
    )


def _without_repeats(files: Sequence[TextFile]) -> tuple[TextFile, ...]:
    """Networks and volumes that members share are written once."""
    kept: dict[str, TextFile] = {}
    for file in files:
        if kept.setdefault(file.name, file) != file:
            raise CannotExpress(f"Two different units would be called {file.name}.", "Rename one of them.")
    return tuple(kept.values())


def _member(member: Member, context: UnitContext, pod_file: str) -> _Container:
    own = replace(
        member.context,
        version=context.version,
        rootless=context.rootless,
        unit_name="",
        services=context.services,
        pod=context.pod,
        members=(),
    )
    about = f"Another member of the pod {member.spec[POD]}, written as it is: nothing was hardened."
    return _container(member.spec, own, pod_file, (about,))


def _container(
    spec: Spec, context: UnitContext, pod_file: str, comments: Sequence[str], hints: Sequence[str] = ()
) -> _Container:
    """The unit of a container with its networks, volumes and image."""
    stem = context.unit_name or safe_file_name(spec[NAME])
    kept = kept_volumes(spec, context.anonymous, stem, (*context.volumes, *_named_volumes(spec)))
    left = left_behind(saved(spec, kept))  # the script carries that data
    spec = with_names(spec, kept)
    joined = spec[NETWORK]
    networks = _network_units(joined, context)
    inspects = {**context.volumes, **{volume.new: context.volumes.get(volume.old) or {} for volume in kept}}
    volumes = _volume_units(_named_volumes(spec), inspects, context.version)
    image = None
    if needs_image_unit(spec, context.version):
        image = image_unit(for_quadlet(spec)[0], stem)
        spec = without_pull(spec)
    needed = needed_services(spec, context.services)
    unit, notes = container_unit(
        spec,
        version=context.version,
        rootless=context.rootless,
        unit_name=stem,
        beside=UnitsBeside(
            networks={name: network.name for name, network in networks.items()},
            volumes={name: volume.name for name, volume in volumes.items()},
            pod=pod_file,
            image=image.name if image else "",
        ),
        needed_services=needed,
    )
    script, about_volumes = _copies(spec, context, kept, stem)
    all_notes = [*notes, *about_volumes, *hints, *_hints(spec, context, stem, needed), *left]
    known = set(comments)
    unit.comments = [*comments, *(f"Note: {note}" for note in all_notes if note not in known)]
    units = (unit, *networks.values(), *volumes.values(), *([image] if image else []))
    return _Container(
        units,
        script,
        UnitCommand(unit.name, f"{stem}.service", intended(spec, context.version)),
        tuple(all_notes),
    )


def _named_volumes(spec: Spec) -> list[str]:
    """Volumes mounted as a whole; a mount of a subdirectory cannot refer to a unit."""
    return [mount.source for mount in spec[MOUNTS] if mount.type == "volume" and not mount.subpath]


def _copies(
    spec: Spec, context: UnitContext, kept: Sequence[KeptVolume], stem: str
) -> tuple[tuple[TextFile, ...], list[str]]:
    """The script that copies the data of anonymous volumes, and notes on it."""
    notes = [
        f"the anonymous volume at {volume.destination} becomes the volume {volume.new}: a Quadlet deletes"
        " anonymous volumes at each stop"
        for volume in kept
    ]
    existing = [volume for volume in kept if volume.old]
    if not existing:
        return (), notes
    name = f"{stem}-copy-volumes.sh"
    notes.append(
        f"before the first start of the service, stop the container and run sh {name}: it copies the data of"
        " its anonymous volumes; without it the service starts with empty ones"
    )
    return (TextFile(name, copy_script(spec[NAME], existing, context.volumes), 0o755),), notes


def _hints(spec: Spec, context: UnitContext, stem: str, needed: Sequence[str]) -> list[str]:
    hints = ["Quadlet removes the container at each stop; only volumes and mounts keep their files"]
    if context.version < _OWN_NAMES:
        create = [
            "podman " + " ".join(network_create_arguments(name, context.networks[name]))
            for name in dict.fromkeys(network_name(argument) for argument in spec[NETWORK])
            if name in context.networks
        ]
        hints.append(
            f"networks and volumes must exist: Podman {context.version} cannot keep their names in units"
            + (f"; run first: {' && '.join(create)}" if create else "")
        )
    if not spec[NAME]:
        hints.append(f"the container is called systemd-{stem}")
    if needed:
        hints.append(f"it needs {' and '.join(needed)}: without such a service it does not start")
    if not spec[RESTART]:
        hints.append("it now starts at boot; remove [Install] to start it only by hand")
    return hints


def _pod_hints(spec: Spec, context: UnitContext, pod_file: str) -> list[str]:
    hints = []
    if spec[POD] and not pod_file:
        hints.append(f"the pod {spec[POD]} must exist, and Quadlet only joins pods that it created")
    if spec[POD] and context.pod:
        hints += pod_notes(context.pod)
        if missing := _missing_members(spec, context):
            hints.append(f"other members of the pod {spec[POD]} need units too: {', '.join(missing)}")
    return hints


def _missing_members(spec: Spec, context: UnitContext) -> list[str]:
    """Members of the pod that are not written."""
    pod: Mapping[str, Any] = context.pod or {}
    written = {spec[NAME], *(member.spec[NAME] for member in context.members), ""}
    return sorted(
        name
        for entry in pod.get("Containers") or ()
        if (name := str(entry.get("Name") or "")) not in written
        and entry.get("Id") != pod.get("InfraContainerID", "")
        and not name.endswith("-infra")
    )


# --- networks and volumes ------------------------------------------------------------------------


def _network_units(arguments: Sequence[str], context: UnitContext) -> dict[str, Unit]:
    units = {}
    for argument in arguments:
        name = network_name(argument)
        if name in context.networks and name != context.default_network and context.version >= _OWN_NAMES:
            units[name] = _supporting_unit(
                f"{safe_file_name(name)}.network",
                "Network",
                ("NetworkName", name),
                network_parts(context.networks[name]),
                context.version,
            )
    return units


def _volume_units(
    names: Sequence[str], inspects: Mapping[str, Mapping[str, Any]], version: Version
) -> dict[str, Unit]:
    """Units of the known volumes."""
    if version < _OWN_NAMES:
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


def _pod_file(spec: Spec, context: UnitContext) -> str:
    """File name of the pod's unit; empty if none is written."""
    if not spec[POD] or context.pod is None or context.version < _POD_UNITS or not can_be_a_unit(context.pod):
        return ""
    return f"{safe_file_name(spec[POD])}.pod"
