"""The resource limits that the kernel enforces on a single process."""

from __future__ import annotations

from hardentui.host.files.reader import Files, reason
from hardentui.model.facts import Rlimit
from hardentui.model.known import Known, Unreadable

_NAMES = {"Max open files": "nofile", "Max processes": "nproc", "Max core file size": "core"}


def read_rlimits(files: Files, pid: int) -> Known[tuple[Rlimit, ...]]:
    """Limits on open files, processes and core dump size, from /proc/PID/limits."""
    path = f"/proc/{pid}/limits"
    try:
        text = files.read_text(path)
    except (FileNotFoundError, ProcessLookupError):
        return Unreadable("the process has ended")
    except OSError as error:
        return Unreadable(f"{path}: {reason(error)}")
    limits = []
    for line in text.splitlines():
        for label, name in _NAMES.items():
            values = line.removeprefix(label).split()
            if line.startswith(f"{label} ") and len(values) >= 2:
                limits.append(Rlimit(name, _number(values[0]), _number(values[1])))
    return tuple(limits) or Unreadable("the kernel's answer does not show it")


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
