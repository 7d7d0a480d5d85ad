"""The request of a trial, and its dependencies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from hardentui.engine.change.changing import ChangingEngine
from hardentui.host.files.reader import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Verdict
from hardentui.model.known import Known
from hardentui.model.plan import Choice
from hardentui.model.trial import OnTrialEvent
from hardentui.readiness.expectation import PATIENCE
from hardentui.trial.configuration import MakePlan
from hardentui.trial.learned.needs import Needs


class Lesson(Struct, frozen=True):
    """The inputs of learning, and what it keeps.

    Attributes:
        base: the seccomp profile that a learned one must not weaken, as JSON.
        before: what earlier trials learned about the same container and image.
        profile_path: the final path of the learned profile.
    """

    base: Known[Mapping[str, Any]]
    profile_path: str
    before: Needs | None = None


class TrialRequest(Struct, frozen=True):
    """The request of a trial.

    Attributes:
        facts: the container after a detailed inspection.
        choices: the fixes; those with user-set parameters are tried unchanged.
        peers: containers that it needs; they get unchanged twins.
        members: the other members of its pod.
        probes: commands that must succeed.
        outside: its network has a route out.
        granted: what twins get although it reaches beyond them: `OPTION` or `OPTION=ENTRY`.
        lesson: the inputs of learning; None = nothing is learned.
        tight: keep only what was seen, not what its programs can ask for.
    """

    facts: ContainerFacts
    choices: tuple[Choice, ...]
    peers: tuple[ContainerFacts, ...] = ()
    members: tuple[ContainerFacts, ...] = ()
    probes: tuple[str, ...] = ()
    patience: float = PATIENCE
    outside: bool = False
    granted: frozenset[str] = frozenset()
    lesson: Lesson | None = None
    tight: bool = False


class Tools(Struct, frozen=True):
    """The dependencies of a trial.

    Attributes:
        files: this machine's; None when the engine runs on another one.
        look: detailed facts of a running container, from its inspect document.
        judge: runs a check on facts.
        stop: ends the trial.
        keep: stores what was learned, for the next trial.
    """

    changing: ChangingEngine
    files: Files | None
    look: Callable[[Mapping[str, Any]], ContainerFacts]
    make_plan: MakePlan
    judge: Callable[[str, ContainerFacts], Verdict]
    on_event: OnTrialEvent
    stop: threading.Event
    keep: Callable[[Needs], None] = lambda needs: None
