"""What a container has in its writable layer."""

from __future__ import annotations

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unreadable
from hardentui.reading.layer_data import LayerData, layer_data


def layer_of(facts: ContainerFacts) -> LayerData:
    """The files that are nowhere else; none if its changes are unknown."""
    if isinstance(facts.changes, Unreadable):
        return LayerData()
    mounts = [str(mount.get("Destination") or "") for mount in facts.inspect.get("Mounts") or ()]
    tmpfs = (facts.inspect.get("HostConfig") or {}).get("Tmpfs") or {}
    return layer_data(facts.changes, [*mounts, *tmpfs])
