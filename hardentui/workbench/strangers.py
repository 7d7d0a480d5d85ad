"""A session in a browser is somebody else's: it gets neither files of this machine nor its programs."""

from __future__ import annotations

import os

from hardentui.account import is_confined
from hardentui.errors import UsageError

_WHY = "This session is used through a browser: it uses no files and programs of this machine."


def why_not_here() -> str:
    """Why files and programs of this machine cannot be used in this session; empty when they can."""
    return _WHY if is_confined(os.environ) else ""


def refuse_strangers() -> None:
    """Raises UsageError in a session in a browser."""
    if why := why_not_here():
        raise UsageError(why)
