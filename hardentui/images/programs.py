"""The programs and scripts in a container's files, from the stream of `GET /containers/ID/export`.

Nothing is unpacked to disk and nothing is run. Each file becomes a small summary of what it can ask for and
start; `started` then follows them from the container's command.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable

from msgspec import Struct, field

from hardentui.images.elf import NoProgram, is_elf, is_go, read_elf
from hardentui.images.tar import ArchiveEntry, Body, ByteSource, Damaged, entries
from hardentui.reading.asked_functions import FUNCTIONS, GO_FUNCTIONS, everyday

_MOST_ENTRIES = 1_000_000
_MOST_FILES = 60_000
_LARGEST_PROGRAM = 256 << 20
_LONGEST_SCRIPT = 1 << 20
_CHUNK = 1 << 20
_MOST_PATHS = 2_000
_MOST_LINKS = 40
_SOURCES = (".py", ".js", ".mjs", ".cjs", ".ts", ".pl", ".pm", ".php", ".rb", ".lua", ".tcl")
SCRIPT_ENDS = (*_SOURCES, ".sh")
_JOBS = (
    "/etc/cron", "/var/spool/cron/", "/etc/supervis", "/etc/s6", "/etc/services.d/", "/etc/service/",
    "/etc/sv/", "/etc/pam.d/",
)  # fmt: skip
"""Where supervisors, cron and PAM find what they start or load."""
_IS_LIBRARY = re.compile(r"\.so(\.[\w.]+)?$")
_PATH = re.compile(rb"/(?:usr|opt|bin|sbin|lib|libexec|srv|app)/?[\w./+-]{1,200}")
_WORD = re.compile(r"[\w./+:-]{2,200}")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_NAME = re.compile(r"[A-Za-z_]\w+")
_WANTED = frozenset(name.encode() for name in FUNCTIONS)
_GO_NAMES = {name.encode() + b"\0": functions for name, functions in GO_FUNCTIONS.items()}
_GO_SYS = b"golang.org/x/sys/unix."


class CodeFile(Struct, frozen=True):
    """What one program, library, script or source can ask for and start.

    Attributes:
        kind: program (ELF), script (with `#!`, or a list of jobs) or source.
        functions: names in `FUNCTIONS`.
        needed: its libraries.
        words: paths and commands that it names.
        interpreter: the words after `#!`.
        set_id: it has set-id bits or file capabilities.
        unknown: why what it asks for cannot be told; empty if it can.
    """

    kind: str
    functions: frozenset[str] = frozenset()
    needed: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    interpreter: tuple[str, ...] = ()
    set_id: bool = False
    unknown: str = ""


class Programs(Struct):
    """All of a container's files that matter here.

    Attributes:
        links: path -> target, of symbolic and hard links.
        gap: why not everything could be read.
    """

    files: dict[str, CodeFile] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    gap: str = ""

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
    source: ByteSource, command: Iterable[str] = (), cancelled: Callable[[], bool] = lambda: False
) -> Programs:
    """Read an archive of a root file system to its end; faults are told in `gap`.

    Args:
        command: its words may name scripts that are not executable, as in `sh /entry`.
    """
    programs = Programs()
    named = frozenset(posixpath.basename(word) for word in command)
    try:
        for number, (entry, body) in enumerate(entries(source)):
            if number >= _MOST_ENTRIES or len(programs.files) >= _MOST_FILES or cancelled():
                programs.gap = "it has too many files"
                break
            if entry.kind == "symbolic link":
                programs.links[entry.path] = entry.target
            elif entry.kind == "hard link":
                programs.links[entry.path] = f"/{entry.target.lstrip('/')}"
            elif entry.kind == "file" and entry.size and (file := _code(entry, body, named)) is not None:
                programs.files[entry.path] = file
    except Damaged as error:
        programs.gap = str(error)
    return programs


def script_words(text: str) -> frozenset[str]:
    """The commands and paths that a shell script may mean; more rather than fewer."""
    return frozenset(
        word.strip(".:")
        for line in text.splitlines()
        for piece in _WORD.findall(_COMMENT.sub("", line))
        for word in (piece, *piece.split(":"))
    )


def _code(entry: ArchiveEntry, body: Body, named: frozenset[str]) -> CodeFile | None:
    path = entry.path
    listed = path.startswith(_JOBS) or path.endswith(".sh") or posixpath.basename(path) in named
    sourced = path.endswith(_SOURCES)
    if not (entry.mode & 0o111 or listed or sourced or _IS_LIBRARY.search(path)):
        return None
    start = body.read(4)
    set_id = bool(entry.mode & 0o6000) or entry.capability
    if is_elf(start):
        if entry.size > _LARGEST_PROGRAM:
            return CodeFile("program", set_id=set_id, unknown="it is too large to be read")
        return _program(start + _rest(body, entry.size), set_id)
    scripted = start.startswith(b"#!")
    if not (scripted or listed or sourced):
        return None
    if entry.size > _LONGEST_SCRIPT:
        return CodeFile("script" if scripted or listed else "source", unknown="it is too long to be read")
    text = (start + _rest(body, entry.size)).decode("utf-8", "replace")
    first = text.partition("\n")[0][2:].split() if scripted else []
    if sourced and not scripted:
        return CodeFile("source", functions=_named(text))
    return CodeFile(
        "script",
        functions=_named(text),
        words=script_words(text),
        interpreter=tuple(first),
        set_id=set_id,
    )


def _named(text: str) -> frozenset[str]:
    """The functions that a source names, as a method or otherwise."""
    return frozenset(FUNCTIONS.keys() & set(_NAME.findall(text)))


def _program(data: bytes, set_id: bool) -> CodeFile:
    try:
        elf = read_elf(data, _WANTED)
    except NoProgram as error:
        return CodeFile("program", set_id=set_id, unknown=str(error))
    functions, unknown = set(elf.imports), ""
    if is_go(data):
        functions |= everyday(FUNCTIONS)
        for name, same in _GO_NAMES.items():
            if name in data or _GO_SYS + name.partition(b".")[2] in data:
                functions.update(same)
    elif elf.static:
        unknown = "it is statically linked"
    paths = {match.group().decode() for match in _PATH.finditer(data)}
    return CodeFile(
        "program",
        functions=frozenset(functions),
        needed=elf.needed,
        words=frozenset(sorted(paths)[:_MOST_PATHS]),
        set_id=set_id,
        unknown=unknown,
    )


def _rest(body: Body, size: int) -> bytes:
    parts = []
    while size > 0 and (part := body.read(min(size, _CHUNK))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
