"""The contents of an image, read through the engine without running it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from hardentui.engine.read import Engine
from hardentui.errors import EngineError
from hardentui.features.looking.judging import Parts
from hardentui.lib.image import ImageInventory
from hardentui.lib.image.inventory import read_inventory
from hardentui.model.known import Known, Unread


def look_into_image(
    parts: Parts,
    label: str,
    image: str,
    on_bytes: Callable[[int], None],
    stop: threading.Event,
) -> Known[ImageInventory]:
    """Inspect the contents of an image; blocking, about a second per 100 MB.

    Containers of this image are judged with it from their next check.

    Args:
        label: of its engine; `image`: its ID.
        on_bytes: called with the number of bytes read so far.
    """
    known = parts.inventories.known(image)
    if known is not None:
        return known
    read = _read_contents(
        parts.opened.engine(label),
        image,
        stop,
        on_bytes,
    )
    if isinstance(read, ImageInventory):
        parts.inventories.keep(image, read)
    parts.more_is_known(label, image)
    return read


def _read_contents(
    engine: Engine,
    image: str,
    stop: threading.Event,
    on_bytes: Callable[[int], None],
) -> Known[ImageInventory]:
    try:
        source = _Source(engine.archive(image, stop), on_bytes)
        inventory = read_inventory(source, stop.is_set)
    except EngineError as error:
        return Unread(f"the image could not be read: {error.title}")
    if stop.is_set():
        return Unread("the inspection of the image was stopped")
    return inventory


class _Source:
    """The chunks of an archive as a readable stream."""

    def __init__(
        self,
        pieces: Iterator[bytes],
        on_bytes: Callable[[int], None],
    ) -> None:
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
