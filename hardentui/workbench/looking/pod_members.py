"""The other containers of a pod: they are written along with one of them."""

from __future__ import annotations

from collections.abc import Callable

from hardentui.engine.read import Engine
from hardentui.errors import EngineError
from hardentui.model.facts import ContainerFacts
from hardentui.workbench.looking.gather import Gatherer


def pod_members(
    facts: ContainerFacts,
    engine: Engine,
    gatherer: Gatherer,
    known: Callable[[str], ContainerFacts | None],
) -> tuple[ContainerFacts, ...]:
    """The other containers of its pod; one that does not answer is left out, and the writer reports it.

    Args:
        known: ID -> facts that were already read.
    """
    pod = facts.pod or {}
    without = ("", facts.id, str(pod.get("InfraContainerID") or ""))
    members = []
    for listed in pod.get("Containers") or ():
        identity = str(listed.get("Id") or "")
        if identity in without:
            continue
        member = known(identity)
        if member is None:
            try:
                member = gatherer.container(engine.inspect(identity))
            except EngineError:
                continue
        members.append(member)
    return tuple(members)
