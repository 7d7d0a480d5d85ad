"""The context of a writer besides the spec: the target Podman, and related objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct, field

from hardentui.model.facts import ContainerFacts
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.model.spec import Spec
from hardentui.options.inspect.mounts import anonymous_volumes

Document = Mapping[str, Any]


class UnitContext(Struct, frozen=True):
    """The target that a container is written for."""

    version: Version = NEWEST_KNOWN  # the Podman that will read the files
    rootless: bool = False  # for a user's service manager
    unit_name: str = ""  # file name without suffix; empty = derived from the container's name
    # name -> inspect document of its user-defined networks
    networks: Mapping[str, Document] = field(default_factory=dict)
    # name -> inspect document of its named volumes
    volumes: Mapping[str, Document] = field(default_factory=dict)
    pod: Document | None = None  # inspect document of its pod; None = none, or unknown
    members: tuple[Member, ...] = ()  # the other containers of its pod, without the infra container
    anonymous: Mapping[str, str] = field(
        default_factory=dict
    )  # destination -> name of its anonymous volumes
    # name of a container -> the service that runs it, if any
    services: Mapping[str, str] = field(default_factory=dict)
    default_network: str = "podman"  # the network that always exists and needs no unit
    # when the container was created, as inspect writes it; init containers start in that order
    created: str = ""

    @classmethod
    def of(
        cls,
        facts: ContainerFacts,
        version: Version,
    ) -> UnitContext:
        """The context from a container's facts, without the other members of its pod."""
        volumes = {name: volume.inspect for name, volume in facts.volumes.items() if volume.inspect}
        return cls(
            version=version,
            rootless=facts.engine.rootless is True,
            networks={
                name: network.inspect for name, network in facts.networks.items() if network.inspect
            },
            volumes=volumes,
            pod=facts.pod,
            anonymous=anonymous_volumes(facts.inspect, volumes),
            default_network=facts.engine.default_network,
            created=str(facts.inspect.get("Created") or ""),
        )


class Member(NamedTuple):
    """Another container of a pod, unchanged, with its context."""

    spec: Spec
    context: UnitContext
