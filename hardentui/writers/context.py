"""What a writer has to know besides the spec: the Podman that will read it, and what is around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hardentui.model.facts import ContainerFacts
from hardentui.model.version import NEWEST_KNOWN, Version

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UnitContext:
    """Where a container is going to be written for.

    Attributes:
        version: the Podman that will read the units.
        rootless: for a user's service manager.
        unit_name: file name without suffix; empty = made from the container's name.
        networks: name -> inspect document of the user-defined networks that it is on.
        volumes: name -> inspect document of the named volumes that it mounts.
        pod: inspect document of its pod; None = not in one, or not known.
        default_network: a network that always exists and needs no unit.
    """

    version: Version = NEWEST_KNOWN
    rootless: bool = False
    unit_name: str = ""
    networks: Mapping[str, Document] = field(default_factory=dict)
    volumes: Mapping[str, Document] = field(default_factory=dict)
    pod: Document | None = None
    default_network: str = "podman"

    @classmethod
    def of(cls, facts: ContainerFacts, version: Version) -> UnitContext:
        """The context that a container's facts give."""
        return cls(
            version=version,
            rootless=facts.engine.rootless is True,
            networks={name: network.inspect for name, network in facts.networks.items() if network.inspect},
            volumes={name: volume.inspect for name, volume in facts.volumes.items() if volume.inspect},
            default_network=facts.engine.default_network,
        )
