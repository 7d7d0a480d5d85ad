"""Propose separate networks for applications that share one, and a route out only for those that
need it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from hardentui.model.application_labels import app_of
from hardentui.model.draft import TextFile
from hardentui.model.facts import ContainerFacts, NetworkFacts
from hardentui.model.file_names import safe_file_name
from hardentui.model.network_split import NewNetwork, SeenWay
from hardentui.model.podman_version import Version
from hardentui.options import NETWORK
from hardentui.reading.containers import is_infra, pod_of
from hardentui.reading.networks import published, uses_network_of_pod
from hardentui.reading.vendors import application_by_vendor
from hardentui.systemd.command_line import plain
from hardentui.systemd.unit_text import Unit
from hardentui.words import plural

_OWN_NAMES = Version(4, 7)


class SeenContacts(Struct, frozen=True):
    """The contacts of a container while it was watched."""

    # it contacted something other than a container of this engine or the host, or that is unknown
    outside: bool = False
    containers: frozenset[str] = frozenset()  # names of other containers of its engine


Watched = Mapping[str, Mapping[str, SeenContacts]]
"""Engine label -> name of a container -> its calls."""


class Move(Struct, frozen=True):
    """The changes for one container."""

    container: str
    leaves: str  # name of the network
    joins: tuple[str, ...]  # names of the networks instead
    minds: tuple[str, ...] = ()  # warnings about what may break, one sentence each


class Split(Struct, frozen=True):
    """The proposal for one network."""

    network: str
    engine: str
    rootless: bool
    why: str  # what is wrong with it as it is
    networks: tuple[NewNetwork, ...]
    moves: tuple[Move, ...]
    files: tuple[TextFile, ...]  # units of the proposed networks, and drop-ins
    seen: tuple[SeenWay, ...] = ()  # which of its members contacted which


def splits(
    networks: Iterable[NetworkFacts],
    containers: Iterable[ContainerFacts],
    watched: Watched | None = None,
) -> tuple[Split, ...]:
    """Proposals for the networks that can be split.

    Args:
        watched: None = nothing was watched.
    """
    networks, containers = tuple(networks), tuple(containers)
    proposals = []
    for network in networks:
        if str(network.inspect.get("driver") or "bridge") != "bridge" or network.inspect.get(
            "internal"
        ):
            continue
        here = [
            container
            for container in containers
            if container.engine.label == network.engine.label
            and network.name in container.networks
            and not uses_network_of_pod(container)
        ]
        taken = {other.name for other in networks if other.engine.label == network.engine.label}
        seen = None if watched is None else watched.get(network.engine.label, {})
        split = _split(network, here, seen, taken)
        if split is not None:
            proposals.append(split)
    return tuple(proposals)


def _split(
    network: NetworkFacts,
    here: Sequence[ContainerFacts],
    seen: Mapping[str, SeenContacts] | None,
    taken: Collection[str],
) -> Split | None:
    if seen is not None:
        names = {container.name for container in here}
        # a container on another network is reached through the host
        seen = {
            name: SeenContacts(
                calls.outside or not calls.containers <= names,
                calls.containers,
            )
            for name, calls in seen.items()
        }
    groups = _groups(here, seen)
    made: list[NewNetwork] = []
    moves: list[Move] = []
    for name, members in groups.items():
        new = _networks(_free(name, taken), members, seen)
        if len(groups) == 1 and (len(new) == 1 and not new[0].internal):
            return None  # a single application that needs the outside: there is nothing to split
        made += new
        parted = len(here) - len(members)
        moves += [
            _move(
                member,
                network.name,
                new,
                seen,
                parted,
            )
            for member in members
        ]
    if not made:
        return None
    several = len(groups) > 1
    why = (
        f"{len(groups)} applications share it and can reach each other"
        if several
        else "members that need no route out have one"
    )
    version = network.engine.version
    return Split(
        network=network.name,
        engine=network.engine.label,
        rootless=network.engine.rootless is True,
        why=why,
        networks=tuple(made),
        moves=tuple(moves),
        files=tuple(_unit(new, network.name, version) for new in made),
        seen=_seen_ways(here, seen or {}),
    )


def _seen_ways(
    here: Sequence[ContainerFacts],
    seen: Mapping[str, SeenContacts],
) -> tuple[SeenWay, ...]:
    names = [container.name for container in here]
    return tuple(
        SeenWay(caller, called)
        for caller in names
        for called in names
        if caller in seen and called in seen[caller].containers
    )


def _groups(
    here: Sequence[ContainerFacts],
    seen: Mapping[str, SeenContacts] | None,
) -> dict[str, list[ContainerFacts]]:
    """The applications; those that were seen to talk to each other are kept together."""
    names = {container.name: _group(container) for container in here}
    for caller, calls in (seen or {}).items():
        for called in calls.containers:
            if caller in names and called in names and names[caller] != names[called]:
                kept, dropped = sorted((names[caller], names[called]))
                names.update({name: kept for name, group in names.items() if group == dropped})
    groups: dict[str, list[ContainerFacts]] = {}
    for container in here:
        groups.setdefault(names[container.name], []).append(container)
    return groups


def _group(facts: ContainerFacts) -> str:
    """Its application, else its pod, else itself."""
    pod = str((facts.pod or {}).get("Name") or pod_of(facts))
    return app_of(facts.labels) or application_by_vendor(facts) or pod or facts.name


def _free(name: str, taken: Collection[str]) -> str:
    """A name stem that Podman accepts and no network uses."""
    stem = safe_file_name(name).strip("._-")[:60] or "app"
    number = 1
    tried = stem
    while {f"{tried}-front", f"{tried}-back"} & {*taken}:
        number += 1
        tried = f"{stem}-{number}"
    return tried


def _needs_outside(
    facts: ContainerFacts,
    seen: Mapping[str, SeenContacts] | None,
) -> bool:
    """It publishes a port, or was seen to contact the outside."""
    calls = (seen or {}).get(facts.name)
    return bool(published(facts)) or (calls is not None and calls.outside)


def _networks(
    stem: str,
    members: Sequence[ContainerFacts],
    seen: Mapping[str, SeenContacts] | None,
) -> tuple[NewNetwork, ...]:
    """`front` with a route out for those that need one, `back` without one for the whole
    application."""
    front = tuple(member.name for member in members if _needs_outside(member, seen))
    everybody = tuple(member.name for member in members)
    made = (
        [
            NewNetwork(
                f"{stem}-front",
                front,
                internal=False,
                isolated=True,
            )
        ]
        if front
        else []
    )
    if len(front) < len(members):
        made.append(
            NewNetwork(
                f"{stem}-back",
                everybody,
                internal=True,
                isolated=False,
            )
        )
    return tuple(made)


def _move(
    facts: ContainerFacts,
    leaves: str,
    networks: Sequence[NewNetwork],
    seen: Mapping[str, SeenContacts] | None,
    parted: int,
) -> Move:
    joins = tuple(network.name for network in networks if facts.name in network.members)
    minds = []
    evidence = (
        "its connections have not been watched"
        if seen is None
        else "no such connection was seen while it was watched"
    )
    if not _needs_outside(facts, seen):
        minds.append(f"it loses its route to the outside; {evidence}")
    if parted:
        minds.append(
            f"it does not reach {plural(parted, 'other container')} of {leaves} any more; {evidence}"
        )
    options = [
        word.partition(":")[2] for word in facts.spec[NETWORK] if word.partition(":")[0] == leaves
    ]
    if any("ip=" in word or "ip6=" in word or "mac=" in word for word in options):
        minds.append(f"its fixed address on {leaves} is lost")
    if any("alias=" in word for word in options):
        minds.append("its aliases must be set again on the new networks")
    if is_infra(facts):
        minds.append("the networks of a pod are set when the pod is created")
    return Move(
        facts.name,
        leaves,
        joins,
        tuple(minds),
    )


def _unit(
    network: NewNetwork,
    before: str,
    version: Version,
) -> TextFile:
    unit = Unit(f"{network.name}.network")
    unit.comments.append(f"Instead of {before}, for {', '.join(network.members)}.")
    if network.internal:
        unit.comments.append("No route out.")
    else:
        unit.comments.append("Isolated: other isolated networks of the host cannot reach it.")
    if version >= _OWN_NAMES:
        unit.add("Network", "NetworkName", plain(network.name))
    if network.internal:
        unit.add("Network", "Internal", "true")
    if network.isolated:
        unit.add("Network", "Options", "isolate=true")
    return TextFile(unit.name, unit.text())


def lines_of(move: Move) -> tuple[str, ...]:
    """The lines of a Quadlet for a move."""
    return tuple(f"Network={name}.network" for name in move.joins)
