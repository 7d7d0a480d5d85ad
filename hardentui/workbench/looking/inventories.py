"""Inventories of images: what is inside, read through the API without running them, and kept by image ID."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

from msgspec import convert, to_builtins

from hardentui.engine.read import Engine
from hardentui.errors import EngineError
from hardentui.images.inventory import read_inventory
from hardentui.model.image import ImageInventory
from hardentui.model.known import Known, Unreadable
from hardentui.state.own_files import Folder, keep_document, read_document

SCHEMA = 5
_IMAGE_ID = 64


class Inventories:
    """Inventories by image ID, in memory and in a folder of our own; an image never changes under its ID."""

    def __init__(self, folder: Folder, known: dict[str, ImageInventory] | None = None) -> None:
        """Args:
        known: those that are there already; what becomes known is put into it.
        """
        self._folder = folder
        self._known = {} if known is None else known

    def known(self, identity: str) -> ImageInventory | None:
        """One that was made before, here or in an earlier session."""
        if identity not in self._known:
            inventory = self._load(identity)
            if inventory is not None:
                self._known[identity] = inventory
        return self._known.get(identity)

    def read(
        self, engine: Engine, identity: str, stop: threading.Event, on_bytes: Callable[[int], None]
    ) -> Known[ImageInventory]:
        """Make one; blocking, about a second for 100 MB.

        Args:
            on_bytes: told how many bytes of the archive have come.
        """
        try:
            source = _Source(engine.archive(identity, stop), on_bytes)
            inventory = read_inventory(source, stop.is_set)
        except EngineError as error:
            return Unreadable(f"the image could not be read: {error.title}")
        if stop.is_set():
            return Unreadable("the look into the image was stopped")
        self._known[identity] = inventory
        self._store(identity, inventory)
        return inventory

    def _path(self, identity: str) -> str | None:
        name = identity.removeprefix("sha256:")
        if len(name) != _IMAGE_ID or not name.isalnum():
            return None
        return os.path.join(self._folder(), "images", f"{name}.json")

    def _load(self, identity: str) -> ImageInventory | None:
        path = self._path(identity)
        try:
            document = read_document(path) if path else None
            return (
                convert(document, ImageInventory) if document and document.get("schema") == SCHEMA else None
            )
        except (OSError, ValueError, AttributeError):
            pass  # a cache that cannot be read is none
        return None

    def _store(self, identity: str, inventory: ImageInventory) -> None:
        path = self._path(identity)
        if path is not None:
            keep_document(path, {"schema": SCHEMA, **to_builtins(inventory)})


class _Source:
    """The pieces of an archive as something that can be read."""

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
