"""What would end a trial, or waste its result, found before its first twin."""

from __future__ import annotations

import os
from contextlib import suppress

from hardentui.errors import UsageError, WriteError
from hardentui.features.change.change_lock import refuse_locked
from hardentui.features.change.journal import Journal
from hardentui.visible import visible

_LEAST_SPACE = 4 << 20  # bytes, for a record, a profile and an entry of the journal


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
