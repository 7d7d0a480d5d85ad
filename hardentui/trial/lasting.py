"""What works at the start must also work after a reload, a log rotation and a restart."""

from __future__ import annotations

from hardentui.model.trial import NotExercised, TrialEvent, TrialStep
from hardentui.trial.life import RELOAD, RESTART, ROTATION
from hardentui.trial.relax import Relaxer, Settled
from hardentui.trial.request import Tools
from hardentui.trial.rounds import Rounds


def lasting(settled: Settled, rounds: Rounds, relaxer: Relaxer, tools: Tools) -> Settled:
    """What of it works through the life of the service. From here on every round is thorough."""
    rounds.thorough = True
    if not settled.configuration.choices:
        return settled
    tools.on_event(TrialEvent(TrialStep.RESTART, "leading a twin through clients, reload, stop and restart"))
    tried = rounds.run(settled.configuration, "the life of the service")
    if tried.ready:
        return settled
    if why := rounds.unchanged():
        rounds.thorough = False
        parts = (RELOAD, ROTATION, RESTART)
        rounds.missing = tuple(NotExercised(part, f"the unchanged twin fails too: {why}") for part in parts)
        return settled
    return relaxer.settle(settled.configuration, tried)
