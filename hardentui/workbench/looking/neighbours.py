"""The containers that are written along with one."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from hardentui.model.facts import ContainerFacts


class Neighbours(Struct, frozen=True):
    """The containers that are written along with one.

    Attributes:
        members: the other containers of its pod or of its stack, without infra containers.
        services: name of a container outside -> the service that runs it.
        names: of all containers of its engine.
    """

    members: tuple[ContainerFacts, ...] = ()
    services: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
