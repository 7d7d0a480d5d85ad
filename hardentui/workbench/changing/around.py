"""What is around a container when its files are written: the other members of its pod, the services."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from hardentui.engine.read import Engine
from hardentui.errors import EngineError
from hardentui.model.facts import ContainerFacts
from hardentui.workbench.looking.gather import Gatherer


class Around(Struct, frozen=True):
    """The surroundings of one container.

    Attributes:
        members: the other containers of its pod, without the infra container.
        services: name of a container of its engine -> the service that it says it runs from.
    """

    members: tuple[ContainerFacts, ...] = ()
    services: Mapping[str, str] = field(default_factory=dict)


def members_of(
    facts: ContainerFacts,
    engine: Engine,
    gatherer: Gatherer,
    known: Callable[[str], ContainerFacts | None],
) -> tuple[ContainerFacts, ...]:
    """The other containers of its pod; one that does not answer is left out, and the writer tells of it.

    Args:
        known: id -> facts that were read before.
    """
    pod = facts.pod or {}
    own = ("", facts.id, str(pod.get("InfraContainerID") or ""))
    found = []
    for one in pod.get("Containers") or ():
        identity = str(one.get("Id") or "")
        if identity in own:
            continue
        member = known(identity)
        if member is None:
            try:
                member = gatherer.container(engine.inspect(identity))
            except EngineError:
                continue
        found.append(member)
    return tuple(found)
