"""What earlier looks left about images: their contents by image ID, and the answers of registries.

`hardentui images --updates` asks registries, checks read the answers here. How long a registry has
had an image is unknown, its dates are set by its builder: so the day on which it was first seen
here counts.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Any

from msgspec import Struct, convert, to_builtins

from hardentui.do import Do, Verb
from hardentui.errors import WriteError
from hardentui.lib.image import ImageInventory
from hardentui.model.image import RegistryDigest
from hardentui.model.known import Known, Unread
from hardentui.state import Directory, keep_document, read_document, write_own

_INVENTORY_SCHEMA = 6
_IMAGE_ID = 64


class Inventories:
    """Inventories by image ID, in memory and in a directory of our own; an image with this ID never
    changes.
    """

    def __init__(
        self,
        directory: Directory,
        known: dict[str, ImageInventory] | None = None,
    ) -> None:
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

    def keep(
        self,
        identity: str,
        inventory: ImageInventory,
    ) -> None:
        """Store a new inventory."""
        self._known[identity] = inventory
        path = self._path(identity)
        if path is not None:
            keep_document(
                path,
                {"schema": _INVENTORY_SCHEMA, **to_builtins(inventory)},
            )

    def _path(self, identity: str) -> str | None:
        name = identity.removeprefix("sha256:")
        if len(name) != _IMAGE_ID or not name.isalnum():
            return None
        return os.path.join(
            self._directory(),
            "images",
            f"{name}.json",
        )

    def _load(self, identity: str) -> ImageInventory | None:
        path = self._path(identity)
        try:
            document = read_document(path) if path else None
            if document and document.get("schema") == _INVENTORY_SCHEMA:
                return convert(document, ImageInventory)
        except (OSError, ValueError, AttributeError):
            pass  # an unreadable cache is an empty cache
        return None


_REGISTRY_SCHEMA = "hardentui/registry/1"
NEVER_ASKED = Unread("the registry was not queried", do=Do(Verb.IMAGE_UPDATES))
_MOST_DIGESTS = 20


class _Answer(Struct):
    digest: str
    asked: datetime
    seen: dict[str, datetime]


class RegistryAnswers:
    """The answers, in `registry.json` below `directory`; read once."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._known: dict[str, _Answer] | Unread | None = None

    def of(self, reference: str) -> Known[RegistryDigest]:
        """The last answer about a full name."""
        known = self._read()
        if isinstance(known, Unread):
            return known
        answer = known.get(reference)
        if answer is None:
            return NEVER_ASKED
        return RegistryDigest(
            answer.digest, answer.asked, answer.seen.get(answer.digest, answer.asked)
        )

    def keep(
        self,
        reference: str,
        digest: str,
        now: datetime,
    ) -> RegistryDigest:
        """Store an answer; returns it with the day on which this digest was first seen.

        Raises:
            WriteError: the previous answers are untouched.
        """
        answers = self._read()
        known = {} if isinstance(answers, Unread) else answers
        before = known.get(reference)
        seen = {**(before.seen if before else {})}
        seen.setdefault(digest, now)
        newest = sorted(seen, key=lambda digest: seen[digest])[-_MOST_DIGESTS:]
        known[reference] = _Answer(
            digest, now, {digest: seen[digest] for digest in {*newest, digest}}
        )
        self._known = known
        document = {
            "schema": _REGISTRY_SCHEMA,
            "answers": to_builtins(known),
        }
        try:
            write_own(self._path, json.dumps(document))
        except OSError as error:
            raise WriteError(
                f"The answer of a registry cannot be stored: {error.strerror}."
            ) from error
        return RegistryDigest(digest, now, seen[digest])

    @property
    def _path(self) -> str:
        return os.path.join(self._directory(), "registry.json")

    def _read(self) -> Known[dict[str, _Answer]]:
        if self._known is None:
            self._known = self._load()
        return self._known

    def _load(self) -> Known[dict[str, _Answer]]:
        try:
            document: Any = read_document(self._path)
            return convert(document["answers"], dict[str, _Answer])
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            return Unread(f"the answers of registries cannot be read: {error.strerror}")
        except (ValueError, KeyError, TypeError, RecursionError):
            return Unread("the stored answers of registries are damaged")


class StoredAboutImages(Struct, frozen=True):
    """What earlier looks left about images; None = it is ignored."""

    inventories: Inventories | None = None  # their contents
    registry: RegistryAnswers | None = None  # answers of registries
