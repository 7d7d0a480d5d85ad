"""The request of a trial, and its dependencies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from hardentui.engine.change.changing import ChangingEngine
from hardentui.features.change.wait import PATIENCE
from hardentui.features.trial.configuration import MakePlan
from hardentui.features.trial.learned.needs import Needs
from hardentui.host.files import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Verdict
from hardentui.model.known import NOT_READ, Known
from hardentui.model.plan import Choice
from hardentui.model.trial import OnTrialEvent, TrialEvent, TrialStep
from hardentui.options import *


class Wishes(Struct, frozen=True):
    """Options of a trial besides the fixes."""

    peers: tuple[str, ...] = ()  # names of containers that it needs; each gets a twin
    probes: tuple[str, ...] = ()  # commands that must succeed
    patience: float = PATIENCE
    outside: bool = False  # the twins can reach the outside, and the host
    # learn what it needs; the future path of the learned seccomp profile; empty = do not learn
    learn: str = ""
    tight: bool = False  # keep only what was seen
    # what the twins get although it reaches beyond them: `OPTION` or `OPTION=ENTRY`
    granted: tuple[str, ...] = ()


class TrialRequest(Struct, frozen=True):
    """The request of a trial."""

    facts: ContainerFacts  # the container after a detailed inspection
    choices: tuple[Choice, ...]  # the fixes; those with user-set parameters are tried unchanged
    peers: tuple[ContainerFacts, ...] = ()  # containers that it needs; they get unchanged twins
    members: tuple[ContainerFacts, ...] = ()  # the other members of its pod
    # the rest of its stack, and of its networks, from which the trial takes those that it needs
    company: tuple[ContainerFacts, ...] = ()
    wishes: Wishes = Wishes()
    before: Needs | None = None  # what earlier trials learned about the same container and image
    named: bool = False  # the user named the fixes, so none of them is left as a question


class Tools(Struct, frozen=True):
    """The dependencies of a trial."""

    changing: ChangingEngine
    files: Files | None  # this machine's; None when the engine runs on another one
    # detailed facts of a running container, from its inspect document
    look: Callable[[Mapping[str, Any]], ContainerFacts]
    make_plan: MakePlan
    judge: Callable[[str, ContainerFacts], Verdict]  # runs a check on facts
    on_event: OnTrialEvent
    stop: threading.Event  # ends the trial
    # the seccomp profile in force, as JSON: what a learned one must not weaken, and twins are
    # watched with
    profile: Callable[[], Known[Mapping[str, Any]]] = lambda: NOT_READ
    keep: Callable[[Needs], None] = lambda needs: (
        None
    )  # stores what was learned, for the next trial

    def tell(
        self,
        step: TrialStep,
        text: str,
        **about: Any,
    ) -> None:
        """Tell an event. `about`: its other fields."""
        self.on_event(TrialEvent(step, text, **about))
