"""Records that leave the memory once they are many, for a temporary file without a name."""

from __future__ import annotations

import io
import tempfile
import weakref
from collections.abc import Iterator

IN_MEMORY = 1 << 20
"""Bytes that stay in memory, unless somebody asks for another number."""
_LENGTH = 4
"""Bytes in front of each record."""


class SpilledRecords:
    """Records of bytes, read again in the order in which they were added.

    Where no temporary file can be made or filled, all of them stay in memory.

    Args:
        in_memory: bytes that stay in memory.
    """

    def __init__(self, in_memory: int | None = None) -> None:
        self._in_memory = IN_MEMORY if in_memory is None else in_memory
        self._file: io.BytesIO | io.FileIO = io.BytesIO()
        self._end = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, record: bytes) -> None:
        content = len(record).to_bytes(_LENGTH, "big") + record
        try:
            self._spill(len(content))
            _write(self._file, self._end, content)
        except OSError:
            self._stay_in_memory()
            _write(self._file, self._end, content)
        self._end += len(content)
        self._count += 1

    def __iter__(self) -> Iterator[bytes]:
        at = 0
        for _ in range(self._count):
            self._file.seek(at)
            length = int.from_bytes(self._file.read(_LENGTH), "big")
            yield self._file.read(length)
            at += _LENGTH + length

    def _spill(self, more: int) -> None:
        if not isinstance(self._file, io.BytesIO) or self._end + more <= self._in_memory:
            return
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it lives as long as this
        weakref.finalize(self, file.close)
        _write(file, 0, self._file.getvalue())
        self._file = file

    def _stay_in_memory(self) -> None:
        self._in_memory = 1 << 62
        if isinstance(self._file, io.BytesIO):
            return
        self._file.seek(0)
        self._file = io.BytesIO(self._file.read(self._end))


def _write(
    file: io.BytesIO | io.FileIO,
    at: int,
    content: bytes,
) -> None:
    """Raises OSError: it could not be written, or only a part of it."""
    file.seek(at)
    if file.write(content) != len(content):
        raise OSError("the file takes no more")
