"""Recreating a container under its name, while its original is kept."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hardentui.change.container_operator import restart_policy
from hardentui.engine.change.changing import ChangingEngine
from hardentui.host.files.reader import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.model.operations import (
    CopyData,
    CopyPart,
    CreateContainer,
    CreateNetwork,
    CreateStandIn,
    CreateVolume,
    NoteContainer,
    Operation,
    RenameContainer,
    SetRestart,
    StartContainer,
    StopContainer,
)
from hardentui.model.plan import Plan
from hardentui.model.spec import Spec
from hardentui.options import IMAGE, MOUNTS, NAME, NETWORK, PULL, REMOVE, ROOTFS, TMPFS, Mount
from hardentui.reading.layer_data import LayerData, is_below
from hardentui.reading.user_namespace import options_of_new_volume
from hardentui.visible import visible
from hardentui.workbench.changing.apply_ways import UPDATES_RESTART, ApplyWay, stop_timeout
from hardentui.workbench.changing.layer import new_volumes
from hardentui.workbench.changing.not_replaceable import refuse_replacing
from hardentui.writers.anonymous import with_existing
from hardentui.writers.context import UnitContext, volume_for
from hardentui.writers.run_script import run_arguments
from hardentui.writers.supporting import network_create_arguments, network_name


def replace_way(
    facts: ContainerFacts,
    plan: Plan,
    engine: ChangingEngine,
    files: Files,
    *,
    suffix: str,
    layer: LayerData,
    keep_data: bool,
) -> ApplyWay:
    """Recreate the container under its name; the original is renamed, stopped and kept.

    Args:
        suffix: of the name under which the original is kept.
        layer: the data in its writable layer. Data below a volume that the plan adds is copied there.
        keep_data: copy the rest to new volumes.

    Raises:
        CannotFix: something would be lost; says what.
    """
    refuse_replacing(facts, engine, files)
    name, kept = facts.name, f"{facts.name}-before-{suffix}"
    context = UnitContext.of(facts, facts.engine.version)
    spec, notes = _with_its_volumes(plan.after.with_(NAME, name), context)
    brought = new_volumes(plan)
    copies = [(directory, volume) for directory, volume in brought.items() if layer.has(directory)]
    volumes = _volumes(name, layer.without(brought).directories, engine) if keep_data else ()
    spec, remarks = _same_image(facts, plan, _with_new_volumes(facts, spec, volumes))
    more = list(remarks)
    operations: list[Operation] = [NoteContainer(id=facts.id, name=name, running=facts.running)]
    operations += new_networks(facts, plan, engine)
    paths = (*copies, *volumes)
    vanishes = facts.spec[REMOVE] and facts.running
    kept_aside, aside = _kept_aside(facts, plan, kept, f"{name}-leaving-{suffix}" if vanishes else kept)
    more += aside
    copied = paths if not vanishes else ()
    operations += [
        CreateVolume(
            name=volume,
            source=facts.id if (directory, volume) in copied else "",
            directory=directory if (directory, volume) in copied else "",
            existed=engine.volumes.exists(volume),
        )
        for directory, volume in dict.fromkeys((*copied, *brought.items()))
    ]
    if copied:
        part = CopyPart.AHEAD if facts.running else CopyPart.ALL
        operations.append(CopyData(source=facts.id, paths=paths, part=part))
    operations += kept_aside
    words = run_arguments(spec, "create", facts.engine.version)
    operations.append(CreateContainer(name=name, original=facts.id, arguments=words))
    if facts.running:
        operations.append(StopContainer(id=facts.id, seconds=stop_timeout(facts)))
    if paths and facts.running and not vanishes:
        operations.append(CopyData(source=facts.id, paths=paths, part=CopyPart.REST))
    if facts.running:
        operations.append(StartContainer(name=name))
    else:
        more.append("it is not running; its successor is created but not started")
    return ApplyWay(tuple(operations), original=kept, notes=(*notes, *more), restarts=facts.running)


def _kept_aside(
    facts: ContainerFacts, plan: Plan, kept: str, renamed: str
) -> tuple[list[Operation], list[str]]:
    """The original gives up its name and its restart policy; with notes for the admin.

    Args:
        kept: the name under which it is kept, itself or as a stand-in.
        renamed: its own new name. If that is not `kept`, Podman removes it when it stops.
    """
    operations: list[Operation] = []
    notes = []
    if renamed != kept:
        operations.append(_stand_in(facts, plan, kept))
        notes.append(
            f"it was started with --rm, so Podman removes it when it stops; {kept} is created with all its"
            " options and volumes and takes its place on the way back, without what is in its own layer"
        )
    operations.append(RenameContainer(id=facts.id, before=facts.name, after=renamed))
    policy = restart_policy(facts.inspect)
    if policy not in ("no", "") and facts.engine.version < UPDATES_RESTART:
        notes.append(f"{kept} keeps its restart policy {policy}: podman-restart.service would start it too")
    elif policy not in ("no", ""):
        operations.append(SetRestart(id=facts.id, before=policy))
    return operations, notes


def _with_new_volumes(facts: ContainerFacts, spec: Spec, volumes: Sequence[tuple[str, str]]) -> Spec:
    """With a volume at each of these directories; a tmpfs below one of them would hide its data."""
    if not volumes:
        return spec
    directories = [directory for directory, _ in volumes]
    options = options_of_new_volume(facts, spec)
    mounts = [Mount("volume", volume, directory, options) for directory, volume in volumes]
    tmpfs = [text for text in spec[TMPFS] if not is_below(text.partition(":")[0], directories)]
    return spec.with_(MOUNTS, (*spec[MOUNTS], *mounts)).with_(TMPFS, tuple(tmpfs))


def _stand_in(facts: ContainerFacts, plan: Plan, kept: str) -> CreateStandIn:
    """The replacement for an original that Podman removes when it stops."""
    context = UnitContext.of(facts, facts.engine.version)
    spec, _ = _with_its_volumes(facts.spec.with_(NAME, kept), context)
    spec, _ = _same_image(facts, replace(plan, after=plan.before), spec)
    return CreateStandIn(
        name=kept,
        original=facts.id,
        original_name=facts.name,
        seconds=stop_timeout(facts),
        arguments=run_arguments(spec, "create", facts.engine.version),
    )


def _with_its_volumes(spec: Spec, context: UnitContext) -> tuple[Spec, tuple[str, ...]]:
    """With its anonymous volumes, also of an original that loses them when it is removed (`--rm`): its
    stand-in holds them until then.
    """
    named, notes = with_existing(spec.without(REMOVE), context.anonymous)
    return (named.with_(REMOVE, True) if spec[REMOVE] else named), notes


def _volumes(name: str, directories: Sequence[str], engine: ChangingEngine) -> tuple[tuple[str, str], ...]:
    """(directory, new volume) for each directory."""
    volumes: list[tuple[str, str]] = []
    for directory in directories:
        stem = volume_for(name, directory)
        names = (stem, *(f"{stem}-{number}" for number in range(2, 100)))
        volumes.append(
            (directory, next(candidate for candidate in names if not engine.volumes.exists(candidate)))
        )
    return tuple(volumes)


def _same_image(facts: ContainerFacts, plan: Plan, spec: Spec) -> tuple[Spec, tuple[str, ...]]:
    """The image that it runs today, even if its name now points to another one."""
    if spec[ROOTFS] or plan.before[IMAGE] != plan.after[IMAGE]:
        return spec, ()
    spec = spec.with_(PULL, "never")
    today = str(facts.inspect.get("Image") or "")
    resolved = known(lambda: facts.image_ids.get(spec[IMAGE], ""), else_="")
    if not today or resolved.removeprefix("sha256:") == today.removeprefix("sha256:"):
        return spec, ()
    note = f"{visible(spec[IMAGE], 120)} is now another image; the one it runs is kept, by ID"
    return spec.with_(IMAGE, today), (note,)


def new_networks(
    facts: ContainerFacts, plan: Plan, engine: ChangingEngine, *, by_unit: bool = False
) -> tuple[CreateNetwork, ...]:
    """The networks that the plan adds.

    Args:
        by_unit: units create them; only their removal is planned.
    """
    wanted = dict.fromkeys(network_name(argument) for argument in plan.after[NETWORK])
    before = {network_name(argument) for argument in plan.before[NETWORK]}
    new = [name for name in wanted if name and name not in facts.networks and name not in before]
    return tuple(
        CreateNetwork(
            name=name,
            arguments=() if by_unit else network_create_arguments(name, {"name": name, "driver": "bridge"}),
            existed=engine.networks.exists(name),
        )
        for name in new
    )
