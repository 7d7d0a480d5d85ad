"""All files of a container as Quadlet units: the container, its networks, volumes, image, and its
pod."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotExpress
from hardentui.model.draft import TextFile
from hardentui.model.file_names import safe_file_name
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.options.read import LAYER_REMARK
from hardentui.quadlet.write.container import (
    UnitsBeside,
    container_unit,
    for_quadlet,
    intended,
)
from hardentui.quadlet.write.image_unit import image_unit, needs_image_unit, without_pull
from hardentui.quadlet.write.pod_unit import pod_unit
from hardentui.quadlet.write.supporting_units import (
    OF_UNITS,
    OWN_NAMES,
    network_units,
    volume_units,
)
from hardentui.systemd.unit_text import Unit
from hardentui.visible import visible
from hardentui.writers.compose_labels import without_compose
from hardentui.writers.context import Member, UnitContext
from hardentui.writers.kept_volumes import KeptVolume, copy_script, kept_volumes, saved, with_names
from hardentui.writers.left_behind import not_carried, unknown_flags, unreported
from hardentui.writers.needed import needed_services
from hardentui.writers.supporting import (
    can_be_a_unit,
    network_create_arguments,
    network_name,
    pod_networks,
    pod_notes,
    pod_volumes,
)

__all__ = ["Bundle", "Member", "UnitCommand", "UnitContext", "bundle"]

_POD_UNITS = Version(5, 0)
_MOST_COMMENTS = 4
_HEX, _RARE = frozenset("0123456789abcdef"), 4
"""Podman takes the beginning of an ID for its container; four letters are the beginning of one in
65536."""
_MOST_FLAGS = 6
_STARTS = "it now starts at boot; remove [Install] to start it only by hand"
_REMOVES = "Quadlet removes the container at each stop; only volumes and mounts keep their files"
_OF_EVERY_UNIT = frozenset({_STARTS, _REMOVES, LAYER_REMARK})
"""Told when it is written; who reads a unit knows it."""
COPY_SCRIPT = "-copy-volumes.sh"
"""What the name of the script that copies anonymous volumes ends with."""


class UnitCommand(Struct, frozen=True):
    """The command that the generator must produce for one `.container` unit."""

    unit: str  # its file name; service: the generated service
    service: str
    argv: tuple[str, ...]  # after `podman` and without Quadlet's own additions


class Bundle(Struct, frozen=True):
    """The files of one container."""

    files: tuple[TextFile, ...]  # the container's unit first
    # what the generator must produce for it, after `podman` and without Quadlet's own additions
    argv: tuple[str, ...]
    service: str  # name of the generated service
    notes: tuple[str, ...]  # what changes or cannot be known, one sentence each
    others: tuple[UnitCommand, ...] = ()  # the same for the units of the other members of its pod


class _Container(Struct, frozen=True):
    units: tuple[Unit, ...]
    command: UnitCommand
    notes: tuple[str, ...]
    unknown: frozenset[str]


def bundle(
    spec: Spec,
    context: UnitContext,
    comments: Sequence[str] = (),
) -> Bundle:
    """The unit of a container with the units that it needs, including the rest of its stack.

    Args:
        comments: sentences for the top of the container's unit; options that are lost are added.

    Raises:
        CannotExpress: a value that no unit file can represent.
    """
    everyone = [
        _Part(spec, context, comments),
        *(_of_stack(member, spec, context) for member in context.members),
    ]
    parts, inits = _prepared(everyone)
    named: dict[str, str] = {}
    kept = {part.stem: _kept(part, named) for part in sorted(parts, key=lambda part: part.stem)}
    made = [
        _container(
            part,
            kept[part.stem],
            inits,
            parts,
        )
        for part in parts
    ]
    units = [unit for container in made for unit in container.units]
    for part in {part.pod_file: part for part in parts if part.pod_file}.values():
        units += _pod_units(part, {unit.name for unit in units})
    main, others = made[0], made[1:]
    return Bundle(
        _without_repeats(
            [
                *(TextFile(unit.name, unit.text()) for unit in units),
                *_copies(parts, kept),
            ]
        ),
        main.command.argv,
        main.command.service,
        tuple(_told_once(made)),
        tuple(container.command for container in others),
    )


def _prepared(everyone: Sequence[_Part]) -> tuple[list[_Part], dict[str, tuple[str, ...]]]:
    """The containers with the files of their pods and without what only compose needs; and pod file
    -> services of its init containers."""
    parts, inits = [], dict[str, tuple[str, ...]]()
    for part in everyone:
        spec, remarks = part.spec, list[str]()
        if spec[POD] and part.context.pod and not can_be_a_unit(part.context.pod):
            remarks.append(
                f"the pod {spec[POD]} is left out: it has no infra container, so it shares nothing"
            )
            spec = spec.without(POD)
        own = without_compose(spec[LABELS])
        if own != spec[LABELS]:
            instead = [label for label in own if label not in spec[LABELS]]
            become = f"become {visible(instead[0], 60)}" if instead else "are left out"
            remarks.append(
                f"the labels of compose {become}: by them, `compose down` would remove this "
                "container"
            )
            spec = spec.with_(LABELS, own) if own else spec.without(LABELS)
        file = _pod_file(spec, part.context)
        if file and spec[INIT_CTR]:
            inits[file] = (*inits.get(file, ()), f"{part.stem}.service")
        parts.append(
            replace(
                part,
                spec=spec,
                pod_file=file,
                remarks=tuple(remarks),
            )
        )
    return parts, inits


def _told_once(made: Sequence[_Container]) -> Iterator[str]:
    """The notes of all containers; one that several have names their units. What is unknown comes
    last, in one list: each unit has its own."""
    units: dict[str, list[str]] = {}
    for container in made:
        for note in dict.fromkeys(container.notes):
            units.setdefault(note, []).append(container.command.unit)
    for note, having in units.items():
        of_main = len(made) == 1 or having == [made[0].command.unit]
        yield note if of_main or len(having) == len(made) else f"{', '.join(having)}: {note}"
    yield from unreported(frozenset().union(*(container.unknown for container in made)))


def _without_repeats(files: Sequence[TextFile]) -> tuple[TextFile, ...]:
    """Networks and volumes that several containers share are written once."""
    kept: dict[str, TextFile] = {}
    for file in files:
        if kept.setdefault(file.name, file) != file:
            raise CannotExpress(
                f"Two different units would be called {file.name}.", "Rename one of them."
            )
    return tuple(kept.values())


class _Part(Struct, frozen=True):
    spec: Spec
    context: UnitContext
    comments: Sequence[str] = ()
    pod_file: str = ""  # file name of its pod's unit; empty = none is written
    remarks: tuple[str, ...] = ()  # what was left out of its spec

    @property
    def stem(self) -> str:
        return self.context.unit_name or safe_file_name(self.spec[NAME])


def _of_stack(
    member: Member,
    main: Spec,
    context: UnitContext,
) -> _Part:
    together = main[POD] != "" and member.spec[POD] == main[POD]
    own = replace(
        member.context,
        pod=context.pod if together else member.context.pod,
        version=context.version,
        rootless=context.rootless,
        unit_name="",
        services=context.services,
        members=(),
    )
    what = (
        f"Another member of the pod {main[POD]}"
        if together
        else f"It belongs together with {main[NAME]}"
    )
    return _Part(
        member.spec,
        own,
        (f"{what}: written as it is, nothing was hardened.",),
    )


def _kept(part: _Part, named: dict[str, str]) -> tuple[KeptVolume, ...]:
    """The anonymous volumes of a container with their names; one that another has too has one name.

    Args:
        named: old name -> new name of those of others; its own are added.
    """
    taken = (*part.context.volumes, *_named_volumes(part.spec))
    kept = kept_volumes(
        part.spec,
        part.context.anonymous,
        part.stem,
        taken,
        named,
    )
    named.update({volume.old: volume.new for volume in kept if volume.old})
    return kept


def _container(
    part: _Part,
    kept: Sequence[KeptVolume],
    inits: Mapping[str, tuple[str, ...]],
    parts: Sequence[_Part],
) -> _Container:
    """The unit of a container with its networks, volumes and image."""
    context, stem = part.context, part.stem
    left = not_carried(saved(part.spec, kept))  # the script carries that data
    spec = with_names(part.spec, kept)
    joined = spec[NETWORK]
    networks = network_units(joined, context)
    inspects = {
        **context.volumes,
        **{volume.new: context.volumes.get(volume.old) or {} for volume in kept},
    }
    volumes = volume_units(
        _named_volumes(spec),
        inspects,
        context.version,
    )
    image = None
    if needs_image_unit(spec, context.version):
        image = image_unit(for_quadlet(spec)[0], stem)
        spec = without_pull(spec)
    first = inits.get(part.pod_file, ())
    first = first[: first.index(f"{stem}.service")] if f"{stem}.service" in first else first
    outside = needed_services(spec, context.services)
    needed = tuple(dict.fromkeys((*first, *outside)))
    unit, notes = container_unit(
        spec,
        version=context.version,
        rootless=context.rootless,
        unit_name=stem,
        beside=UnitsBeside(
            networks={name: network.name for name, network in networks.items()},
            volumes={name: volume.name for name, volume in volumes.items()},
            pod=part.pod_file,
            image=image.name if image else "",
        ),
        needed_services=needed,
    )
    written = {f"{other.stem}.service" for other in parts} | {*context.services.values()}
    missing = [service for service in outside if service not in written]
    hints = [
        *_hints(spec, context, stem, missing),
        *_pod_hints(
            spec,
            context,
            part.pod_file,
            parts,
        ),
    ]
    told = [
        *left,
        *part.remarks,
        *_about_kept(kept, f"{parts[0].stem}{COPY_SCRIPT}"),
        *notes,
        *hints,
    ]
    unknown = unknown_flags(part.spec)
    known = {*part.comments, *_OF_EVERY_UNIT}
    few = (
        unreported(unknown) if len(unknown) <= _MOST_FLAGS else ()
    )  # many: of a container made by the API
    first = (
        *part.remarks,
        *_about_kept(kept, f"{parts[0].stem}{COPY_SCRIPT}"),
        *few,
    )
    notes_by_weight = dict.fromkeys((*first, *hints, *told))
    comments = [
        *part.comments,
        *(f"Note: {note}" for note in notes_by_weight if note not in known),
    ]
    unit.comments = _few(comments)
    units = (
        unit,
        *networks.values(),
        *volumes.values(),
        *([image] if image else []),
    )
    command = UnitCommand(
        unit.name,
        f"{stem}.service",
        intended(spec, context.version),
    )
    return _Container(
        units,
        command,
        tuple(told),
        unknown,
    )


def _few(comments: list[str]) -> list[str]:
    """What stands at the top of a unit; all of it is told when the unit is written."""
    if len(comments) <= _MOST_COMMENTS:
        return comments
    left_out = len(comments) - _MOST_COMMENTS + 1
    return [
        *comments[: _MOST_COMMENTS - 1],
        f"{left_out} more notes were told when this was written.",
    ]


def _pod_units(part: _Part, beside: Collection[str]) -> Iterator[Unit]:
    """The unit of a pod with its networks and volumes."""
    context = part.context
    pod = context.pod or {}
    around = [*network_units(pod_networks(pod, context.default_network), context).values()]
    around += volume_units(
        pod_volumes(pod),
        context.volumes,
        context.version,
    ).values()
    yield from around
    yield pod_unit(
        pod,
        context,
        part.pod_file,
        {*beside, *(unit.name for unit in around)},
    )


def _named_volumes(spec: Spec) -> list[str]:
    """Volumes mounted as a whole; a mount of a subdirectory cannot refer to a unit."""
    return [mount.source for mount in spec[MOUNTS] if mount.type == "volume" and not mount.subpath]


def _about_kept(kept: Sequence[KeptVolume], script: str) -> list[str]:
    notes = [
        f"the anonymous volume at {volume.destination} becomes the volume {volume.new}: a Quadlet deletes"
        " anonymous volumes at each stop"
        for volume in kept
    ]
    if any(volume.old for volume in kept):
        notes.append(
            f"before the first start of the service, stop the container and run sh {script}: it copies the"
            " data of its anonymous volumes; without it the service starts with empty ones"
        )
    return notes


def _copies(
    parts: Sequence[_Part],
    kept: Mapping[str, Sequence[KeptVolume]],
) -> Iterator[TextFile]:
    """The script that copies the data of the anonymous volumes of all containers, each once."""
    existing = {part.stem: [volume for volume in kept[part.stem] if volume.old] for part in parts}
    names = [part.spec[NAME] for part in parts if existing[part.stem]]
    if names:
        inspects = {
            name: document for part in parts for name, document in part.context.volumes.items()
        }
        volumes = [volume for part in parts for volume in existing[part.stem]]
        text = copy_script(", ".join(names), volumes, inspects)
        yield TextFile(f"{parts[0].stem}{COPY_SCRIPT}", text, 0o755)


def _hints(
    spec: Spec,
    context: UnitContext,
    stem: str,
    missing: Sequence[str],
) -> list[str]:
    hints = []
    if context.version < OWN_NAMES:
        create = [
            "podman " + " ".join(network_create_arguments(name, context.networks[name]))
            for name in dict.fromkeys(network_name(argument) for argument in spec[NETWORK])
            if name in context.networks and not name.startswith(OF_UNITS)
        ]
        if create:
            hints.append(
                f"networks must exist: Podman {context.version} cannot keep their names in units; "
                f"run first: {' && '.join(create)}"
            )
    name = spec[NAME]
    if 0 < len(name) < _RARE and _HEX.issuperset(name):
        hints.append(
            f"each start of the unit removes any container whose ID begins with {name}, one in"
            f" {16 ** len(name)}: a longer ContainerName= prevents that"
        )
    if not name:
        hints.append(f"the container is called systemd-{stem}")
    if missing:
        hints.append(f"it needs {' and '.join(missing)}: without such a service it does not start")
    if not spec[RESTART]:
        hints.append(_STARTS)
    return [*hints, _REMOVES]


def _pod_hints(
    spec: Spec,
    context: UnitContext,
    pod_file: str,
    parts: Sequence[_Part],
) -> list[str]:
    hints = []
    if spec[POD] and not pod_file:
        hints.append(f"the pod {spec[POD]} must exist, and Quadlet only joins pods that it created")
    if spec[POD] and context.pod:
        hints += pod_notes(context.pod)
        if missing := _missing_members(spec, context, parts):
            hints.append(
                f"other members of the pod {spec[POD]} need units too: {', '.join(missing)}"
            )
    return hints


def _missing_members(
    spec: Spec,
    context: UnitContext,
    parts: Sequence[_Part],
) -> list[str]:
    """Members of the pod that are not written."""
    pod: Mapping[str, Any] = context.pod or {}
    written = {"", *(part.spec[NAME] for part in parts)}
    return sorted(
        name
        for entry in pod.get("Containers") or ()
        if (name := str(entry.get("Name") or "")) not in written
        and entry.get("Id") != pod.get("InfraContainerID", "")
        and not name.endswith("-infra")
    )


def _pod_file(spec: Spec, context: UnitContext) -> str:
    """File name of the pod's unit; empty if none is written."""
    if (
        not spec[POD]
        or context.pod is None
        or context.version < _POD_UNITS
        or not can_be_a_unit(context.pod)
    ):
        return ""
    return f"{safe_file_name(spec[POD])}.pod"
