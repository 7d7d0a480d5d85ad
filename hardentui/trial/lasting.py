"""What must survive a restart: a directory whose content matters becomes a volume."""

from __future__ import annotations

from hardentui.model.trial import TrialEvent, TrialStep
from hardentui.reading.scratch import holds_files_of_image
from hardentui.trial.configuration import TrialConfiguration, WritableDirectory, name_of_volume
from hardentui.trial.relax import Relaxer, Settled
from hardentui.trial.request import Tools
from hardentui.trial.restart import lasting_directories, lost, restarted
from hardentui.trial.rounds import Rounds

_ROOT = "writable-rootfs"


def lasting(settled: Settled, rounds: Rounds, relaxer: Relaxer, tools: Tools) -> Settled:
    """With a volume for each directory whose content must survive a restart, and proven to restart at all."""
    planner = rounds.planner
    spec, original = planner.spec(settled.configuration), planner.facts.spec
    if not settled.configuration.choices or spec == original:
        return settled
    directories = lasting_directories(spec, original)
    tools.on_event(TrialEvent(TrialStep.RESTART, "restarting a twin to see what must survive a restart"))
    hardened = restarted(rounds, spec, directories)
    if not directories and not hardened.why:
        return settled
    unchanged = restarted(rounds, original, directories)
    if unchanged.why:
        return settled  # it cannot be restarted unchanged
    files = lost(directories, unchanged, hardened) if not hardened.why else dict.fromkeys(directories, "")
    if not files and not hardened.why:
        return settled
    why = dict(settled.why)
    configuration = settled.configuration
    for directory, path in files.items():
        volume = WritableDirectory(directory, name_of_volume(planner.facts.name, directory))
        configuration = configuration.with_(volume)
        why[volume] = f"a restart loses {path}" if path else f"it does not restart: {hardened.why}"
        if holds_files_of_image(directory, planner.facts):
            why[volume] += (
                f"; files of the image in {directory} stay as they are now until the volume is removed"
            )
        tools.on_event(TrialEvent(TrialStep.RESTART, f"{volume.words}: {why[volume]}"))
    if files and not (again := restarted(rounds, planner.spec(configuration), directories)).why:
        return Settled(configuration, why, settled.left_out)
    reason = again.why if files else hardened.why
    return _without_read_only(settled, rounds, relaxer, reason)


def _without_read_only(settled: Settled, rounds: Rounds, relaxer: Relaxer, why: str) -> Settled:
    """It does not restart with the result: without a read-only root it is tried once more."""
    configuration = settled.configuration.without(_ROOT)
    if configuration != settled.configuration:
        relaxer.leave_out(_ROOT, f"it does not work after a restart: {why}")
    again = relaxer.settle(configuration)
    if restarted(rounds, rounds.planner.spec(again.configuration), ()).why:
        for check in again.configuration.checks:
            relaxer.leave_out(check, f"it does not work after a restart: {why}")
        again = Settled(TrialConfiguration(()), {}, again.left_out)
    return again
