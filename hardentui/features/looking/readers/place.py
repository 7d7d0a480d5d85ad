"""Where the facts of a container are read, and which function reads which."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from hardentui.engine.read import Engine
from hardentui.features.looking.readers.runtime import RuntimeConfigs
from hardentui.host.files import ROOT_ONLY, Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.reading.containers import section

if TYPE_CHECKING:
    from hardentui.features.looking.once_per_engine import OncePerEngine


class Place(Struct, frozen=True):
    """Where the facts of a container are read."""

    engine: Engine
    files: Files  # the host, as far as this engine may name its paths
    once: OncePerEngine  # what is read once for all containers of the engine
    runtimes: RuntimeConfigs


Reader = Callable[[ContainerFacts, Place], Any]
READERS: dict[str, Reader] = {}
"""Fact of a container -> its reader."""
OF_LOCAL_ENGINES: set[str] = set()
"""Facts that only the engine's own host knows."""


def reads(function: Reader) -> Reader:
    """Mark the reader of the fact of the same name: it returns or raises an `Unread` where the
    fact cannot be read."""
    READERS[function.__name__] = function
    return function


def reads_here(function: Reader) -> Reader:
    """The same for a fact that can only be read where the engine runs; elsewhere it has its
    default."""
    OF_LOCAL_ENGINES.add(function.__name__)
    return reads(function)


def monitor_pid(facts: ContainerFacts) -> int:
    """The process ID of conmon; 0 if there is none."""
    return int(section(facts.inspect, "State").get("ConmonPid") or 0)


def rightful_owners(facts: ContainerFacts) -> frozenset[int]:
    """Root, and the account that runs a rootless engine."""
    if facts.engine.rootless is not True:
        return ROOT_ONLY
    return known(lambda: ROOT_ONLY | {facts.engine.trust.uid}, else_=ROOT_ONLY)
