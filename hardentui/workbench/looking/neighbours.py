"""The containers that are written along with one."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from hardentui.model.facts import ContainerFacts


class Neighbours(Struct, frozen=True):
    """The containers that are written along with one.

    Attributes:
        members: the other containers of its pod, without the infra container.
        services: name of a container of its engine -> the service that its label names.
    """

    members: tuple[ContainerFacts, ...] = ()
    services: Mapping[str, str] = field(default_factory=dict)
