"""What a container has in its writable layer."""

from __future__ import annotations

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unreadable
from hardentui.options import REMOVE
from hardentui.reading.layer_data import LayerData, layer_data
from hardentui.visible import visible

_SHOWN_FILES = 5


def layer_of(facts: ContainerFacts) -> LayerData:
    """The files that are nowhere else; none if its changes are unknown."""
    if isinstance(facts.changes, Unreadable):
        return LayerData()
    mounts = [str(mount.get("Destination") or "") for mount in facts.inspect.get("Mounts") or ()]
    tmpfs = (facts.inspect.get("HostConfig") or {}).get("Tmpfs") or {}
    return layer_data(facts.changes, [*mounts, *tmpfs])


def only_in_layer(facts: ContainerFacts) -> str:
    """The files that only it has, in words; empty if there are none, or if it loses them at each stop."""
    if facts.spec[REMOVE]:
        return ""
    if isinstance(facts.changes, Unreadable):
        return "what it wrote into its own layer (podman diff shows it)"
    data = [visible(path, 80) for path in layer_of(facts).data]
    more = f" and {len(data) - _SHOWN_FILES} more" if len(data) > _SHOWN_FILES else ""
    return ", ".join(data[:_SHOWN_FILES]) + more
