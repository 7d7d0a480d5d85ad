"""The contents of an image, read through the engine without running it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from hardentui.engine.read import Engine
from hardentui.errors import EngineError
from hardentui.features.looking.judging import Parts
from hardentui.lib.frames import ReaderKind
from hardentui.lib.image import ImageInventory
from hardentui.model.known import Known, Unread
from hardentui.reader import NotRead, ReadingStopped, read_apart


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
        counted = _counted(engine.archive(image, stop), on_bytes)
        return read_apart(
            ReaderKind.INVENTORY,
            counted,
            ImageInventory,
            stop=stop,
        )
    except EngineError as error:
        return Unread(f"the image could not be read: {error.title}")
    except NotRead as error:
        return Unread(f"the image could not be read: {error}")
    except ReadingStopped:
        return Unread("the inspection of the image was stopped")


def _counted(pieces: Iterator[bytes], on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        on_bytes(total)
        yield piece
