"""The contents of an image, read through the engine without running it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from hardentui.engine.read import Engine
from hardentui.errors import EngineError
from hardentui.images.inventory import read_inventory
from hardentui.model.image import ImageInventory
from hardentui.model.known import Known, Unreadable


def read_contents(
    engine: Engine, identity: str, stop: threading.Event, on_bytes: Callable[[int], None]
) -> Known[ImageInventory]:
    """Take the inventory of an image; blocking, about a second per 100 MB.

    Args:
        identity: the image's ID.
        on_bytes: called with the number of bytes read so far.
    """
    try:
        source = _Source(engine.archive(identity, stop), on_bytes)
        inventory = read_inventory(source, stop.is_set)
    except EngineError as error:
        return Unreadable(f"the image could not be read: {error.title}")
    if stop.is_set():
        return Unreadable("the inspection of the image was stopped")
    return inventory


class _Source:
    """The chunks of an archive as a readable stream."""

    def __init__(self, pieces: Iterator[bytes], on_bytes: Callable[[int], None]) -> None:
        self._pieces = pieces
        self._rest = b""
        self._total = 0
        self._on_bytes = on_bytes

    def read(self, size: int, /) -> bytes:
        if not self._rest:
            self._rest = next(self._pieces, b"")
            self._total += len(self._rest)
            self._on_bytes(self._total)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken
