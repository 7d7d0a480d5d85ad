"""Which trials this account itself ran.

A record claims that something was proven; anybody can write one.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress

import msgspec

from hardentui.model.trial import (
    Trial,
)
from hardentui.state import read_own, state_directory, write_own

_MOST = 200


def remember(trial: Trial) -> None:
    """Note that this account ran a trial; if that fails, its record counts as a stranger's."""
    with suppress(OSError):
        write_own(_path(trial), "")
        names = os.listdir(_directory())
        names.sort(key=lambda name: os.stat(os.path.join(_directory(), name)).st_mtime_ns)
        for name in names[:-_MOST]:
            os.unlink(os.path.join(_directory(), name))


def is_remembered(trial: Trial) -> bool:
    """Whether this account ran exactly this trial."""
    try:
        read_own(_path(trial))
    except OSError:
        return False
    return True


def _directory() -> str:
    return os.path.join(state_directory(), "trials")


def _path(trial: Trial) -> str:
    return os.path.join(
        _directory(),
        hashlib.sha256(msgspec.json.encode(trial)).hexdigest(),
    )
