"""How long a change still waits to be confirmed, also where somebody sets the clock meanwhile.

As long as the host was not restarted, the clock decides that counts from its start and that nobody sets.
After a restart only the time of day is left; where that is wrong, no more than the whole time is waited.
"""

from __future__ import annotations

import time

from msgspec.structs import replace

from hardentui.model.journal import ConfirmClock, EntryState, JournalEntry

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def waiting(entry: JournalEntry, seconds: float) -> JournalEntry:
    """The entry as one that waits so many seconds from now."""
    clock = ConfirmClock(boot=_boot(), uptime=uptime() + seconds, seconds=seconds)
    return replace(entry, state=EntryState.WAITING, confirm_by=time.time() + seconds, confirm_clock=clock)


def seconds_left(entry: JournalEntry) -> float:
    """Seconds until it goes back; negative when its time is over."""
    clock = entry.confirm_clock
    if clock is None:
        return entry.confirm_by - time.time()
    if clock.boot and clock.boot == _boot():
        return clock.uptime - uptime()
    return min(entry.confirm_by - time.time(), clock.seconds)


def uptime() -> float:
    """Seconds since the host was started, those asleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _boot() -> str:
    """What tells this run of the host from others; empty where the kernel does not tell."""
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
