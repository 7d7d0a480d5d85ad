"""What a program in ELF asks for: libraries, and functions that it imports. It may be hostile.

Only what `struct` can read is read: the program and section headers, the dynamic section and the table of
dynamic symbols. Each table is bounded by the file's own length, so a forged header ends in `NoProgram`.
The library pyelftools reads much more, several times as slowly, and trusts the counts that it finds.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator

from msgspec import Struct

_MAGIC = b"\x7fELF"
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_SHT_DYNSYM = 11
_DT_NEEDED, _DT_STRTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 5, 14, 15, 29
_PROGRAMS = (2, 3)  # with and without a fixed address
_MOST_HEADERS = 4096
_MOST_SYMBOLS = 200_000
_MOST_NEEDED = 512
_LONGEST_NAME = 4096
_GO = (b"\xff Go buildinf:", b"Go build ID:")


class NoProgram(ValueError):
    """The file is truncated, damaged, or of a kind that is not known here."""


class Elf(Struct, frozen=True):
    """What a program or library asks for.

    Attributes:
        needed: names of its libraries.
        imports: functions that others have to define, of those that were looked for.
        static: a program that brings everything along. What it asks the kernel for cannot be told: its libc
            takes some numbers of system calls from registers, also in busybox and ldconfig of Debian.
    """

    needed: tuple[str, ...] = ()
    imports: frozenset[str] = frozenset()
    static: bool = False


class _Segment(Struct, frozen=True):
    kind: int
    offset: int
    address: int
    size: int


class _Layout(Struct, frozen=True):
    """The records of one class: 32 or 64 bits."""

    header: struct.Struct
    segment: struct.Struct
    section: struct.Struct
    dynamic: struct.Struct
    symbol: struct.Struct
    wide: bool


def _layout(*formats: str, wide: bool) -> _Layout:
    header, segment, section, dynamic, symbol = map(struct.Struct, formats)
    return _Layout(header, segment, section, dynamic, symbol, wide)


_LAYOUTS = {
    1: _layout("<HHIIIIIHHHHHH", "<8I", "<10I", "<iI", "<IIIBBH", wide=False),
    2: _layout("<HHIQQQIHHHHHH", "<IIQQQQQQ", "<IIQQQQIIQQ", "<qQ", "<IBBHQQ", wide=True),
}


def is_elf(start: bytes) -> bool:
    return start.startswith(_MAGIC)


def read_elf(data: bytes, wanted: Collection[bytes]) -> Elf:
    """Read a whole file.

    Args:
        wanted: the functions that matter.

    Raises:
        NoProgram: it is no ELF file, or one that cannot be understood completely.
    """
    try:
        return _read(data, wanted)
    except (struct.error, OverflowError):
        raise NoProgram("it is truncated") from None


def is_go(data: bytes) -> bool:
    """Whether Go's compiler made it: the names of its functions are in it even when it was stripped."""
    return any(mark in data for mark in _GO)


def _read(data: bytes, wanted: Collection[bytes]) -> Elf:
    if not is_elf(data) or len(data) < 16:
        raise NoProgram("it is no ELF file")
    layout = _LAYOUTS.get(data[4])
    if layout is None or data[5] != 1:
        raise NoProgram("its byte order or word size is not known")
    header = layout.header.unpack_from(data, 16)
    segments_at, sections_at = header[4], header[5]
    segments = tuple(_segments(data, layout, segments_at, header[8], header[9]))
    dynamic = next((segment for segment in segments if segment.kind == _PT_DYNAMIC), None)
    entries = _dynamic(data, layout, dynamic) if dynamic else []
    strings = next((_offset(segments, value) for tag, value in entries if tag == _DT_STRTAB), 0)
    needed = [_name(data, strings + value) for tag, value in entries if tag == _DT_NEEDED]
    starts = header[0] in _PROGRAMS and header[3] and all(tag != _DT_SONAME for tag, _ in entries)
    loaded = any(segment.kind == _PT_INTERP for segment in segments)
    imports = _imports(data, layout, sections_at, header[10], header[11], wanted) if dynamic else frozenset()
    return Elf(
        tuple(name.decode("utf-8", "backslashreplace") for name in needed[:_MOST_NEEDED]),
        imports,
        static=bool(starts) and not loaded and not needed,
    )


def _segments(data: bytes, layout: _Layout, at: int, size: int, count: int) -> Iterator[_Segment]:
    if count > _MOST_HEADERS or (count and size < layout.segment.size):
        raise NoProgram("its program headers are damaged")
    for number in range(count):
        fields = layout.segment.unpack_from(data, at + number * size)
        if layout.wide:
            kind, _, offset, address, _, length = fields[:6]
        else:
            kind, offset, address, _, length = fields[:5]
        yield _Segment(kind, offset, address, length)


def _dynamic(data: bytes, layout: _Layout, segment: _Segment) -> list[tuple[int, int]]:
    count = min(segment.size // layout.dynamic.size, _MOST_HEADERS)
    entries: list[tuple[int, int]] = []
    for number in range(count):
        tag, value = layout.dynamic.unpack_from(data, segment.offset + number * layout.dynamic.size)
        if tag == 0:
            break
        entries.append((tag, value))
    return entries


def _offset(segments: tuple[_Segment, ...], address: int) -> int:
    """Where in the file an address of memory is."""
    for segment in segments:
        if segment.kind == _PT_LOAD and segment.address <= address < segment.address + segment.size:
            return address - segment.address + segment.offset
    raise NoProgram("its dynamic section points nowhere")


def _imports(
    data: bytes, layout: _Layout, at: int, size: int, count: int, wanted: Collection[bytes]
) -> frozenset[str]:
    if not at or not count or count > _MOST_HEADERS or size < layout.section.size:
        raise NoProgram("it has no table of sections")
    sections = [layout.section.unpack_from(data, at + number * size) for number in range(count)]
    names: set[bytes] = set()
    for section in sections:
        if section[1] != _SHT_DYNSYM:
            continue
        offset, length, link = section[4], section[5], section[6]
        if link >= len(sections) or length // layout.symbol.size > _MOST_SYMBOLS:
            raise NoProgram("its table of symbols is damaged")
        strings = sections[link][4]
        table = data[offset : offset + length - length % layout.symbol.size]
        for symbol in layout.symbol.iter_unpack(table[: len(table) - len(table) % layout.symbol.size]):
            defined = symbol[3] if layout.wide else symbol[5]
            if not defined and symbol[0] and (name := _name(data, strings + symbol[0])) in wanted:
                names.add(name)
    return frozenset(name.decode() for name in names)


def _name(data: bytes, at: int) -> bytes:
    end = data.find(b"\0", at, at + _LONGEST_NAME) if 0 <= at < len(data) else -1
    if end < 0:
        raise NoProgram("a name in it is out of place")
    return data[at:end]
