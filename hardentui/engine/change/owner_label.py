"""The owner of a throw-away object: a label names the process that made it, to recognise what a crash left.

It holds the boot of the machine, the process and its start time: a PID alone may have been reused
since.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache

OWNER_LABEL = "hardentui.owner"


def owner_label() -> str:
    """`hardentui.owner=BOOT:PID:START` of this process."""
    return f"{OWNER_LABEL}={_boot()}:{os.getpid()}:{_start(os.getpid())}"


def is_abandoned(value: str) -> bool:
    """Whether the process named by a label's value has ended; False if that is unknown."""
    boot, _, rest = value.partition(":")
    pid, _, start = rest.partition(":")
    if not pid.isdecimal() or not boot or not _boot():
        return False
    if boot != _boot():
        return True  # created before this boot, or on another machine, which cannot be checked
    return _start(int(pid)) != start and not _hidden(int(pid))


@cache
def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _hidden(pid: int) -> bool:
    """Whether it is the process of another account, which /proc does not show here (`hidepid`)."""
    try:
        os.stat(f"/proc/{pid}")
    except OSError:
        with suppress(ProcessLookupError):
            try:
                os.kill(pid, 0)
            except PermissionError:
                return True
    return False


def _start(pid: int) -> str:
    """Clock ticks between boot and the start of a process; empty if there is none."""
    try:
        with open(
            f"/proc/{pid}/stat",
            encoding="utf-8",
            errors="replace",
        ) as file:
            words = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return words[19] if len(words) > 19 and words[0] not in "ZX" else ""
