"""What would end a trial, or waste its result, found before its first twin."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hardentui.do import Do, Verb
from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.change.containers import podman_is_installed
from hardentui.errors import EngineError, UsageError, WriteError
from hardentui.features.change.change_lock import refuse_locked
from hardentui.features.change.journal import Journal
from hardentui.features.trial.budget import NoRoom, why_no_room
from hardentui.features.trial.measuring import least_of_a_trial
from hardentui.host.files import Files
from hardentui.visible import visible

_LEAST_SPACE = 4 << 20  # bytes, for a record, a profile and an entry of the journal

_HOLD_TWINS = {"memory": "memory", "pids": "processes"}
"""Controllers that keep twins within a budget, with what they limit."""


def refuse_unable(changing: ChangingEngine) -> None:
    """Raises HardenError if no twin of this engine would start, or be held to its budget."""
    if not podman_is_installed():
        raise EngineError(
            "A trial needs the program podman on this machine, which creates the twins."
        )
    if _unlimited(changing, changing.info()) and (
        missing := _unlimited(changing, changing.info(again=True))
    ):
        raise UsageError(
            f"Nothing was tried: this host lets Podman limit no {' and no '.join(missing)}, so twins "
            "could take what containers need.",
            (Do(Verb.DOCTOR), " tells what is missing."),
        )


def _unlimited(
    changing: ChangingEngine,
    info: Mapping[str, Any],
) -> list[str]:
    """What the engine cannot limit, though limits are in force where it runs: a rootless one has none
    with cgroups v1, and starts all the same."""
    facts, host = changing.engine.facts, info.get("host") or {}
    version, controllers = host.get("cgroupVersion"), host.get("cgroupControllers") or ()
    if not facts.local or not (version == "v2" or (version == "v1" and facts.rootless is False)):
        return []
    return [what for name, what in _HOLD_TWINS.items() if name not in controllers]


def refuse_full(changing: ChangingEngine, files: Files) -> None:
    """Raises NoRoom if the host has no room for any twin."""
    lines = least_of_a_trial(changing, files) if changing.engine.facts.local else ()
    if why := why_no_room(lines):
        raise NoRoom(f"Nothing was tried. {why}", lines)


def refuse_busy(container: str, address: str) -> None:
    """Raises Locked if this account changes the container now.

    Args:
        address: of its engine, as the journal names it.
    """
    with suppress(WriteError):  # nobody can hold a lock there
        refuse_locked(Journal(), (container,), address)


def refuse_unwritable(directory: str) -> None:
    """Raises UsageError if what is to be kept in a directory could not be written."""
    place = os.path.abspath(directory)
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    shown = visible(place, 200)
    if not os.access(place, os.W_OK | os.X_OK):
        raise UsageError(
            f"Nothing was tried: {shown} cannot be written, so the result could not be kept.",
            "Give this account a folder of its own, with XDG_STATE_HOME; -o DIR only writes files.",
        )
    with suppress(OSError):
        status = os.statvfs(place)
        if status.f_blocks and status.f_bavail * status.f_frsize < _LEAST_SPACE:
            raise UsageError(
                f"Nothing was tried: no space is left in {shown}, so the result could not be kept.",
                "Free some space there.",
            )
