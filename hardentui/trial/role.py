"""The part that a twin plays in a trial, and what it is created from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from msgspec import Struct, field

from hardentui.model.facts import ContainerFacts
from hardentui.model.spec import Spec
from hardentui.model.trial import Lack


class HostPlace(StrEnum):
    """The kind of a host path.

    TREE: a directory that holds the engine's own storage, on which no copy-on-write mount is possible.
    OTHER: a pipe or device, or unknown.
    """

    DIRECTORY = "directory"
    TREE = "tree"
    FILE = "file"
    SOCKET = "socket"
    OTHER = "other"


class Role(Struct, frozen=True):
    """The replacements that make a twin harmless.

    Attributes:
        name: of the twin.
        labels: instead of the original's labels, which control proxies, updates and services.
        networks: those of the trial that it joins -> its address there; empty = none is needed.
        outside: they have a route out, and a name server.
        hosts: `name:address` of the other twins.
        local: the engine is on this machine.
        pod: of the trial; empty = the twin is in none.
        twins: name or id of a container -> its twin, for containers tried together.
        granted: what the user gives it all the same, `OPTION` or `OPTION=ENTRY`.
        views: this engine can mount directories read-only through an overlay; otherwise they are copied.
        copy_volumes: copy even where a copy-on-write mount would do.
        empty_volumes: writable volumes start empty.
    """

    name: str
    labels: tuple[str, ...]
    networks: Mapping[str, str] = {}
    outside: bool = False
    hosts: tuple[str, ...] = ()
    local: bool = True
    pod: str = ""
    twins: Mapping[str, str] = {}
    granted: frozenset[str] = frozenset()
    views: bool = True
    copy_volumes: bool = False
    empty_volumes: bool = False


class Case(Struct):
    """One container that becomes harmless.

    Attributes:
        place_of: returns the kind of a host path.
        lacks: collects what the twin lacks.
    """

    facts: ContainerFacts
    role: Role
    place_of: Callable[[str], HostPlace]
    lacks: list[Lack] = field(default_factory=list)

    def grants(self, option: str, *entries: str) -> bool:
        """Whether the user gives the twin this option, or an entry of it."""
        wanted = {option, *(f"{option}={entry}" for entry in entries if entry)}
        return bool(wanted & self.role.granted)


class Filling(StrEnum):
    """How a volume of a trial gets its content.

    VIEW: it is a read-only overlay over the source: nothing is copied, no socket or pipe in it is alive.
    FILE: it holds a copy of one file.
    """

    EMPTY = "empty"
    COPY = "copy"
    VIEW = "view"
    FILE = "file"


class TwinVolume(Struct, frozen=True):
    """A volume to make before the twin is created.

    Attributes:
        source: name of a volume, or absolute path.
    """

    name: str
    filling: Filling = Filling.EMPTY
    source: str = ""


class Harmless(Struct, frozen=True):
    """What a twin is created from.

    Attributes:
        volumes: to create first. The mount of a copied file has the name of its volume as source.
        lacks: what the twin lacks compared with the original.
    """

    spec: Spec
    volumes: tuple[TwinVolume, ...] = ()
    lacks: tuple[Lack, ...] = ()
