"""The host's capacity that limits divide: memory, processors, process ids."""

from __future__ import annotations

from hardentui.host.files.config import text
from hardentui.host.files.reader import Files
from hardentui.model.configuration import Missing
from hardentui.model.host import Capacity
from hardentui.model.known import Known, Unreadable
from hardentui.reading.limits import count_of_list

_ONLINE, _MEMORY, _PIDS = "/sys/devices/system/cpu/online", "/proc/meminfo", "/proc/sys/kernel/pid_max"


def read_capacity(files: Files) -> Capacity:
    """From /proc/meminfo, the online processors, and kernel.pid_max."""
    return Capacity(
        memory=_memory(files, "MemTotal"),
        processors=_processors(files),
        pids=_number(files, _PIDS),
        swap=_memory(files, "SwapTotal"),
    )


def _memory(files: Files, name: str) -> Known[int]:
    content = text(files, _MEMORY)
    if isinstance(content, Unreadable | Missing):
        return content if isinstance(content, Unreadable) else Unreadable(f"there is no {_MEMORY}")
    words = next((line.split() for line in content.splitlines() if line.startswith(f"{name}:")), [])
    return int(words[1]) << 10 if len(words) > 1 and words[1].isdecimal() else Unreadable(f"no {name}")


def _processors(files: Files) -> Known[int]:
    content = text(files, _ONLINE)
    if isinstance(content, Unreadable | Missing):
        return content if isinstance(content, Unreadable) else Unreadable(f"there is no {_ONLINE}")
    count = count_of_list(content)
    return count or Unreadable(f"{_ONLINE} cannot be understood")


def _number(files: Files, path: str) -> Known[int]:
    content = text(files, path)
    if isinstance(content, Unreadable | Missing):
        return content if isinstance(content, Unreadable) else Unreadable(f"there is no {path}")
    return int(content) if content.strip().isdecimal() else Unreadable(f"{path} cannot be understood")
