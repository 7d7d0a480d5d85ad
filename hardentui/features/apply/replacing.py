"""Recreating a container under its name, while its original is kept."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hardentui.do import Do, Flag, Verb
from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import CannotFix, NotFound
from hardentui.features.change.container_state import restart_policy
from hardentui.features.change.inspected import stop_timeout
from hardentui.features.change.substitute import substitute
from hardentui.features.fix.apply_ways import UPDATES_RESTART, ApplyWay, compose_write
from hardentui.features.fix.drafts import chowned_volumes
from hardentui.features.fix.layers import has_own_machine_id, new_volumes
from hardentui.features.looking.unit_origin import UNIT_LABEL, manager_of
from hardentui.host.files import Files, names
from hardentui.model.application_labels import compose_project
from hardentui.model.facts import ContainerFacts
from hardentui.model.file_names import volume_for
from hardentui.model.known import known
from hardentui.model.operations import (
    CopyData,
    CopyPart,
    CreateContainer,
    CreateNetwork,
    CreateStandIn,
    CreateVolume,
    KeepOwners,
    NoteContainer,
    Operation,
    ProveChanges,
    RenameContainer,
    RunProbe,
    SetRestart,
    StartContainer,
    StopContainer,
    WaitReady,
    WriteFile,
)
from hardentui.model.plan import Plan
from hardentui.model.spec import Spec
from hardentui.options import IMAGE, MOUNTS, NAME, NETWORK, PULL, REMOVE, ROOTFS, TMPFS, Mount
from hardentui.options.argv import parse_create_command
from hardentui.reading.layer import LayerData, is_below
from hardentui.reading.user_namespaces import options_of_new_volume
from hardentui.visible import visible
from hardentui.writers.context import UnitContext
from hardentui.writers.kept_volumes import with_existing
from hardentui.writers.run_script import run_arguments
from hardentui.writers.supporting import network_create_arguments, network_name

_LONGEST_UNIT = 256 << 10


class Reference(Struct, frozen=True):
    """A container that refers to others by ID: their namespaces, its pod, or `--requires`."""

    id: str
    name: str
    to: tuple[str, ...]
    unit: str  # what systemd starts it from, if anything; `infra`: Podman's own, of a pod
    infra: bool


def references(engine: ChangingEngine) -> tuple[Reference, ...]:
    """All containers that refer to others; one that is gone by now (`--rm`, a twin of another
    trial) does not."""
    references: list[Reference] = []
    for container in engine.engine.listed():
        try:
            document = engine.containers.inspect(container.id)
        except NotFound:
            continue
        if document.get("Dependencies"):
            references.append(
                Reference(
                    container.id,
                    str(document.get("Name")),
                    tuple(document["Dependencies"]),
                    str(container.labels.get(UNIT_LABEL, "")),
                    bool(document.get("IsInfra")),
                )
            )
    return tuple(references)


def refuse_replacing(
    facts: ContainerFacts,
    files: Files,
    *,
    among_others: bool,
) -> None:
    """Raises CannotFix with a hint.

    Args:
        among_others: containers that refer to each other are replaced together.
    """
    _refuse_started_by_unit(facts, files)
    shown = visible(facts.name, 80)
    if facts.inspect.get("IsInfra"):
        raise CannotFix(f"{shown} is the infra container of a pod and is not recreated.")
    if facts.spec[REMOVE] and facts.running and _is_in_the_foreground(facts):
        raise CannotFix(
            f"{shown} was started with --rm and without --detach: whoever started it (a terminal, a script, a"
            " supervisor) waits for it to exit and may start it again beside its successor.",
            (
                "Start it with --detach, or let a Quadlet run it: ",
                Do(Verb.QUADLET_AS_IS),
            ),
        )
    if facts.spec[REMOVE] and among_others:
        raise CannotFix(
            f"{shown} was started with --rm, so Podman removes it when it stops, and cannot be replaced"
            " together with those that refer to it, or that it refers to.",
            "Start it without --rm.",
        )
    if facts.spec.unknowable:
        flags = ", ".join(sorted({option.flag for option in facts.spec.unknowable}))
        raise CannotFix(
            f"Podman does not report these options of {shown}, so they would be lost: {flags}",
            "Run HardenTUI on the engine's machine as its user, where Podman's own record can be "
            "read.",
        )


def refuse_dependents(
    facts: ContainerFacts,
    referring: Iterable[Reference],
    units: Collection[str] = (),
    together: Collection[str] = (),
) -> None:
    """Raises CannotFix if containers refer to the ID of this one: Podman does not remove it then.

    Args:
        units: those that systemd stops and starts together with it.
        together: IDs of those that are replaced with it, or kept.
    """
    names = [
        visible(other.name, 80)
        for other in referring
        if facts.id in other.to and other.unit not in units and other.id not in together
    ]
    if names:
        raise CannotFix(
            f"Other containers depend on {visible(facts.name, 80)} (its namespaces, or --requires):"
            f" {', '.join(names)}.",
            "They refer to its ID, and cannot be replaced together with it: a unit or a pod makes "
            "them.",
        )


def _is_in_the_foreground(facts: ContainerFacts) -> bool:
    """By its recorded command; a container created through the API has none, and nobody waits for
    it."""
    line = parse_create_command((facts.inspect.get("Config") or {}).get("CreateCommand"))
    if line is None or line.verb != "run":
        return False
    return (line.flags.get("--detach") or ["false"])[-1].lower() not in ("", "1", "t", "true")


def _refuse_started_by_unit(facts: ContainerFacts, files: Files) -> None:
    """A unit that starts the container by its name (`podman generate systemd` without --new)
    watches its process and would take the change for a crash.
    """
    if not facts.engine.local or not os.path.isdir("/run/systemd/system"):
        return
    starts = re.compile(
        rf"^\s*Exec\w+\s*=.*\bpodman\b.*\bstart\b.*[\s\"'](?:{re.escape(facts.name)}|{facts.id[:12]}\w*)[\s\"']*$",
        re.MULTILINE,
    )
    for directory in manager_of(files, facts.engine).unit_directories:
        for name in known(names, files, directory, else_=()):
            text = _text(files, f"{directory}/{name}") if name.endswith(".service") else ""
            if starts.search(text):
                raise CannotFix(
                    f"{visible(name, 80)} starts {visible(facts.name, 80)} by its name and watches "
                    "it.",
                    ("Let a Quadlet run it instead: ", Do(Verb.QUADLET)),
                )


def _text(files: Files, path: str) -> str:
    try:
        return files.read_text(path, _LONGEST_UNIT)
    except OSError:
        return ""


def replace_way(
    facts: ContainerFacts,
    plan: Plan,
    engine: ChangingEngine,
    files: Files,
    *,
    suffix: str,
    layer: LayerData,
    keep_data: bool,
    client: Sequence[str] | None = None,
    among_others: bool = False,
    planned: Sequence[Operation] = (),
) -> ApplyWay:
    """Recreate the container under its name; the original is renamed, stopped and kept.

    Args:
        suffix: of the name under which the original is kept.
        layer: the data in its writable layer. Data below a volume that the plan adds is copied
            there.
        keep_data: copy the rest to new volumes.
        client: what a trial showed of others that it asks; None: not known.
        among_others: containers that refer to each other are replaced together: their names stand
            for their successors; `planned`: the operations for those before it.

    Raises:
        CannotFix: something would be lost; says what.
    """
    refuse_replacing(
        facts,
        files,
        among_others=among_others,
    )
    name, kept = facts.name, f"{facts.name}-before-{suffix}"
    context = UnitContext.of(facts, facts.engine.version)
    spec, notes = _with_its_volumes(plan.after.with_(NAME, name), context)
    spec, brought = _with_fresh_volumes(spec, new_volumes(plan), engine)
    copies = [(directory, volume) for directory, volume in brought.items() if layer.has(directory)]
    volumes = (
        _volumes(
            name,
            layer.without(brought).directories,
            engine,
        )
        if keep_data
        else ()
    )
    spec, remarks = _same_image(
        facts,
        plan,
        _with_new_volumes(facts, spec, volumes),
    )
    more = list(remarks)
    operations: list[Operation] = [
        NoteContainer(
            id=facts.id,
            name=name,
            running=facts.running,
        )
    ]
    operations += new_networks(facts, plan, engine)
    paths = (*copies, *volumes)
    vanishes = facts.spec[REMOVE] and facts.running
    kept_aside, aside = _kept_aside(
        facts, plan, kept, f"{name}-leaving-{suffix}" if vanishes else kept
    )
    more += aside
    if has_own_machine_id(facts):
        more.append("systemd gives it another machine ID, as it does in each new container")
    copied = paths if not vanishes else ()
    operations += [
        CreateVolume(
            name=volume,
            source=facts.id,
            directory=directory,
            existed=engine.volumes.exists(volume),
        )
        for directory, volume in dict.fromkeys((*copied, *brought.items()))
    ]
    if copied:
        part = CopyPart.AHEAD if facts.running else CopyPart.ALL
        operations.append(
            CopyData(
                source=facts.id,
                paths=paths,
                part=part,
            )
        )
    operations += kept_aside
    words = run_arguments(spec, "create", facts.engine.version)
    operations.append(
        CreateContainer(
            name=name,
            original=facts.id,
            arguments=words,
        )
    )
    operations += keep_owners(facts, plan, engine)
    empty = () if copied or volumes or layer.data else tuple(brought.values())
    if facts.running and not among_others:
        meanwhile, why_not = substitute(
            facts,
            spec,
            files,
            suffix=suffix,
            empty=empty,
            client=client,
        )
        operations += meanwhile
        more += why_not
    if facts.running:
        operations.append(
            StopContainer(
                id=facts.id,
                seconds=stop_timeout(facts.inspect),
                name=name,
            )
        )
    if paths and facts.running and not vanishes:
        operations.append(
            CopyData(
                source=facts.id,
                paths=paths,
                part=CopyPart.REST,
            )
        )
    if facts.running:
        operations.append(StartContainer(name=name))
    written, remarks = compose_write(facts, spec, planned)
    operations += written
    more += remarks
    if not facts.running:
        more.append("it is not running; its successor is created but not started")
    return ApplyWay(
        tuple(operations),
        original=kept,
        notes=(*notes, *more),
        restarts=facts.running,
    )


_TURNS: tuple[tuple[type[Operation], ...], ...] = (
    (NoteContainer,),
    (CreateNetwork, CreateVolume, CopyData),
    (RenameContainer, SetRestart),
    (CreateContainer, KeepOwners),
    (StopContainer,),
    (StartContainer, WaitReady),
    (WriteFile,),
    (RunProbe,),
    (ProveChanges,),
)


def together(
    ways: Sequence[tuple[Operation, ...]],
    networks: Sequence[str],
) -> tuple[Operation, ...]:
    """One transaction: those that others refer to are created and started first, and stopped last.
    On the way back, too, because that takes the operations from behind.

    Args:
        ways: of each container, with its judgement; those first that others refer to.
        networks: whose network each has: what one listens on, another one may serve, so they are
            judged when all run that have it.
    """
    turns = {kind: turn for turn, kinds in enumerate(_TURNS) for kind in kinds}
    last = {network: at for at, network in enumerate(networks)}
    last_first = (turns[NoteContainer], turns[StopContainer])

    def place(at: int, step: Operation) -> tuple[int, int, int]:
        rest = isinstance(step, CopyData) and step.part is CopyPart.REST
        turn = turns[StopContainer if rest else type(step)]
        if isinstance(step, WaitReady):  # who does not work is told before who waits for it
            return turn, last[networks[at]], 1 + len(ways) - at
        return turn, -at if turn in last_first else at, 0

    steps = [(place(at, step), step) for at, way in enumerate(ways) for step in way]
    steps.sort(key=lambda step: step[0])
    written = {step.path: step for _, step in steps if isinstance(step, WriteFile)}
    kept = (
        step for _, step in steps if not isinstance(step, WriteFile) or written[step.path] is step
    )
    return tuple(dict.fromkeys(kept))


def keep_owners(
    facts: ContainerFacts,
    plan: Plan,
    engine: ChangingEngine,
) -> tuple[KeepOwners, ...]:
    """For the volumes whose files get another owner, so that undo can give them back.

    Raises:
        CannotFix: that is only possible on the engine's machine; or others use a volume too, and
            nobody named the user.
    """
    volumes = tuple(dict.fromkeys(chowned_volumes(facts, plan.after)))
    named = any(choice.check == "root-user" and choice.parameters for choice in plan.choices)
    for volume in () if named else volumes:
        if others := [name for name in engine.containers.using(volume) if name != facts.name]:
            raise CannotFix(
                f"The files in {visible(volume, 80)} would get another owner (:U), and"
                f" {visible(', '.join(others), 200)} may no longer be able to write there.",
                (
                    "Leave root-user out, or choose its user in a plan",
                    Flag("--plan FILE"),
                    ", once the others run as that user too.",
                ),
            )
    if volumes and not engine.copying.possible:
        raise CannotFix(
            f"The files in {', '.join(visible(volume, 80) for volume in volumes)} would get another owner"
            " (:U), which can only be undone on the engine's machine.",
            "Run HardenTUI there, or leave that fix out.",
        )
    image = str(facts.inspect.get("Image") or "")
    return tuple(KeepOwners(volume=volume, image=image) for volume in volumes)


def _kept_aside(
    facts: ContainerFacts,
    plan: Plan,
    kept: str,
    renamed: str,
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
    operations.append(
        RenameContainer(
            id=facts.id,
            before=facts.name,
            after=renamed,
        )
    )
    if project := compose_project(facts.labels):
        notes.append(
            f"{kept} still belongs to the compose project {visible(project, 80)}: until you remove it, "
            "compose up or down may delete it, and compose up may recreate the container without the fixes"
        )
    policy = restart_policy(facts.inspect)
    if policy not in ("no", "") and facts.engine.version < UPDATES_RESTART:
        notes.append(
            f"{kept} keeps its restart policy {policy}: podman-restart.service would start it too"
        )
    elif policy not in ("no", ""):
        operations.append(SetRestart(id=facts.id, before=policy))
    return operations, notes


def _with_new_volumes(
    facts: ContainerFacts,
    spec: Spec,
    volumes: Sequence[tuple[str, str]],
) -> Spec:
    """With a volume at each of these directories; a tmpfs below one of them would hide its data."""
    if not volumes:
        return spec
    directories = [directory for directory, _ in volumes]
    options = options_of_new_volume(facts, spec)
    mounts = [Mount("volume", volume, directory, options) for directory, volume in volumes]
    tmpfs = [text for text in spec[TMPFS] if not is_below(text.partition(":")[0], directories)]
    return spec.with_(MOUNTS, (*spec[MOUNTS], *mounts)).with_(TMPFS, tuple(tmpfs))


def _with_fresh_volumes(
    spec: Spec,
    brought: Mapping[str, str],
    engine: ChangingEngine,
) -> tuple[Spec, dict[str, str]]:
    """With a name of its own for each volume of the plan: one that is there already holds what an
    earlier change, or somebody else, has left there."""
    fresh = {directory: _free_name(volume, engine) for directory, volume in brought.items()}
    mounts = (
        replace(mount, source=fresh[mount.destination])
        if brought.get(mount.destination) == mount.source
        else mount
        for mount in spec[MOUNTS]
    )
    return spec.with_(MOUNTS, tuple(mounts)), fresh


def _stand_in(
    facts: ContainerFacts,
    plan: Plan,
    kept: str,
) -> CreateStandIn:
    """The replacement for an original that Podman removes when it stops."""
    context = UnitContext.of(facts, facts.engine.version)
    spec, _ = _with_its_volumes(facts.spec.with_(NAME, kept), context)
    spec, _ = _same_image(
        facts,
        replace(plan, after=plan.before),
        spec,
    )
    return CreateStandIn(
        name=kept,
        original=facts.id,
        original_name=facts.name,
        seconds=stop_timeout(facts.inspect),
        arguments=run_arguments(spec, "create", facts.engine.version),
    )


def _with_its_volumes(
    spec: Spec,
    context: UnitContext,
) -> tuple[Spec, tuple[str, ...]]:
    """With its anonymous volumes, also of an original that loses them when it is removed (`--rm`):
    its stand-in holds them until then.
    """
    named, notes = with_existing(spec.without(REMOVE), context.anonymous)
    return (named.with_(REMOVE, True) if spec[REMOVE] else named), notes


def _volumes(
    name: str,
    directories: Sequence[str],
    engine: ChangingEngine,
) -> tuple[tuple[str, str], ...]:
    """(directory, new volume) for each directory."""
    return tuple(
        (
            directory,
            _free_name(volume_for(name, directory), engine),
        )
        for directory in directories
    )


def _free_name(stem: str, engine: ChangingEngine) -> str:
    names = (
        stem,
        *(f"{stem}-{number}" for number in range(2, 100)),
    )
    return next(candidate for candidate in names if not engine.volumes.exists(candidate))


def _same_image(
    facts: ContainerFacts,
    plan: Plan,
    spec: Spec,
) -> tuple[Spec, tuple[str, ...]]:
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
    facts: ContainerFacts,
    plan: Plan,
    engine: ChangingEngine,
    *,
    by_unit: bool = False,
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
            arguments=()
            if by_unit
            else network_create_arguments(name, {"name": name, "driver": "bridge"}),
            existed=engine.networks.exists(name),
        )
        for name in new
    )
