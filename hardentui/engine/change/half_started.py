"""A start of a container that Podman's service did not survive.

conmon and the runtime then wait for ever for somebody who talks to them, and hold the container's ports.
Podman itself does not know them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise


def end_half_started(container: str, user: int) -> int:
    """End the processes of a start that nobody completes; returns how many. For a container that Podman says
    does not run, while nobody starts it.

    Args:
        container: its full id.
        user: uid of the engine's user.
    """
    makers, monitors = [], []
    for pid, words in _processes(user):
        if "create" in words and "--bundle" in words and container in words[-2:]:
            makers.append(pid)  # the runtime, in its first step
        elif os.path.basename(words[0]) == "conmon" and _follows(words, "-c", container):
            monitors.append(pid)
    if not makers:
        return 0
    for pid in (*makers, *monitors):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(makers) + len(monitors)


def _follows(words: list[str], flag: str, value: str) -> bool:
    return (flag, value) in pairwise(words)


def _processes(user: int) -> Iterator[tuple[int, list[str]]]:
    """The processes of a user on this machine, with their words."""
    for name in os.listdir("/proc"):
        with suppress(OSError):
            if name.isdecimal():
                with open(f"/proc/{name}/status", "rb") as status:
                    uids = next((line for line in status if line.startswith(b"Uid:")), b"").split()[1:]
                if uids and int(uids[0]) == user:
                    with open(f"/proc/{name}/cmdline", "rb") as file:
                        yield int(name), os.fsdecode(file.read(8192)).split("\0")
