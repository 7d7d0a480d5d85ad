"""The kernel's capability checks, from the tracepoint cap_capable. Needs root.

A separate instance is created below tracefs, with its own buffer and switches; nothing else on the
host changes. It is removed at the end.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterable

from hardentui.host.files import reason
from hardentui.model.facts import CAPABILITIES_BY_NUMBER
from hardentui.model.known import Known, Unread
from hardentui.model.trial import CapabilityCheck

TRACEFS = "/sys/kernel/tracing"


_EVENT = "events/capability/cap_capable"


_EXEC = "events/sched/sched_process_exec"


_PROGRAM_BEGINS = " sched_process_exec: "
"""Until then the runtime uses its own rights, which the container does not get."""


_LINE = re.compile(r"cap_capable: cred (\w+).*\bcap (\d+),? ret (-?\d+)")


_BUFFER = 4096


_MARK = "hardentui-"


class CapabilityWatcher:
    """Use: `start` with the pid of a container that waits to be started; `finish` when it has
    ended."""

    def __init__(self, directory: str = TRACEFS) -> None:
        self._directory = os.path.join(
            directory, "instances", f"{_MARK}{os.getpid()}-{secrets.token_hex(4)}"
        )
        self._tracefs = directory
        self._counts: Counter[tuple[str, int, bool]] = Counter()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._why = ""
        self._pipe = -1
        self._began = False

    def start(self, pids: Iterable[int]) -> bool:
        """Start to watch these processes and everything they start; False if that is impossible,
        see `finish`.
        """
        self._why = self._unavailable()
        if self._why:
            return False
        try:
            os.mkdir(self._directory, 0o700)
            self._write("buffer_size_kb", str(_BUFFER))
            self._write("options/event-fork", "1")
            self._write("set_event_pid", " ".join(map(str, pids)))
            self._write(f"{_EXEC}/enable", "1")
            self._write(f"{_EVENT}/enable", "1")
            self._pipe = os.open(
                f"{self._directory}/trace_pipe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
            )
        except OSError as error:
            self._why = f"{error.filename or self._directory}: {reason(error)}"
            self._remove()
            return False
        self._thread = threading.Thread(
            target=self._run, name="hardentui-capabilities", daemon=True
        )
        self._thread.start()
        return True

    def finish(
        self,
        held: frozenset[str],
        patience: float = 5.0,
    ) -> Known[tuple[CapabilityCheck, ...]]:
        """Stop watching. `held`: the capabilities of the container. An overlay checks with the
        credentials of its mounter, even for actions of the container; credentials with more
        capabilities than the container has are such a case, and do not count.
        """
        if self._thread is None:
            return Unread(self._why or "the kernel was not traced")
        self._stop.set()
        self._thread.join(timeout=patience)
        lost = self._lost()
        os.close(self._pipe)
        self._thread = None
        self._remove()
        if lost:
            self._why = f"the kernel dropped {lost} trace events"
            return Unread(self._why)
        return self._of_container(held)

    def _of_container(
        self,
        held: frozenset[str],
    ) -> tuple[CapabilityCheck, ...]:
        foreign = {
            credentials
            for credentials, number, granted in self._counts
            if granted and _name(number) not in held
        }
        totals: Counter[tuple[int, bool]] = Counter()
        for (credentials, number, granted), count in self._counts.items():
            if credentials not in foreign:
                totals[number, granted] += count
        numbers = sorted({number for number, _ in totals})
        return tuple(
            CapabilityCheck(
                _name(number),
                totals[number, True],
                totals[number, False],
            )
            for number in numbers
        )

    def _unavailable(self) -> str:
        if os.geteuid() != 0:
            return "only root may use kernel tracing"
        try:
            os.stat(os.path.join(self._tracefs, "instances"))
        except OSError as error:
            return f"{self._tracefs} cannot be used ({reason(error)})"
        try:
            os.stat(os.path.join(self._tracefs, _EVENT))
        except OSError:
            return "this kernel does not trace capability checks (kernel 6.14 or later does)"
        return ""

    def _run(self) -> None:
        left = ""
        while True:
            last = self._stop.is_set()
            try:
                data = os.read(self._pipe, 1 << 16)
            except (BlockingIOError, InterruptedError):
                if last:
                    return
                time.sleep(0.02)
                continue
            except OSError:
                return
            lines = (left + data.decode("ascii", "replace")).split("\n")
            left = lines.pop()
            for line in lines:
                self._began = self._began or _PROGRAM_BEGINS in line
                match = _LINE.search(line)
                if match and self._began:
                    self._counts[match[1], int(match[2]), match[3] == "0"] += 1

    def _lost(self) -> int:
        total = 0
        with contextlib.suppress(OSError):
            for name in os.listdir(f"{self._directory}/per_cpu"):
                with open(f"{self._directory}/per_cpu/{name}/stats", encoding="ascii") as file:
                    words = dict(
                        line.split(": ", 1) for line in file.read().splitlines() if ": " in line
                    )
                total += int(words.get("overrun", "0")) + int(words.get("dropped events", "0"))
        return total

    def _write(self, name: str, text: str) -> None:
        handle = os.open(f"{self._directory}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self._write("events/enable", "0")
        with contextlib.suppress(OSError):
            os.rmdir(self._directory)


def _name(number: int) -> str:
    return (
        CAPABILITIES_BY_NUMBER[number] if number < len(CAPABILITIES_BY_NUMBER) else f"CAP_{number}"
    )


def remove_leftovers(directory: str = TRACEFS) -> int:
    """Remove instances of our sessions that ended without doing so; returns how many."""
    count = 0
    with contextlib.suppress(OSError):
        for name in os.listdir(os.path.join(directory, "instances")):
            owner = name.removeprefix(_MARK).partition("-")[0]
            if (
                name.startswith(_MARK)
                and owner.isdecimal()
                and not os.path.exists(f"/proc/{owner}")
            ):
                path = os.path.join(directory, "instances", name)
                with contextlib.suppress(OSError):
                    with open(f"{path}/events/enable", "w", encoding="ascii") as file:
                        file.write("0")
                    os.rmdir(path)
                    count += 1
    return count
