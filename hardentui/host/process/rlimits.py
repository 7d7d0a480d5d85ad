"""The resource limits that the kernel enforces on a single process."""

from __future__ import annotations

from hardentui.host.files import Files
from hardentui.host.process import text_of_process
from hardentui.host.process.proc import NOT_SHOWN
from hardentui.model.facts import Rlimit

_NAMES = {
    "Max open files": "nofile",
    "Max processes": "nproc",
    "Max core file size": "core",
}


def read_rlimits(files: Files, pid: int) -> tuple[Rlimit, ...]:
    """Limits on open files, processes and core dump size, from /proc/PID/limits; raises Unread."""
    limits = []
    for line in text_of_process(files, f"/proc/{pid}/limits").splitlines():
        for label, name in _NAMES.items():
            values = line.removeprefix(label).split()
            if line.startswith(f"{label} ") and len(values) >= 2:
                soft, hard = (int(value) if value.isdecimal() else None for value in values[:2])
                limits.append(Rlimit(name, soft, hard))
    if not limits:
        raise NOT_SHOWN.anew()
    return tuple(limits)
