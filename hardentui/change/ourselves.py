"""How HardenTUI starts itself, for processes that must outlive this one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO

from hardentui import account

_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_KEPT = ("HOME", "LANG", "PATH", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")


def environment() -> dict[str, str]:
    """The environment that it needs to find its journal, its engines and its own code."""
    ours = account.environment()
    kept = {name: ours[name] for name in _KEPT if name in ours}
    return {**kept, "PYTHONPATH": python_path()}


def python_path() -> str:
    """$PYTHONPATH for a process of ours: where our own code is, and nothing relative to a current folder."""
    places = (_PACKAGES, *account.environment().get("PYTHONPATH", "").split(os.pathsep))
    return os.pathsep.join(dict.fromkeys(place for place in places if place.startswith("/")))


def our_module(module: str, *words: str) -> list[str]:
    """The command that runs a module of ours. `-P`: nothing is imported from the current folder."""
    return [sys.executable, "-P", "-m", module, *words]


def start_detached(words: Sequence[str], stdin: int | IO[bytes] = subprocess.DEVNULL) -> None:
    """Start a program that continues when this process and its session end.

    Raises:
        OSError: it cannot be started.
    """
    process = subprocess.Popen(
        words,
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
        cwd="/",
        start_new_session=True,
    )
    threading.Thread(target=process.wait, daemon=True).start()  # reaps it if it ends before we do
