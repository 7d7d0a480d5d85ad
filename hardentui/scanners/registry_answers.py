"""Answers of registries with their dates: `hardentui images --updates` queries, checks read them here.

It is unknown how long a registry has had an image: its dates are set by its builder. So the day on which it
was first seen here counts.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Any

import msgspec

from hardentui.do import Do, Verb
from hardentui.errors import WriteError
from hardentui.model.image import RegistryDigest
from hardentui.model.known import Known, Unread
from hardentui.state import Directory, read_document, write_own

SCHEMA = "hardentui/registry/1"
NEVER_ASKED = Unread("the registry was not queried", do=Do(Verb.IMAGE_UPDATES))
_MOST_DIGESTS = 20


class _Answer(msgspec.Struct):
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
        return RegistryDigest(answer.digest, answer.asked, answer.seen.get(answer.digest, answer.asked))

    def keep(self, reference: str, digest: str, now: datetime) -> RegistryDigest:
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
        known[reference] = _Answer(digest, now, {digest: seen[digest] for digest in {*newest, digest}})
        self._known = known
        document = {"schema": SCHEMA, "answers": msgspec.to_builtins(known)}
        try:
            write_own(self._path, json.dumps(document))
        except OSError as error:
            raise WriteError(f"The answer of a registry cannot be stored: {error.strerror}.") from error
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
            return msgspec.convert(document["answers"], dict[str, _Answer])
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            return Unread(f"the answers of registries cannot be read: {error.strerror}")
        except (ValueError, KeyError, TypeError, RecursionError):
            return Unread("the stored answers of registries are damaged")
