"""The stack of a container: what has to be taken over together with it, or the rest would break.

That is its pod, its compose project, the containers that it needs and those that need it, and so on
from each of them. Those refer to each other by ID, so none can be replaced alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from hardentui.engine.shapes import Listed
from hardentui.model.application_labels import compose_project
from hardentui.model.facts import ContainerFacts
from hardentui.options import INIT_CTR
from hardentui.reading.containers import own_unit_of
from hardentui.writers.needed import needed_containers

T = TypeVar("T")
_RUNNING = frozenset({"running", "paused", "stopping"})
_SET_ASIDE = re.compile(r"(?s)(.+)-before(-[0-9a-f]{4}|-[0-9]+)?")


def stack_of(
    facts: ContainerFacts,
    listed: Sequence[Listed],
    inspect: Callable[[str], Mapping[str, Any]],
    read: Callable[[str], ContainerFacts | None],
) -> tuple[tuple[ContainerFacts, ...], Mapping[str, str]]:
    """The other containers of its stack, and name -> service of those outside that a unit of their
    own runs.

    Args:
        listed: all containers of its engine.
        inspect: ID -> inspect document; empty if Podman does not answer.
        read: ID -> facts; None if it is gone.
    """
    names = {container.name for container in listed}
    others = [other for other in listed if not other.is_infra and not is_set_aside(other, names)]
    needs = {other.id: _needs(inspect(other.id)) for other in others}
    stack, queue, seen = dict[str, ContainerFacts](), [facts], {facts.id}
    services: dict[str, str] = {}
    while queue:
        current = queue.pop(0)
        of_pod = str(current.inspect.get("Pod") or "")
        project = compose_project(current.labels)
        mine = {
            *needs.get(current.id, ()),
            *needed_containers(current.spec),
        }
        for other in others:
            together = bool(of_pod) and other.pod == of_pod
            related = (
                together
                or (bool(project) and compose_project(other.labels) == project)
                or not mine.isdisjoint((other.id, other.name))
                or not needs[other.id].isdisjoint((current.id, current.name))
            )
            if not related or other.id in seen:
                continue
            seen.add(other.id)
            member = read(other.id)
            if member is None:
                continue
            if (unit := own_unit_of(member)) and not together:
                services[member.name] = unit
                continue
            stack[member.id] = member
            queue.append(member)
    return tuple(stack.values()), services


def stacks(
    containers: Iterable[tuple[T, ContainerFacts | None]],
    *,
    units: bool = True,
) -> list[list[T]]:
    """Those together that belong together: one pod, one compose project, references by ID.

    Args:
        units: those too that run from a unit of their own.
    """
    groups: list[tuple[set[str], list[T]]] = []
    for container, facts in containers:
        tied = facts is not None and (units or not own_unit_of(facts))
        ties, members = _ties(facts) if facts is not None and tied else set[str](), [container]
        for group in [group for group in groups if not group[0].isdisjoint(ties)]:
            groups.remove(group)
            ties, members = ties | group[0], [*group[1], *members]
        groups.append((ties, members))
    return [members for _, members in groups]


def _ties(facts: ContainerFacts) -> set[str]:
    project = compose_project(facts.labels)
    names = (
        facts.id,
        str(facts.inspect.get("Pod") or ""),
        project and f"{facts.engine.label}/{project}",
    )
    return {*(facts.inspect.get("Dependencies") or ()), *names} - {""}


def is_set_aside(container: Listed, names: Collection[str]) -> bool:
    """Whether it is what an earlier change has kept: stopped, beside the container that took its
    name."""
    known = _SET_ASIDE.fullmatch(container.name)
    return known is not None and container.state not in _RUNNING and known[1] in names


def in_start_order(containers: Sequence[ContainerFacts]) -> tuple[ContainerFacts, ...]:
    """Each after those that it needs, and after the init containers of its pod; else the oldest
    first."""
    by_age = sorted(
        containers,
        key=lambda facts: (
            facts.spec[INIT_CTR] == "",
            _created(facts),
            facts.name,
        ),
    )
    by_name = {facts.name: facts for facts in by_age}
    ordered: dict[str, ContainerFacts] = {}
    begun: set[str] = set()

    def add(facts: ContainerFacts) -> None:
        if facts.name in begun:
            return
        begun.add(facts.name)
        for name in needed_containers(facts.spec):
            if name in by_name:
                add(by_name[name])
        ordered[facts.name] = facts

    for facts in by_age:
        add(facts)
    return tuple(ordered.values())


def dependents_of(
    facts: ContainerFacts,
    containers: Sequence[ContainerFacts],
) -> tuple[ContainerFacts, ...]:
    """Those that need it, directly or through another one, in the order in which they start."""
    names = {facts.name}
    dependents = []
    for other in in_start_order((facts, *containers)):
        if other.id != facts.id and not names.isdisjoint(needed_containers(other.spec)):
            names.add(other.name)
            dependents.append(other)
    return tuple(dependents)


def _needs(document: Mapping[str, Any]) -> frozenset[str]:
    """IDs and names of the containers that it refers to."""
    givers = (document.get("HostConfig") or {}).get("VolumesFrom") or ()
    return frozenset(
        [
            *(document.get("Dependencies") or ()),
            *(str(giver).partition(":")[0] for giver in givers),
        ]
    )


def _created(facts: ContainerFacts) -> str:
    return str(facts.inspect.get("Created") or "")
