"""How HardenTUI starts itself, for processes that must outlive this one."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
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
    which is reaped here. It has no higher priority than we have.

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
    if os.nice(0) == _LOWEST:
        _rank_session(process.pid)
    threading.Thread(
        target=process.wait,
        daemon=True,
    ).start()  # reaps it if it ends before we do
    return process


_LOWEST = 19
_AMONG_SESSIONS = 10


def take_lowest_priority() -> None:
    """Let everybody else have the processors and the disks first; for the calling thread, and for
    those that it starts.

    Where the kernel groups processes by sessions (sched(7), autogroup), a nice value counts within
    the session alone, and the session's own counts among sessions. It gets a tenth of what a
    terminal's session has: with less on a busy host, a twin that is watched would wait for us, and
    be judged by that.
    """
    os.nice(_LOWEST - os.nice(0))
    _rank_session(os.getpid())


def _rank_session(pid: int) -> None:
    """Place the session of a process behind the others."""
    with suppress(OSError), open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as file:
        file.write(str(_AMONG_SESSIONS))
