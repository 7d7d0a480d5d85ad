"""Podman's events: containers that appear, change and disappear."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from time import monotonic
from typing import Any

from msgspec import Struct

from hardentui.engine.connection import segment
from hardentui.engine.read import Engine
from hardentui.engine.shapes import mapping, text
from hardentui.engine.wire import frames_of
from hardentui.errors import EngineError
from hardentui.model.known import Known, Unread
from hardentui.model.monitoring import LogLine

_TICK = 0.05  # seconds of silence after which a batch is complete
_BATCH = 0.1  # seconds after its first event when a batch is delivered at the latest
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 5.0


class Event(Struct, frozen=True):
    """One event."""

    action: str  # Podman's word: create, start, died, remove, rename, update, pause…
    # id, name: of the object; raw
    id: str
    name: str
    time: float  # seconds since 1970


class Link(StrEnum):
    """Whether events arrive."""

    CONNECTED = "connected"
    LOST = "lost"


OnEvents = Callable[[tuple[Event, ...]], None]
OnState = Callable[[Link, str], None]


def watch(
    engine: Engine,
    on_events: OnEvents,
    on_state: OnState,
    stop: threading.Event,
    kinds: tuple[str, ...] = ("container",),
) -> None:
    """Report events until `stop` is set, in this thread; returns within half a second after that.

    Events within a tenth of a second are delivered as one batch. `on_state(CONNECTED, "")` is
    called each time the stream is established, including the first: list again then, because
    earlier events were missed. `on_state(LOST, reason)` is called once per loss; then this retries
    with growing pauses.
    """
    pause = _FIRST_PAUSE
    lost = False
    while not stop.is_set():
        reason = "Podman ended the event stream."
        try:
            stream = engine.events(kinds, stop, _TICK)
            on_state(Link.CONNECTED, "")
            pause, lost = _FIRST_PAUSE, False
            for batch in batches(stream):
                on_events(batch)
        except EngineError as error:
            reason = error.title
        if stop.is_set():
            return
        if not lost:
            on_state(Link.LOST, reason)
            lost = True
        stop.wait(pause)
        pause = min(_LONGEST_PAUSE, pause * 2)


def batches(stream: Iterator[Any]) -> Iterator[tuple[Event, ...]]:
    """Group the items of an event stream, in which None means that nothing arrived for a while."""
    batch: list[Event] = []
    since = 0.0
    try:
        for item in stream:
            if item is not None:
                if not batch:
                    since = monotonic()
                batch.append(event(item))
            if batch and (item is None or monotonic() - since >= _BATCH):
                yield tuple(batch)
                batch = []
    except EngineError:
        if batch:
            yield tuple(batch)  # events from before the stream broke
        raise
    if batch:
        yield tuple(batch)


def event(item: Any) -> Event:
    """One event as Podman writes it.

    Raises:
        EngineProtocolError
    """
    what = "an event"
    document = mapping(item, what)
    actor = mapping(document.get("Actor") or {}, what)
    attributes: Mapping[str, Any] = mapping(actor.get("Attributes") or {}, what)
    name = attributes.get("name")
    moment = document.get("timeNano")
    return Event(
        action=text(document, "Action", what),
        id=text(actor, "ID", what),
        name=name if isinstance(name, str) else "",
        time=moment / 1e9 if isinstance(moment, int) else 0.0,
    )


# The end of a container's log, and Podman's recent events about it.

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
