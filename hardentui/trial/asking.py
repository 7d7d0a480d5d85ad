"""Reads the programs of a twin that never starts: what they can ask for."""

from __future__ import annotations

import io

from hardentui.engine.change.copying import Pieces
from hardentui.errors import EngineError
from hardentui.images.programs import read_programs
from hardentui.images.started import Reached, reached
from hardentui.model.facts import ContainerFacts
from hardentui.model.trial import TrialEvent, TrialStep
from hardentui.options import HEALTH_CMD, MOUNTS
from hardentui.reading.behaviour import command_of
from hardentui.reading.containers import image_config, section
from hardentui.reading.mounts import at_or_above
from hardentui.trial.learned.can_ask import CanAsk, can_ask
from hardentui.trial.request import Tools
from hardentui.trial.stage import Stage

_READ_LIMIT = 600.0


def asked(facts: ContainerFacts, stage: Stage, tools: Tools) -> CanAsk:
    """What the container's programs can ask for; what could not be read is told in `unknown`."""
    tools.on_event(TrialEvent(TrialStep.PREPARING, "reading its programs"))
    command = command_of(facts)
    try:
        with stage.twin(facts.spec) as twin:
            pieces = tools.changing.containers.export(twin.id, seconds=_READ_LIMIT)
            source = io.BufferedReader(Pieces(pieces), 1 << 20)
            programs = read_programs(source, command, tools.stop.is_set)
    except EngineError as error:
        return can_ask(Reached({}, {"its files": error.title.rstrip(".")}), facts)
    health = str(facts.spec[HEALTH_CMD] or "")
    started = reached(programs, command, (health,), path=_path(facts), elsewhere=_mounted(facts))
    return can_ask(started, facts)


def _path(facts: ContainerFacts) -> str:
    variables = [str(word) for word in image_config(facts).get("Env") or ()]
    return next((word.partition("=")[2] for word in variables if word.startswith("PATH=")), "")


def _mounted(facts: ContainerFacts) -> str:
    """The mount that its working directory is in."""
    directory = str(section(facts.inspect, "Config").get("WorkingDir") or "/")
    places = (mount.destination for mount in facts.spec[MOUNTS])
    return next((place for place in places if directory != "/" and at_or_above(place, directory)), "")
