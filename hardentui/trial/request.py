"""What is to be tried, and what a trial works with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from hardentui.engine.change.changing import ChangingEngine
from hardentui.host.files.reader import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Verdict
from hardentui.model.plan import Choice
from hardentui.readiness.expectation import PATIENCE
from hardentui.trial.configuration import MakePlan
from hardentui.trial.learned.needs import Needs
from hardentui.trial.learning import Lesson
from hardentui.trial.rounds import Tell


class TrialRequest(Struct, frozen=True):
    """What is to be tried.

    Attributes:
        facts: the container after a close look.
        choices: the fixes; those with parameters of somebody's own are tried as they are.
        peers: containers that it needs; they get twins without changes.
        members: the other members of its pod.
        probes: commands that have to succeed.
        outside: its network has a way out.
        lesson: what learning takes; None = nothing is learned.
    """

    facts: ContainerFacts
    choices: tuple[Choice, ...]
    peers: tuple[ContainerFacts, ...] = ()
    members: tuple[ContainerFacts, ...] = ()
    probes: tuple[str, ...] = ()
    patience: float = PATIENCE
    outside: bool = False
    lesson: Lesson | None = None


class Tools(Struct, frozen=True):
    """What a trial works with.

    Attributes:
        files: this machine's; None when the engine runs on another one.
        look: facts of a running container, closely looked at, from its inspect document.
        judge: what a check says of facts.
        stop: ends the trial.
        keep: takes what was learned, for the next trial.
    """

    changing: ChangingEngine
    files: Files | None
    look: Callable[[Mapping[str, Any]], ContainerFacts]
    make_plan: MakePlan
    judge: Callable[[str, ContainerFacts], Verdict]
    tell: Tell
    stop: threading.Event
    keep: Callable[[Needs], None] = lambda needs: None
