"""Podman's events: containers that appear, change and disappear."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from time import monotonic
from typing import Any

from msgspec import Struct

from hardentui.engine.read import Engine
from hardentui.engine.shapes import mapping, text
from hardentui.errors import EngineError

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
