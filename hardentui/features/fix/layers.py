"""What a container has in its writable layer, and where it goes with a plan."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread, known
from hardentui.model.plan import Plan
from hardentui.options import *
from hardentui.reading.layer import MACHINE_ID, LayerData, layer_data, mount_points
from hardentui.visible import visible

_SHOWN_FILES = 5


def layer_of(facts: ContainerFacts) -> LayerData:
    """The files that are nowhere else; none if its changes are unknown."""
    changes = known(lambda: facts.changes)
    if isinstance(changes, Unread):
        return LayerData()
    tmpfs = (facts.inspect.get("HostConfig") or {}).get("Tmpfs") or {}
    return layer_data(changes, [*mount_points(facts), *tmpfs])


def has_own_machine_id(facts: ContainerFacts) -> bool:
    """Whether systemd wrote a machine ID into its layer; no if its changes are unknown."""
    changes = known(lambda: facts.changes)
    if isinstance(changes, Unread):
        return False
    written = any(change.path == MACHINE_ID and change.kind != "deleted" for change in changes)
    return written and MACHINE_ID not in mount_points(facts)


def new_volumes(plan: Plan) -> dict[str, str]:
    """Path in the container -> named volume, for the volumes that the plan adds."""
    known = {mount.destination for mount in plan.before[MOUNTS]}
    return {
        mount.destination: mount.source
        for mount in plan.after[MOUNTS]
        if mount.type == "volume" and mount.source and mount.destination not in known
    }


def only_new_volumes(plan: Plan) -> Plan | None:
    """The part of a plan that adds volumes; None if it adds none."""
    added = new_volumes(plan)
    if not added:
        return None
    mounts = (mount for mount in plan.after[MOUNTS] if mount.destination in added)
    after = plan.before.with_(MOUNTS, (*plan.before[MOUNTS], *mounts))
    return replace(plan, after=after)


def brought(
    facts: ContainerFacts,
    plan: Plan,
) -> tuple[tuple[str, str], ...]:
    """(directory, volume) where a volume of the plan succeeds data in the layer. With a user
    namespace of its own, the owners of its files have other numbers outside: then none.
    """
    own_ids = (facts.inspect.get("HostConfig") or {}).get("IDMappings")
    if facts.spec[REMOVE] or own_ids:
        return ()
    layer = layer_of(facts)
    return tuple(pair for pair in new_volumes(plan).items() if layer.has(pair[0]))


def only_in_layer(
    facts: ContainerFacts,
    copied: Sequence[tuple[str, str]] = (),
) -> str:
    """The files that only it has, in words; empty if there are none, or if it loses them at each
    stop.
    `copied`: as of `brought`.
    """
    if facts.spec[REMOVE]:
        return ""
    if isinstance(known(lambda: facts.changes), Unread):
        return "what it wrote into its own layer (podman diff shows it)"
    data = [visible(path, 80) for path in layer_of(facts).without(dict(copied)).data]
    more = f" and {len(data) - _SHOWN_FILES} more" if len(data) > _SHOWN_FILES else ""
    return ", ".join(data[:_SHOWN_FILES]) + more
