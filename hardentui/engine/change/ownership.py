"""Whose throw-away object it is: a label tells which process made it, so that leftovers of a crash are known.

The label says which boot of which machine, which process, and when that process began: a number alone may
have been given to another process since.
"""

from __future__ import annotations

import os
from functools import cache

OWNER_LABEL = "hardentui.owner"


def owner_label() -> str:
    """`hardentui.owner=BOOT:PID:START` of this process."""
    return f"{OWNER_LABEL}={_boot()}:{os.getpid()}:{_start(os.getpid())}"


def is_abandoned(value: str) -> bool:
    """Whether the process of a label's value has ended; False where that cannot be told."""
    boot, _, rest = value.partition(":")
    pid, _, start = rest.partition(":")
    if not pid.isdecimal() or not boot or not _boot():
        return False
    if boot != _boot():
        return True  # made before this machine was started, or on another one, which may not be asked
    return _start(int(pid)) != start


@cache
def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _start(pid: int) -> str:
    """Clock ticks between boot and the start of a process; empty when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            words = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return words[19] if len(words) > 19 and words[0] not in "ZX" else ""
