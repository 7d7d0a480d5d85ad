"""The log of a container, followed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec import Struct

from hardentui.engine.logs import read_log
from hardentui.errors import InputError
from hardentui.features.watch import masked
from hardentui.features.workbench import Workbench
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread
from hardentui.model.monitoring import (
    LogLine,
)

FIRST_LINES = 1000


_NEXT_LINES = 500


_PAUSE = 1.0


class LogPart(Struct, frozen=True):
    """New lines since the previous part."""

    lines: tuple[LogLine, ...]
    gap: bool = False  # lines between this part and the previous one are missing


def follow_log(
    bench: Workbench,
    facts: ContainerFacts,
    on_part: Callable[[LogPart], None],
    stop: threading.Event,
) -> None:
    """Yield the end of the log and then, every second, the new lines, until `stop` is set.

    Raises:
        InputError: Podman does not return the log, or the host is simulated.
    """
    engine = bench.opened.engine(facts.engine.label)
    terminal = bool((facts.inspect.get("Config") or {}).get("Tty"))
    last: LogLine | None = None
    wanted = FIRST_LINES
    while not stop.is_set():
        lines = read_log(
            engine,
            facts.id,
            wanted,
            terminal=terminal,
            stop=stop,
        )
        if stop.is_set():
            return
        if isinstance(lines, Unread):
            raise InputError(f"The log cannot be shown: {lines.reason}.")
        new, gap = _since(last, lines)
        if new or last is None:
            on_part(LogPart(masked(new), gap))
        last = new[-1] if new else last
        wanted = _NEXT_LINES
        stop.wait(_PAUSE)


def _since(
    last: LogLine | None,
    lines: tuple[LogLine, ...],
) -> tuple[tuple[LogLine, ...], bool]:
    """The lines after the last known one, and whether some between are missing."""
    if last is None:
        return lines, False
    for at in range(len(lines) - 1, -1, -1):
        if lines[at] == last:
            return lines[at + 1 :], False
    later = tuple(line for line in lines if line.time > last.time)
    return later, bool(later)
