"""Which operations bring a plan to a container: in place of it, through its unit, or while it runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from hardentui.change.container_operator import restart_policy
from hardentui.change.file_operator import planned_writes
from hardentui.change.unit_operator import note_unit
from hardentui.engine.change.changing import ChangingEngine
from hardentui.errors import CannotFix
from hardentui.host.files.reader import Files
from hardentui.model.draft import Draft
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unreadable
from hardentui.model.operations import (
    CopyData,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    LimitsBefore,
    NoteContainer,
    NoteUnit,
    Operation,
    ReloadUnits,
    RenameContainer,
    RestartUnit,
    SetRestart,
    StartContainer,
    StartUnits,
    StopContainer,
    UpdateContainer,
    WriteFile,
)
from hardentui.model.plan import Plan
from hardentui.model.spec import Spec
from hardentui.model.version import Version
from hardentui.options import BY_NAME, IMAGE, MOUNTS, NAME, NETWORK, PULL, REMOVE, ROOTFS, TMPFS, Mount
from hardentui.reading.layer_data import LayerData, is_below
from hardentui.visible import visible
from hardentui.workbench.changing.unit_origin import Origin
from hardentui.writers.anonymous import with_existing
from hardentui.writers.context import UnitContext
from hardentui.writers.file_name import safe_file_name
from hardentui.writers.run_script import run_arguments
from hardentui.writers.supporting import network_create_arguments, network_name

_LIVE = frozenset(
    {
        "memory",
        "memory-swap",
        "memory-reservation",
        "cpus",
        "cpu-quota",
        "cpu-period",
        "cpu-shares",
        "pids-limit",
        "restart",
    }
)
_UPDATES_RESTART = Version(5, 1)
_STOP_TIMEOUT = 10
_RESTART_SECONDS = 60.0


class Way(Struct, frozen=True):
    """How a plan comes to a container.

    Attributes:
        operations: what is done before the service is judged; `afterwards`: what is done then.
        original: the name under which the original is kept.
        notes: what has to be known of it.
        restarts: the service is down for a moment.
    """

    operations: tuple[Operation, ...]
    afterwards: tuple[Operation, ...] = ()
    original: str | None = None
    notes: tuple[str, ...] = ()
    restarts: bool = True


def live_flags(plan: Plan, version: Version) -> tuple[str, ...]:
    """The flags of `podman update` that make all of the plan; empty when it needs a new container."""
    flags = []
    for change in plan.changes:
        if change.option not in _LIVE or len(change.after) != 1 or not change.after[0]:
            return ()
        if change.option == "restart" and version < _UPDATES_RESTART:
            return ()
        flags.append(f"{BY_NAME[change.option].flag}={change.after[0]}")
    return tuple(flags)


def update_way(facts: ContainerFacts, flags: Sequence[str], before: Sequence[Operation] = ()) -> Way:
    """Change limits of the container while it runs.

    Args:
        before: what is written first, where it runs from a unit.
    """
    host: Mapping[str, Any] = facts.inspect.get("HostConfig") or {}
    limits = LimitsBefore(
        memory=int(host.get("Memory") or 0),
        memory_swap=int(host.get("MemorySwap") or 0),
        memory_reservation=int(host.get("MemoryReservation") or 0),
        cpu_quota=int(host.get("CpuQuota") or 0),
        cpu_period=int(host.get("CpuPeriod") or 0),
        cpu_shares=int(host.get("CpuShares") or 0),
        pids=int(host.get("PidsLimit") or 0),
        restart=restart_policy(facts.inspect),
    )
    update = UpdateContainer(id=facts.id, arguments=tuple(flags), before=limits)
    return Way((*before, update), restarts=False)


def unit_way(facts: ContainerFacts, origin: Origin, draft: Draft, live: Sequence[str]) -> Way:
    """Change the files of its unit, and restart it where that is needed.

    Args:
        live: flags that change the running container without a restart.

    Raises:
        CannotFix: systemd does not run here, or the unit cannot hold all of the plan.
        WriteError: a file cannot be read.
    """
    if not os.path.isdir("/run/systemd/system"):
        raise CannotFix(
            f"{visible(facts.name, 80)} runs from {visible(origin.unit, 80)}, but systemd does not run here.",
            "Apply it on the machine whose systemd starts it.",
        )
    if draft.left_out:
        raise CannotFix(
            f"{visible(origin.unit, 80)} cannot hold all of it: {' '.join(draft.left_out)}",
            "Leave these fixes out of the plan.",
        )
    uid = origin.manager.uid if origin.manager.rootless else None
    writes: tuple[WriteFile, ...] = planned_writes(
        [(file.path, file.text, file.mode) for file in draft.files]
    )
    noted: NoteUnit = note_unit(origin.unit, uid)
    files: tuple[Operation, ...] = (noted, *writes, ReloadUnits(uid=uid))
    if live and facts.running:
        return update_way(facts, live, files)
    if not noted.active:
        return Way(
            files, notes=(f"{visible(origin.unit, 80)} does not run; it is not started",), restarts=False
        )
    restart = RestartUnit(unit=origin.unit, uid=uid, seconds=_RESTART_SECONDS + stop_timeout(facts))
    back = (StartUnits(units=noted.dependents, uid=uid),) if noted.dependents else ()
    return Way((*files, restart), back)


def replace_way(
    facts: ContainerFacts,
    plan: Plan,
    engine: ChangingEngine,
    files: Files,
    *,
    suffix: str,
    layer: LayerData,
    keep_data: bool,
) -> Way:
    """Create the container anew under its name; the original is renamed, stopped and kept.

    Args:
        suffix: of the name under which the original is kept.
        layer: what it wrote into its own layer. What is below a volume that the plan brings is copied there.
        keep_data: copy the rest into volumes of their own.

    Raises:
        CannotFix: it cannot be replaced without losing something; says what.
    """
    _refuse_replacing(facts, engine)
    name, kept = facts.name, f"{facts.name}-before-{suffix}"
    context = UnitContext.of(facts, facts.engine.version)
    spec, notes = with_existing(plan.after.with_(NAME, name), context.anonymous)
    brought = new_volumes(plan)
    copies = [one for one in brought.items() if any(is_below(path, one[:1]) for path in layer.data)]
    volumes = _volumes(name, layer.without(brought).folders, engine) if keep_data else ()
    if volumes:
        folders = [folder for folder, _ in volumes]
        mounts = [Mount("volume", volume, folder) for folder, volume in volumes]
        tmpfs = [text for text in spec[TMPFS] if not is_below(text.partition(":")[0], folders)]
        spec = spec.with_(MOUNTS, (*spec[MOUNTS], *mounts)).with_(TMPFS, tuple(tmpfs))
    spec, more = _same_image(facts, plan, spec)
    policy = restart_policy(facts.inspect)
    operations: list[Operation] = [NoteContainer(id=facts.id, name=name, running=facts.running)]
    operations += _networks(facts, plan)
    operations.append(RenameContainer(id=facts.id, before=name, after=kept))
    if policy not in ("no", ""):
        if facts.engine.version < _UPDATES_RESTART:
            more = (
                *more,
                f"{kept} keeps its restart policy {policy}: podman-restart.service would start it too",
            )
        else:
            operations.append(SetRestart(id=facts.id, before=policy))
    operations += [CreateVolume(name=volume) for _, volume in volumes]
    words = run_arguments(spec, "create")
    operations.append(CreateContainer(name=name, original=facts.id, arguments=words))
    if facts.running:
        operations.append(StopContainer(id=facts.id, seconds=stop_timeout(facts)))
    if copies or volumes:
        operations.append(CopyData(source=facts.id, paths=(*copies, *volumes)))
    if facts.running:
        operations.append(StartContainer(name=name))
    else:
        more = (*more, "it does not run; its successor is created and not started")
    return Way(tuple(operations), original=kept, notes=(*notes, *more), restarts=facts.running)


def new_volumes(plan: Plan) -> dict[str, str]:
    """Where in the container -> which named volume, for those that the plan brings."""
    known = {mount.destination for mount in plan.before[MOUNTS]}
    return {
        mount.destination: mount.source
        for mount in plan.after[MOUNTS]
        if mount.type == "volume" and mount.source and mount.destination not in known
    }


def stop_timeout(facts: ContainerFacts) -> int:
    """Seconds that the container has to stop."""
    given = (facts.inspect.get("Config") or {}).get("StopTimeout")
    return _STOP_TIMEOUT if given is None else int(given)


def _refuse_replacing(facts: ContainerFacts, engine: ChangingEngine) -> None:
    shown = visible(facts.name, 80)
    if facts.inspect.get("IsInfra"):
        raise CannotFix(f"{shown} only holds a pod together and is not created anew.")
    if facts.spec[REMOVE]:
        raise CannotFix(
            f"{shown} was started with --rm: stopped, it would be gone, and nothing could be kept.",
            "Start it without --rm, or let a Quadlet run it: hardentui convert NAME --to quadlet",
        )
    if facts.spec.unknowable:
        flags = ", ".join(sorted({option.flag for option in facts.spec.unknowable}))
        raise CannotFix(
            f"Podman does not tell of {shown} whether these were given, so they would be lost: {flags}",
            "Run HardenTUI on the engine's machine as its user, where Podman's own record can be read.",
        )
    dependents = [
        visible(str(document.get("Name")), 80)
        for listed in engine.engine.listed()
        if listed.id != facts.id
        and facts.id in ((document := engine.containers.inspect(listed.id)).get("Dependencies") or ())
    ]
    if dependents:
        raise CannotFix(
            f"Other containers stand on {shown} (its namespaces, or --requires): {', '.join(dependents)}.",
            "They are bound to its id and would have to be created anew too; it is not replaced.",
        )


def _volumes(name: str, folders: Sequence[str], engine: ChangingEngine) -> tuple[tuple[str, str], ...]:
    """(folder, new volume) for each folder."""
    found: list[tuple[str, str]] = []
    for folder in folders:
        stem = safe_file_name(f"{name}-{folder.strip('/').replace('/', '-')}") + "-data"
        names = (stem, *(f"{stem}-{number}" for number in range(2, 100)))
        found.append((folder, next(one for one in names if not engine.volumes.exists(one))))
    return tuple(found)


def _same_image(facts: ContainerFacts, plan: Plan, spec: Spec) -> tuple[Spec, tuple[str, ...]]:
    """The same image as today, also where its name stands for another one by now."""
    if spec[ROOTFS] or plan.before[IMAGE] != plan.after[IMAGE]:
        return spec, ()
    spec = spec.with_(PULL, "never")
    today = str(facts.inspect.get("Image") or "")
    ids = facts.image_ids
    resolved = "" if isinstance(ids, Unreadable) else ids.get(spec[IMAGE], "")
    if not today or resolved.removeprefix("sha256:") == today.removeprefix("sha256:"):
        return spec, ()
    note = (
        f"{visible(spec[IMAGE], 120)} is another image by now; the one that it runs from is kept, by its id"
    )
    return spec.with_(IMAGE, today), (note,)


def _networks(facts: ContainerFacts, plan: Plan) -> list[Operation]:
    """The networks that the plan brings."""
    wanted = dict.fromkeys(network_name(argument) for argument in plan.after[NETWORK])
    before = {network_name(argument) for argument in plan.before[NETWORK]}
    new = [name for name in wanted if name and name not in facts.networks and name not in before]
    return [
        CreateNetwork(
            name=name,
            arguments=tuple(network_create_arguments(name, {"name": name, "driver": "bridge"})),
        )
        for name in new
    ]
