"""How HardenTUI starts itself, for processes that must outlive this one."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence
from typing import IO

from hardentui import account

_KEPT = ("HOME", "LANG", "PATH", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")


def environment() -> dict[str, str]:
    """The environment that it needs to find its journal and its engines."""
    ours = account.environment()
    return {name: ours[name] for name in _KEPT if name in ours}


def start_detached(
    words: Sequence[str],
    stdin: int | IO[bytes] = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program that continues when this process and its session end; returns its process,
    which is reaped here.

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
    threading.Thread(
        target=process.wait,
        daemon=True,
    ).start()  # reaps it if it ends before we do
    return process
