"""What goes between a process that reads and the one that asks: documents in pieces with lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import BinaryIO

import msgspec
from msgspec import Struct

LENGTH = 8  # bytes of a length; a piece of none ends a document
_PIECE = 1 << 20


class ReaderKind(Enum):
    """What a process reads: for its whole life only this."""

    YAML = "yaml"
    HOST_SCAN = "host-scan"
    IMAGE_REPORT = "image-report"
    INVENTORY = "inventory"
    PROGRAMS = "programs"

    @property
    def seconds(self) -> int:
        """Of the processor, for one document: an image takes a second for each 100 MB."""
        return {"yaml": 20, "inventory": 3600, "programs": 600}.get(self.value, 120)

    @property
    def memory(self) -> int:
        """Bytes of address space. A report of a scanner may have 256 MB."""
        return 1 << 30 if self is ReaderKind.YAML else 2 << 30


class Request(Struct, frozen=True):
    """What is asked of a document."""

    words: tuple[str, ...] = ()  # of the command whose programs are looked for
    written: datetime = datetime(1970, 1, 1, tzinfo=UTC)  # when a report was


class Answer(Struct, frozen=True):
    """What was read, or why it was not."""

    value: msgspec.Raw = msgspec.Raw(b"\xc0")  # as msgpack
    refused: str = ""
    hint: str = ""  # what would help
    out_of_memory: bool = False


def packed(document: bytes) -> bytes:
    """A whole document in one piece, with its length."""
    return len(document).to_bytes(LENGTH, "big") + document


def pieces_of(parts: Iterable[bytes]) -> Iterator[bytes]:
    """A document in pieces with their lengths, and its end."""
    for part in parts:
        for at in range(0, len(part), _PIECE):
            yield packed(part[at : at + _PIECE])
    yield packed(b"")


class Source:
    """A document that comes in pieces, as a stream."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = 0
        self._over = False

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, none at the end."""
        if not self._left and not self._over:
            self._left = int.from_bytes(self._file.read(LENGTH), "big")
            self._over = not self._left
        if self._over:
            return b""
        taken = self._file.read(min(size, self._left))
        self._left -= len(taken)
        self._over = not taken
        return taken

    def whole(self) -> bytes:
        """All that is left of it."""
        parts = []
        while part := self.read(_PIECE):
            parts.append(part)
        return b"".join(parts)

    def drop(self) -> None:
        """Read the rest without keeping it."""
        while self.read(_PIECE):
            pass
