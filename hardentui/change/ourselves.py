"""How HardenTUI starts itself, for what has to outlive this process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import IO

from hardentui import account

_KEPT = ("HOME", "LANG", "PATH", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")

_started: list[subprocess.Popen[bytes]] = []
"""Those that may still run; nobody waits for them, and those that ended are let go of."""


def environment() -> dict[str, str]:
    """What it needs to find its journal, its engines and its own code, wherever that was found by us."""
    ours = account.environment()
    kept = {name: ours[name] for name in _KEPT if name in ours}
    place = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    places = (place, *ours.get("PYTHONPATH", "").split(os.pathsep))
    return {**kept, "PYTHONPATH": os.pathsep.join(dict.fromkeys(folder for folder in places if folder))}


def start_detached(words: Sequence[str], stdin: int | IO[bytes] = subprocess.DEVNULL) -> None:
    """Start a program that goes on when this process and its session end.

    Raises:
        OSError: it cannot be started.
    """
    _started[:] = [process for process in _started if process.poll() is None]
    process = subprocess.Popen(
        words,
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
        cwd="/",
        start_new_session=True,
    )
    _started.append(process)
