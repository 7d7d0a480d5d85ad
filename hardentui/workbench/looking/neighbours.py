"""What is written along with a container."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from hardentui.model.facts import ContainerFacts


class Neighbours(Struct, frozen=True):
    """What is written along with a container.

    Attributes:
        members: the other containers of its pod, without the infra container.
        services: name of a container of its engine -> the service that it says it runs from.
    """

    members: tuple[ContainerFacts, ...] = ()
    services: Mapping[str, str] = field(default_factory=dict)
