"""Following a container's log: new lines since the last read, with secrets masked."""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec import Struct

from hardentui.engine.events import LogLine, read_log
from hardentui.errors import InputError
from hardentui.features.workbench import Workbench
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Unread
from hardentui.model.monitoring import SeenLine
from hardentui.reading.masking import mask_text

FIRST_LINES = 1000
_NEXT_LINES = 500
_PAUSE = 1.0


class LogPart(Struct, frozen=True):
    """New lines since the previous part.

    Attributes:
        gap: lines between this part and the previous one are missing.
    """

    lines: tuple[SeenLine, ...]
    gap: bool = False


def follow_log(
    bench: Workbench, facts: ContainerFacts, on_part: Callable[[LogPart], None], stop: threading.Event
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
        lines = read_log(engine, facts.id, wanted, terminal=terminal, stop=stop)
        if stop.is_set():
            return
        if isinstance(lines, Unread):
            raise InputError(f"The log cannot be shown: {lines.reason}.")
        new, gap = _since(last, lines)
        if new or last is None:
            on_part(
                LogPart(tuple(SeenLine(line.time, line.stream, mask_text(line.text)) for line in new), gap)
            )
        last = new[-1] if new else last
        wanted = _NEXT_LINES
        stop.wait(_PAUSE)


def _since(last: LogLine | None, lines: tuple[LogLine, ...]) -> tuple[tuple[LogLine, ...], bool]:
    """The lines after the last known one, and whether some between are missing."""
    if last is None:
        return lines, False
    for at in range(len(lines) - 1, -1, -1):
        if lines[at] == last:
            return lines[at + 1 :], False
    later = tuple(line for line in lines if line.time > last.time)
    return later, bool(later)
