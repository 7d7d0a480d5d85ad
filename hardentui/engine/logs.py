"""The end of a container's log, and Podman's recent events about it."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic

from hardentui.engine.events import Event, event
from hardentui.engine.read import Engine
from hardentui.engine.target import segment
from hardentui.engine.wire import frames_of
from hardentui.errors import EngineError
from hardentui.model.known import Known, Unread
from hardentui.model.monitoring import LogLine

_LIMIT = 5.0  # seconds


_MOST_BYTES = 1 << 20


_LONGEST_LINE = 4000


_LOGS_TICK = 0.1


def read_log(
    engine: Engine,
    container: str,
    lines: int,
    *,
    terminal: bool,
    stop: threading.Event,
) -> Known[tuple[LogLine, ...]]:
    """The last lines of a container's log, oldest first; at most a megabyte of them. `terminal`: it
    was created with a terminal, so there is only one stream.
    """
    if engine.facts.simulated:
        return Unread("a simulated host has no logs")
    query = {
        "stdout": "true",
        "stderr": "true",
        "timestamps": "true",
        "follow": "false",
        "tail": str(lines),
    }
    ended = _Deadline(stop)
    came = bytearray()
    try:
        for piece in engine.connection.download(
            f"/containers/{segment(container)}/logs", query, ended.stop
        ):
            came += piece
            if len(came) > _MOST_BYTES:
                break
    except EngineError as error:
        if ended.passed:
            return Unread(f"Podman did not return its log within {_LIMIT:g} s")
        return Unread(f"Podman does not return its log: {error.title}")
    finally:
        ended.end()
    frames = [("", bytes(came))] if terminal else list(frames_of(bytes(came)))
    return tuple(line for stream, data in frames for line in _lines(stream, data))[-lines:]


class _Deadline:
    """A stop event that is set when another one is, or when time is up."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = threading.Event()
        self.passed = False
        self._outer = stop
        self._done = threading.Event()
        threading.Thread(
            target=self._watch,
            name="hardentui-log-deadline",
            daemon=True,
        ).start()

    def _watch(self) -> None:
        end = monotonic() + _LIMIT
        while not self._done.wait(_LOGS_TICK):
            if self._outer.is_set() or monotonic() > end:
                self.passed = not self._outer.is_set()
                self.stop.set()
                return

    def end(self) -> None:
        self._done.set()


def _lines(stream: str, data: bytes) -> Iterator[LogLine]:
    for line in data.decode("utf-8", "replace").splitlines():
        time, blank, text = line.partition(" ")
        if not blank or not time[:4].isdecimal():
            time, text = "", line
        if text or time:
            yield LogLine(time, stream, text[:_LONGEST_LINE])


def past_events(
    engine: Engine,
    filters: Mapping[str, Sequence[str]],
    since: float,
    stop: threading.Event,
    *,
    most: int,
) -> Known[tuple[Event, ...]]:
    """The events since a time (seconds since 1970): the newest `most`, oldest first.

    No end is given: with `until`, a Podman that keeps its events in a file stops reading that file
    as soon as the time has passed, wherever it is then, and silently omits the newest events.

    Args:
        filters: Podman's own, such as `{"container": [ID]}`.
    """
    if engine.facts.simulated:
        return Unread("a simulated host has no events")
    query = {
        "stream": "false",
        "since": str(int(since)),
        "filters": json.dumps(filters),
    }
    events: deque[Event] = deque(maxlen=most)
    ended = _Deadline(stop)
    try:
        for item in engine.connection.stream(
            "/events",
            query,
            ended.stop,
            _LOGS_TICK,
        ):
            if item is not None and (happened := event(item)).time > since:
                events.append(happened)
    except EngineError as error:
        return Unread(f"Podman does not return its events: {error.title}")
    finally:
        ended.end()
    if ended.passed:
        return Unread(f"Podman did not return its events within {_LIMIT:g} s")
    return tuple(events)
