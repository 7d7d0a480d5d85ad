"""Inventories of images, kept by image ID."""

from __future__ import annotations

import os

from msgspec import convert, to_builtins

from hardentui.lib.image.contents import ImageInventory
from hardentui.state import Directory, keep_document, read_document

SCHEMA = 6
_IMAGE_ID = 64


class Inventories:
    """Inventories by image ID, in memory and in a directory of our own; an image with this ID never
    changes.
    """

    def __init__(self, directory: Directory, known: dict[str, ImageInventory] | None = None) -> None:
        """Args:
        known: existing inventories; new ones are added to it.
        """
        self._directory = directory
        self._known = {} if known is None else known

    def known(self, identity: str) -> ImageInventory | None:
        """An existing inventory, from this or an earlier session."""
        if identity not in self._known:
            inventory = self._load(identity)
            if inventory is not None:
                self._known[identity] = inventory
        return self._known.get(identity)

    def keep(self, identity: str, inventory: ImageInventory) -> None:
        """Store a new inventory."""
        self._known[identity] = inventory
        path = self._path(identity)
        if path is not None:
            keep_document(path, {"schema": SCHEMA, **to_builtins(inventory)})

    def _path(self, identity: str) -> str | None:
        name = identity.removeprefix("sha256:")
        if len(name) != _IMAGE_ID or not name.isalnum():
            return None
        return os.path.join(self._directory(), "images", f"{name}.json")

    def _load(self, identity: str) -> ImageInventory | None:
        path = self._path(identity)
        try:
            document = read_document(path) if path else None
            return (
                convert(document, ImageInventory) if document and document.get("schema") == SCHEMA else None
            )
        except (OSError, ValueError, AttributeError):
            pass  # an unreadable cache is an empty cache
        return None
