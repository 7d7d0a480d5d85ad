"""A tar reader for archives that may be hostile."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

BLOCK = 512


LONGEST_HEADER = 1 << 20


_TAR_CHUNK = 1 << 16


_MOST_SPARSE_BLOCKS = 4096


_CAPABILITY = "SCHILY.xattr.security.capability"


_READ = frozenset({"path", "linkpath", "size"})
"""Fields read from an extended header, besides whether it has a capability; the rest is ignored."""


_LONGEST_NAME = 4096
"""PATH_MAX: nothing can be unpacked under a longer path."""


_MOST_HEADERS = 64
"""Most extended headers before one entry; an honest archive has three."""


_KINDS = {
    **dict.fromkeys(("0", "\0", "7", "S"), "file"),
    "1": "hard link",
    "2": "symbolic link",
    "3": "device",
    "4": "device",
    "5": "folder",
    "6": "pipe",
}


class Damaged(Exception):
    """The archive is truncated or invalid; earlier results are still valid."""


class ByteSource(Protocol):
    """Any source of bytes: up to `size` of them, none at the end."""

    def read(self, size: int, /) -> bytes: ...


class ArchiveEntry(NamedTuple):
    path: str  # absolute and without `..`, whatever the archive contains
    kind: str  # file, hard link, symbolic link, device, folder, pipe or other
    mode: int
    uid: int
    size: int  # bytes of the body in the archive
    target: str = ""  # of a link, as in the archive; never followed
    capability: bool = False


class Body:
    """The bytes of one entry, bounded by its size in the archive."""

    def __init__(
        self,
        source: ByteSource,
        size: int,
    ) -> None:
        self._source = source
        self._left = size
        self._padding = -size % BLOCK

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; raises Damaged if the archive ends too soon."""
        wanted = min(size, self._left)
        if not wanted:
            return b""
        data = _up_to(self._source, wanted)
        if len(data) < wanted:
            raise Damaged("the archive is truncated")
        self._left -= wanted
        return data

    def skip(self) -> None:
        """Leave out the rest and the padding."""
        while self.read(_TAR_CHUNK):
            pass
        padding, self._padding = self._padding, 0
        if len(_up_to(self._source, padding)) < padding:
            raise Damaged("the archive is truncated")


def _up_to(source: ByteSource, size: int) -> bytes:
    """`size` bytes, fewer only at the end: sockets hand over what has come so far."""
    parts = []
    while size > 0 and (part := source.read(min(size, _TAR_CHUNK))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def entries(source: ByteSource) -> Iterator[tuple[ArchiveEntry, Body]]:
    """Each entry with its body, which is only valid until the next one is requested.

    Raises:
        Damaged: at the place where the archive breaks.
    """
    everywhere: dict[str, bytes] = {}
    extended: dict[str, bytes] = {}
    headers = 0
    while (block := _block(source)) is not None:
        kind = chr(block[156])
        size = _number(block[124:136])
        if kind in "xgLK":
            headers += 1
            if headers > _MOST_HEADERS:
                raise Damaged("it has more extended headers than is plausible")
            data = _header(source, size)
            if kind == "g":
                everywhere.update(_records(data))
            elif kind == "x":
                extended.update(_records(data))
            else:
                extended["path" if kind == "L" else "linkpath"] = _name(data.rstrip(b"\0"))
            continue
        if kind == "S":
            _skip_sparse_map(source, block)
        entry = _entry(
            block,
            kind,
            size,
            {**everywhere, **extended},
        )
        extended, headers = {}, 0
        body = Body(source, entry.size)
        yield entry, body
        body.skip()


def _block(source: ByteSource) -> bytes | None:
    """The next header block; None at the end of the archive."""
    block = _up_to(source, BLOCK)
    if not block or not any(block):
        return None
    if len(block) < BLOCK:
        raise Damaged("the archive is truncated")
    total = sum(block) - sum(block[148:156]) + 8 * 32
    if total != _number(block[148:156]):
        raise Damaged("a header does not add up")
    return block


def _number(field: bytes) -> int:
    """Octal digits, or a big-endian number when the first bit is set."""
    if field[0] & 0x80:
        if field[0] & 0x40:
            raise Damaged("a header holds a negative number")
        return int.from_bytes(bytes([field[0] & 0x3F]) + field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    if not digits:
        return 0
    try:
        return int(digits, 8)
    except ValueError:
        raise Damaged("a header has an invalid number") from None


def _header(source: ByteSource, size: int) -> bytes:
    if size > LONGEST_HEADER:
        raise Damaged("a header is longer than is plausible")
    body = Body(source, size)
    data = body.read(size)
    body.skip()
    return data


def _records(data: bytes) -> dict[str, bytes]:
    """`length name=value` lines of an extended header, as far as they are needed here."""
    records: dict[str, bytes] = {}
    at = 0
    while at < len(data) and data[at] != 0:
        space = data.find(b" ", at, at + 10)
        digits = data[at:space] if space > 0 else b""
        length = int(digits) if digits.isdigit() else 0
        end = at + length
        if length <= len(digits) + 2 or end > len(data):
            raise Damaged("an extended header does not add up")
        name, equals, value = data[space + 1 : end - 1].partition(b"=")
        key = name.decode("utf-8", "replace") if len(name) <= len(_CAPABILITY) else ""
        if equals and key in _READ:
            records[key] = _name(value)
        elif equals and key == _CAPABILITY:
            records[key] = b""
        at = end
    return records


def _name(value: bytes) -> bytes:
    if len(value) > _LONGEST_NAME:
        raise Damaged("a name is longer than is plausible")
    return value


def _skip_sparse_map(source: ByteSource, block: bytes) -> None:
    more, seen = block[482], 0
    while more:
        seen += 1
        following = _up_to(source, BLOCK)
        if len(following) < BLOCK or seen > _MOST_SPARSE_BLOCKS:
            raise Damaged("the map of a sparse file has no end")
        more = following[504]


def _entry(
    block: bytes,
    kind: str,
    size: int,
    extended: Mapping[str, bytes],
) -> ArchiveEntry:
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    raw = extended.get("path", prefix + b"/" + name if prefix else name)
    target = extended.get("linkpath", block[157:257].partition(b"\0")[0])
    if "size" in extended:
        digits = extended["size"]
        if not digits.isdigit() or len(digits) > 19:
            raise Damaged("an extended header has an invalid size")
        size = int(digits)
    what = _KINDS.get(kind, "other")
    if kind == "\0" and raw.endswith(b"/"):
        what = "folder"
    return ArchiveEntry(
        path=posixpath.normpath("/" + _text(raw).lstrip("/")),
        kind=what,
        mode=_number(block[100:108]) & 0o7777,
        uid=_number(block[108:116]),
        size=0
        if what in ("symbolic link", "hard link", "device", "folder", "pipe") and kind != "1"
        else size,
        target=_text(target),
        capability=_CAPABILITY in extended,
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
