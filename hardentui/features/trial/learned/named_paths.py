"""The paths that stand in a text or a compiled program. Pure."""

from __future__ import annotations

import re

from msgspec import Struct

_MOST = 2_000
_PROGRAM = re.compile(rb"/(?:usr|opt|bin|sbin|lib|libexec|srv|app)/?[\w./+-]{1,200}")
_DATA = (
    rb"/(?:var|srv|opt|app|data|config|home|mnt|media|storage|etc"
    rb"|root/\.(?:cache|config|local))/[\w./+-]{1,200}"
)
_PLACE = re.compile(rb"(?<![\w./:-])" + _DATA)
"""Below the home of root only what programs write there: compilers leave other paths of it. Below
/etc are the settings that name more."""
_AT_HOME = re.compile(
    rb"(?:(?<=HOME/)|(?<![\w.-])(?<!\w/))\.(?:cache|config|local/(?:share|state))(?![\w.-])"
)
_WHOLE_TEXT = re.compile(rb"(?<=\0)/[\w.+-]+/[\w./+-]{1,200}(?=\0)")
_WITHOUT_END = re.compile(rb"(?=(" + _DATA + rb"))")
_OF_GO = (b"\xff Go buildinf:", b"Go build ID:")
_OF_RUST = b"RUST_BACKTRACE"


class ProgramPaths(Struct, frozen=True):
    """The paths that stand in a compiled program.

    Attributes:
        endless: each text runs into the next, as Go and Rust lay them out.
    """

    texts: frozenset[str] = frozenset()
    endless: bool = False


def named_places(data: bytes) -> frozenset[str]:
    """The paths in a text or program below which services keep their data; ~ stands for its home."""
    return frozenset(sorted(_matches(_PLACE, data) | _places_at_home(data))[:_MOST])


def programs_named(data: bytes) -> frozenset[str]:
    """The paths of programs in a text or program."""
    return frozenset(sorted(match.group().decode() for match in _PROGRAM.finditer(data))[:_MOST])


def is_go(data: bytes) -> bool:
    """Whether Go's compiler made it: the names of its functions are in it even when it was
    stripped."""
    return any(mark in data for mark in _OF_GO)


def places_of_program(data: bytes) -> tuple[frozenset[str], ProgramPaths]:
    """The places that a compiled program names as such, and all paths that it may write."""
    whole = _matches(_WHOLE_TEXT, data)
    if not is_go(data) and _OF_RUST not in data:
        places = named_places(data)
        data_paths = {place for place in places if place.startswith("/")}
        return places, ProgramPaths(_some(whole | data_paths))
    texts = whole | {match[1].decode() for match in _WITHOUT_END.finditer(data)}
    return frozenset(_places_at_home(data)), ProgramPaths(_some(texts), endless=True)


def _matches(pattern: re.Pattern[bytes], data: bytes) -> set[str]:
    return {match.group().decode().rstrip("./") for match in pattern.finditer(data)}


def _places_at_home(data: bytes) -> set[str]:
    return {f"~/{match.group().decode()}" for match in _AT_HOME.finditer(data)}


def _some(paths: set[str]) -> frozenset[str]:
    return frozenset(sorted(paths)[:_MOST])
