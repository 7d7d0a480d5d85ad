"""How long a change still waits for confirmation, even if the clock is changed meanwhile.

Until a reboot, the boot-time clock decides, which cannot be set. After a reboot only the time of day
is left; if that is wrong, the wait is at most the full time.
"""

from __future__ import annotations

import time

from msgspec.structs import replace

from hardentui.model.journal import (
    ConfirmClock,
    EntryState,
    JournalEntry,
)

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def waiting(entry: JournalEntry, seconds: float) -> JournalEntry:
    """The entry, waiting this many seconds from now."""
    clock = ConfirmClock(
        boot=_boot(),
        uptime=uptime() + seconds,
        seconds=seconds,
    )
    return replace(
        entry, state=EntryState.WAITING, confirm_by=time.time() + seconds, confirm_clock=clock
    )


def seconds_left(entry: JournalEntry) -> float:
    """Seconds until it is rolled back; negative if its time is over."""
    clock = entry.confirm_clock
    if clock is None:
        return entry.confirm_by - time.time()
    if clock.boot and clock.boot == _boot():
        return clock.uptime - uptime()
    return min(entry.confirm_by - time.time(), clock.seconds)


def uptime() -> float:
    """Seconds since the host was booted, including suspend."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _boot() -> str:
    """The id of this boot; empty if the kernel does not provide it."""
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
