"""The programs and scripts in a container's files, from the stream of `GET /containers/ID/export`.

Nothing is unpacked to disk and nothing is run. Each file becomes a small summary of what it can ask
for and start; `started` then follows them from the container's command.
"""

from __future__ import annotations

import posixpath
import re
import struct
from collections.abc import Callable, Collection, Iterable, Iterator

from msgspec import Struct, field

from hardentui.features.trial.learned.named_paths import (
    ProgramPaths,
    is_go,
    named_places,
    places_of_program,
    programs_named,
)
from hardentui.features.trial.learned.written_places import written_places
from hardentui.lib.image.tar import ArchiveEntry, Body, ByteSource, Damaged, entries
from hardentui.reading.asked_functions import FUNCTIONS, GO_FUNCTIONS, everyday

_MAGIC = b"\x7fELF"
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_SHT_DYNSYM = 11
_DT_NEEDED, _DT_STRTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 5, 14, 15, 29
_PROGRAMS = (2, 3)  # with and without a fixed address
_MOST_HEADERS = 4096
_MOST_SYMBOLS = 200_000
_MOST_RECORDS = 4_000_000
"""Headers and symbols of all programs of an image: half a minute; Debian's largest have a tenth."""
_MOST_NEEDED = 512
_LONGEST_NAME = 4096


class NoProgram(ValueError):
    """The file is truncated, damaged, or of a kind that is not known here."""


class Allowance(Struct):
    """How many records may still be read: a small file can have many headers of one large table."""

    left: int = _MOST_RECORDS

    def take(self, records: int) -> None:
        """Raises NoProgram if there are not that many left."""
        if records > self.left:
            raise NoProgram("it has more headers and symbols than are read")
        self.left -= records


class Elf(Struct, frozen=True):
    """What a program or library asks for."""

    needed: tuple[str, ...] = ()
    # functions that others have to define, of those that were looked for
    imports: frozenset[str] = frozenset()
    # a program that brings everything along. What it asks the kernel for cannot be told: its libc
    # takes some numbers of system calls from registers, also in busybox and ldconfig of Debian.
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
    return _Layout(
        header,
        segment,
        section,
        dynamic,
        symbol,
        wide,
    )


_LAYOUTS = {
    1: _layout(
        "<HHIIIIIHHHHHH",
        "<8I",
        "<10I",
        "<iI",
        "<IIIBBH",
        wide=False,
    ),
    2: _layout(
        "<HHIQQQIHHHHHH",
        "<IIQQQQQQ",
        "<IIQQQQIIQQ",
        "<qQ",
        "<IBBHQQ",
        wide=True,
    ),
}


def is_elf(start: bytes) -> bool:
    return start.startswith(_MAGIC)


def read_elf(
    data: bytes,
    wanted: Collection[bytes],
    allowance: Allowance | None = None,
) -> Elf:
    """Read a whole file.

    Args:
        wanted: the functions that matter.
        allowance: of the image that the file is in.

    Raises:
        NoProgram: it is no ELF file, or one that cannot be understood completely.
    """
    try:
        return _read(data, wanted, allowance or Allowance())
    except (struct.error, OverflowError):
        raise NoProgram("it is truncated") from None


def _read(
    data: bytes,
    wanted: Collection[bytes],
    allowance: Allowance,
) -> Elf:
    if not is_elf(data) or len(data) < 16:
        raise NoProgram("it is no ELF file")
    layout = _LAYOUTS.get(data[4])
    if layout is None or data[5] != 1:
        raise NoProgram("its byte order or word size is not known")
    header = layout.header.unpack_from(data, 16)
    segments_at, sections_at = header[4], header[5]
    allowance.take(header[9] + header[11])
    segments = tuple(
        _segments(
            data,
            layout,
            segments_at,
            header[8],
            header[9],
        )
    )
    dynamic = next(
        (segment for segment in segments if segment.kind == _PT_DYNAMIC),
        None,
    )
    entries = _dynamic(data, layout, dynamic) if dynamic else []
    allowance.take(len(entries))
    strings = next(
        (_offset(segments, value) for tag, value in entries if tag == _DT_STRTAB),
        0,
    )
    needed = [_name(data, strings + value) for tag, value in entries if tag == _DT_NEEDED]
    starts = header[0] in _PROGRAMS and header[3] and all(tag != _DT_SONAME for tag, _ in entries)
    loaded = any(segment.kind == _PT_INTERP for segment in segments)
    imports = (
        _imports(
            data,
            layout,
            sections_at,
            header[10],
            header[11],
            wanted,
            allowance,
        )
        if dynamic
        else frozenset()
    )
    return Elf(
        tuple(name.decode("utf-8", "backslashreplace") for name in needed[:_MOST_NEEDED]),
        imports,
        static=bool(starts) and not loaded and not needed,
    )


def _segments(
    data: bytes,
    layout: _Layout,
    at: int,
    size: int,
    count: int,
) -> Iterator[_Segment]:
    if count > _MOST_HEADERS or (count and size < layout.segment.size):
        raise NoProgram("its program headers are damaged")
    for number in range(count):
        fields = layout.segment.unpack_from(data, at + number * size)
        if layout.wide:
            kind, _, offset, address, _, length = fields[:6]
        else:
            kind, offset, address, _, length = fields[:5]
        yield _Segment(kind, offset, address, length)


def _dynamic(
    data: bytes,
    layout: _Layout,
    segment: _Segment,
) -> list[tuple[int, int]]:
    count = min(segment.size // layout.dynamic.size, _MOST_HEADERS)
    entries: list[tuple[int, int]] = []
    for number in range(count):
        tag, value = layout.dynamic.unpack_from(
            data,
            segment.offset + number * layout.dynamic.size,
        )
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
    data: bytes,
    layout: _Layout,
    at: int,
    size: int,
    count: int,
    wanted: Collection[bytes],
    allowance: Allowance,
) -> frozenset[str]:
    if not at or not count or count > _MOST_HEADERS or size < layout.section.size:
        raise NoProgram("it has no table of sections")
    sections = [layout.section.unpack_from(data, at + number * size) for number in range(count)]
    names: set[bytes] = set()
    in_this_file = Allowance(_MOST_SYMBOLS)
    for section in sections:
        if section[1] != _SHT_DYNSYM:
            continue
        offset, length, link = section[4], section[5], section[6]
        if link >= len(sections):
            raise NoProgram("its table of symbols is damaged")
        for each in (in_this_file, allowance):
            each.take(length // layout.symbol.size)
        strings = sections[link][4]
        table = data[offset : offset + length - length % layout.symbol.size]
        for symbol in layout.symbol.iter_unpack(
            table[: len(table) - len(table) % layout.symbol.size]
        ):
            defined = symbol[3] if layout.wide else symbol[5]
            if not defined and symbol[0] and (name := _name(data, strings + symbol[0])) in wanted:
                names.add(name)
    return frozenset(name.decode() for name in names)


def _name(data: bytes, at: int) -> bytes:
    end = data.find(b"\0", at, at + _LONGEST_NAME) if 0 <= at < len(data) else -1
    if end < 0:
        raise NoProgram("a name in it is out of place")
    return data[at:end]


_MOST_ENTRIES = 1_000_000
_MOST_FILES = 60_000
_LARGEST_PROGRAM = 256 << 20
_LONGEST_SCRIPT = 1 << 20
_CHUNK = 1 << 20
_MOST_LINKS = 40
_SOURCES = (
    ".py",
    ".js",
    ".mjs",
    ".cjs",
    ".ts",
    ".pl",
    ".pm",
    ".php",
    ".rb",
    ".lua",
    ".tcl",
)
SCRIPT_ENDS = (*_SOURCES, ".sh")
_JOBS = (
    "/etc/cron", "/var/spool/cron/", "/etc/supervis", "/etc/s6", "/etc/services.d/", "/etc/service/",
    "/etc/sv/", "/etc/pam.d/", "/etc/inetd", "/etc/xinetd", "/etc/monit", "/etc/nagios/nrpe",
    "/etc/snmp/snmpd.",
)  # fmt: skip
"""Where supervisors, super-servers, cron and PAM find what they start or load."""
_NOWHERE = frozenset[str]()
_IS_LIBRARY = re.compile(r"\.so(\.[\w.]+)?$")
_LONGEST_SETTINGS = 64 << 10  # bytes
_SETTINGS = re.compile(
    r"^/etc/|^/(?!usr/(?:lib|share)/).*\.(?:conf|cfg|ini|toml|ya?ml|json|properties|env|xml)$"
)
_NOT_OF_A_SERVICE = re.compile(
    r"^/etc/(?:passwd|shadow|group|fstab|adduser|deluser|login|profile|skel|apt|dpkg|cron|logrotate"
    r"|init\.d|systemd|tmpfiles|ssl|security|pam|alternatives|default/useradd)"
)
"""Settings of the system: they name homes and logs of accounts and programs that do not run."""
_WORD = re.compile(r"[\w./+:-]{2,200}")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_NAME = re.compile(r"[A-Za-z_]\w+")
_ANOTHER_USER = frozenset({"setuid", "setgid", "setgroups"})
_SPELLINGS = (
    (
        {"child_process", "cluster"},
        re.compile(r"\b[ug]id\b"),
        _ANOTHER_USER,
    ),
    (
        {"subprocess", "Popen"},
        re.compile(r"\b(?:user|group|extra_groups)\s*="),
        _ANOTHER_USER,
    ),
    (
        {"Process"},
        re.compile(r"\bProcess(?:::\w+)*(?:\.e?[ug]id\s*=|\.change_privilege)"),
        _ANOTHER_USER,
    ),
    (
        {"UID", "EUID", "GID", "EGID"},
        re.compile(r"\$E?[UG]ID\s*="),
        _ANOTHER_USER,
    ),
    (
        {"chgrp", "tarfile", "unpack_archive"},
        re.compile(""),
        frozenset({"chown"}),
    ),
)
"""What sources of some languages say (a name, and an expression) -> the functions that this means.
"""
_WANTED = frozenset(name.encode() for name in FUNCTIONS)
_GO_NAMES = {name.encode() + b"\0": functions for name, functions in GO_FUNCTIONS.items()}
_GO_SYS = b"golang.org/x/sys/unix."


class CodeFile(Struct, frozen=True):
    """What one program, library, script or source can ask for and start."""

    kind: str  # program (ELF), script (with `#!`, or a list of jobs) or source
    functions: frozenset[str] = frozenset()  # names in `FUNCTIONS`
    needed: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()  # paths and commands that it names
    places: frozenset[str] = frozenset()  # paths where data is kept that it names
    writes: frozenset[str] = frozenset()  # directories that it says it writes in
    paths: ProgramPaths = ProgramPaths()  # of a compiled one
    interpreter: tuple[str, ...] = ()  # the words after `#!`
    set_id: bool = False
    unknown: str = ""  # why what it asks for cannot be told; empty if it can


class Programs(Struct):
    """All of a container's files that matter here."""

    files: dict[str, CodeFile] = field(default_factory=dict)
    links: dict[str, str] = field(
        default_factory=dict
    )  # path -> target, of symbolic and hard links
    filled: set[str] = field(default_factory=set)  # directories that hold something
    # text of settings -> the paths in it, below which services keep their data
    settings: dict[str, frozenset[str]] = field(default_factory=dict)
    folders: dict[str, tuple[int, int]] = field(default_factory=dict)  # path -> (owner, mode)
    present: set[str] = field(default_factory=set)  # files, but for those of the system in /usr
    homes: dict[int, str] = field(default_factory=dict)  # uid -> home directory
    gap: str = ""  # why not everything could be read

    def may_make(self, directory: str, uid: int) -> bool:
        """Whether an account may make a directory, or write to the one that is there."""
        while directory not in self.folders and directory != "/":
            directory = posixpath.dirname(directory)
        owner, mode = self.folders.get(directory, (0, 0o755))
        return uid in (0, owner) or bool(mode & 0o002)

    def real(self, path: str) -> str:
        """Where a path leads through links; the path itself, normalized, if there are too many."""
        parts, there, followed = path.split("/"), "/", 0
        while parts:
            part = parts.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                there = posixpath.dirname(there)
                continue
            here = posixpath.join(there, part)
            target = self.links.get(here)
            if target is None:
                there = here
                continue
            followed += 1
            if followed > _MOST_LINKS:
                return posixpath.normpath(path)
            parts = [*target.split("/"), *parts]
            there = "/" if target.startswith("/") else there
        return there


def read_programs(
    source: ByteSource,
    command: Iterable[str] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Programs:
    """Read an archive of a root file system to its end; faults are told in `gap`. `command`: its
    words may name scripts that are not executable, as in `sh /entry`.
    """
    programs, allowance = Programs(), Allowance()
    named = frozenset(posixpath.basename(word) for word in command)
    try:
        for number, (entry, body) in enumerate(entries(source)):
            if number >= _MOST_ENTRIES or len(programs.files) >= _MOST_FILES or cancelled():
                programs.gap = "it has too many files"
                break
            programs.filled.add(posixpath.dirname(entry.path))
            if entry.kind == "file" and len(programs.present) < _MOST_FILES:
                programs.present |= {entry.path} if not entry.path.startswith("/usr/") else set()
            if entry.kind == "folder":
                programs.folders[entry.path] = entry.uid, entry.mode
            elif entry.path == "/etc/passwd" and entry.size <= _LONGEST_SETTINGS:
                programs.homes |= _homes(_rest(body, entry.size))
            if entry.kind == "symbolic link":
                programs.links[entry.path] = entry.target
            elif entry.kind == "hard link":
                programs.links[entry.path] = f"/{entry.target.lstrip('/')}"
            elif (
                entry.kind == "file"
                and entry.size
                and (file := _code(entry, body, named, allowance)) is not None
            ):
                programs.files[entry.path] = file
            elif entry.kind == "file" and (places := _settings(entry, body)):
                programs.settings[entry.path] = places
    except Damaged as error:
        programs.gap = str(error)
    return programs


def _homes(accounts: bytes) -> dict[int, str]:
    rows = [line.split(":") for line in accounts.decode("utf-8", "replace").splitlines()]
    return {int(row[2]): row[5] for row in rows if len(row) > 6 and row[2].isdecimal()}


def _settings(entry: ArchiveEntry, body: Body) -> frozenset[str]:
    """The places that a file names, if it looks like settings of a service."""
    if not _SETTINGS.search(entry.path) or _NOT_OF_A_SERVICE.match(entry.path):
        return frozenset()
    if not 0 < entry.size <= _LONGEST_SETTINGS:
        return frozenset()
    text = _rest(body, entry.size)
    return named_places(re.sub(rb"(?m)^[ \t]*[#;].*", b"", text))


def script_words(text: str) -> frozenset[str]:
    """The commands and paths that a shell script may mean; more rather than fewer."""
    return frozenset(
        word.strip(".:")
        for line in text.splitlines()
        for piece in _WORD.findall(_COMMENT.sub("", line))
        for word in (piece, *piece.split(":"))
    )


def _code(
    entry: ArchiveEntry,
    body: Body,
    named: frozenset[str],
    allowance: Allowance,
) -> CodeFile | None:
    path = entry.path
    listed = path.startswith(_JOBS) or path.endswith(".sh") or posixpath.basename(path) in named
    sourced = path.endswith(_SOURCES)
    if not (entry.mode & 0o111 or listed or sourced or _IS_LIBRARY.search(path)):
        return None
    start = body.read(4)
    set_id = bool(entry.mode & 0o6000) or entry.capability
    if is_elf(start):
        if entry.size > _LARGEST_PROGRAM:
            return CodeFile(
                "program",
                set_id=set_id,
                unknown="it is too large to be read",
            )
        data = start + _rest(body, entry.size)
        is_library = _IS_LIBRARY.search(path) is not None
        return _program(data, allowance, set_id=set_id, is_library=is_library)
    scripted = start.startswith(b"#!")
    if not (scripted or listed or sourced):
        return None
    if entry.size > _LONGEST_SCRIPT:
        return CodeFile(
            "script" if scripted or listed else "source", unknown="it is too long to be read"
        )
    text = (start + _rest(body, entry.size)).decode("utf-8", "replace")
    first = text.partition("\n")[0][2:].split() if scripted else []
    writes = written_places(text, path)
    if sourced and not scripted:
        return CodeFile(
            "source",
            functions=_named(text),
            words=programs_named(text.encode()),
            places=named_places(text.encode()),
            writes=writes,
        )
    return CodeFile(
        "script",
        functions=_named(text),
        words=script_words(text),
        places=named_places(text.encode()),
        writes=writes,
        interpreter=tuple(first),
        set_id=set_id,
    )


def _named(text: str) -> frozenset[str]:
    """The functions that a source names, as a method, in the spelling of its language, or
    otherwise."""
    names = set(_NAME.findall(text))
    names |= {name.removeprefix("posix_").removesuffix("Sync") for name in names}
    for first, second, means in _SPELLINGS:
        if first.isdisjoint(names) or not second.search(text):
            continue
        names |= means
    return frozenset(FUNCTIONS.keys() & names)


def _program(
    data: bytes,
    allowance: Allowance,
    *,
    set_id: bool,
    is_library: bool,
) -> CodeFile:
    try:
        elf = read_elf(data, _WANTED, allowance)
    except NoProgram as error:
        return CodeFile(
            "program",
            set_id=set_id,
            unknown=str(error),
        )
    functions, unknown = set(elf.imports), ""
    if is_go(data):
        functions |= everyday(FUNCTIONS)
        for name, same in _GO_NAMES.items():
            if name in data or _GO_SYS + name.partition(b".")[2] in data:
                functions.update(same)
    elif elf.static:
        unknown = "it is statically linked"
    places, paths = (_NOWHERE, ProgramPaths()) if is_library else places_of_program(data)
    return CodeFile(
        "program",
        functions=frozenset(functions),
        needed=elf.needed,
        words=programs_named(data),
        places=places,
        paths=paths,
        set_id=set_id,
        unknown=unknown,
    )


def _rest(body: Body, size: int) -> bytes:
    parts = []
    while size > 0 and (part := body.read(min(size, _CHUNK))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
