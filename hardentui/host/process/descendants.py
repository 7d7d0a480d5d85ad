"""The descendants of a process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hardentui.host.files import Files
from hardentui.host.process import parse_status

MAX_PROCESSES = 4096


_MOST_READ = 256


_ENDED = ("Z", "X")


def descendants(
    files: Files,
    pid: int,
    most: int = MAX_PROCESSES,
) -> set[int]:
    """The process and all its descendants."""
    seen: set[int] = set()
    waiting = [pid]
    while waiting and len(seen) < most:
        process = waiting.pop()
        if process in seen:
            continue
        seen.add(process)
        waiting.extend(_children(files, process))
    return seen


def _children(files: Files, pid: int) -> Iterator[int]:
    """Children belong to the thread that created them."""
    try:
        for thread in files.list_dir(f"/proc/{pid}/task"):
            yield from map(int, files.read_text(f"/proc/{pid}/task/{thread}/children").split())
    except (OSError, ValueError):
        return  # it has ended, or the kernel does not show it


def statuses_below(
    files: Files,
    pid: int,
    user_namespace: str,
) -> tuple[Mapping[str, str], ...]:
    """/proc/PID/status of the running descendants of a process, without the process itself.

    Processes in another user namespace are left out: their capabilities are worthless outside of
    it.

    Args:
        user_namespace: of the process; empty if unknown, then it is not compared.
    """
    statuses = []
    for process in sorted(descendants(files, pid, _MOST_READ) - {pid}):
        try:
            status = parse_status(files.read_text(f"/proc/{process}/status"))
            link = files.read_link(f"/proc/{process}/ns/user") if user_namespace else ""
        except OSError:
            continue  # it has ended
        if link == user_namespace and not status.get("State", "").startswith(_ENDED):
            statuses.append(status)
    return tuple(statuses)
