"""What a trial of a split is asked, and with what it works."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from msgspec import Struct

from hardentui.engine.change.changing import ChangingEngine
from hardentui.features.trial.twins import (
    Twin,
)
from hardentui.host.commands import Run
from hardentui.host.files import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.network_split import (
    NewNetwork,
    SeenWay,
)
from hardentui.model.trial import OnTrialEvent, TrialEvent, TrialStep


class SplitRequest(Struct, frozen=True):
    """The request of a trial of a split."""

    network: str
    engine: str
    networks: tuple[NewNetwork, ...]
    # those that get twins, inspected in detail; for a pod, the container that holds its network
    members: tuple[ContainerFacts, ...]
    seen: tuple[SeenWay, ...]
    untried: Mapping[str, str]  # name of another member -> why it gets no twin
    # name of such a container -> the running members of its pod
    pods: Mapping[str, tuple[ContainerFacts, ...]] = {}


class MadeTwins(Struct, frozen=True):
    """The twins of one member: several for a pod, which share one network."""

    twins: tuple[tuple[Twin, ContainerFacts], ...]
    pod: str = ""


class SplitTools(Struct, frozen=True):
    """The tools of the trial; `run` runs programs of this machine."""

    changing: ChangingEngine
    files: Files
    run: Run
    on_event: OnTrialEvent
    stop: threading.Event

    def tell(
        self,
        step: TrialStep,
        text: str,
        seconds: float = 0.0,
    ) -> None:
        self.on_event(TrialEvent(step, text, seconds))


def everybody(request: SplitRequest) -> tuple[ContainerFacts, ...]:
    """Those that get twins, with the members of their pods."""
    every = (
        facts
        for member in request.members
        for facts in request.pods.get(member.name, ()) or (member,)
    )
    return tuple(every)
