"""How Quadlet transforms a value on its way to Podman: quotes, lost words, relative paths."""

from __future__ import annotations

import posixpath
import re

from hardentui.errors import InputError
from hardentui.model.open_value import is_open
from hardentui.model.podman_version import Version
from hardentui.systemd.unit_text import (
    Word,
    split_words,
)

_KEEPS_QUOTES = Version(5, 0)


_ONLY_PAIRS = Version(5, 8, 2)


_NAMED_USERS = Version(4, 8)


_KNOWS_UNITS = Version(5, 3)


_SKIPS_EMPTY = Version(5, 3)


_NAMES_ALONE = Version(5, 6)


_KNOWN_ESCAPE = re.compile(
    r"\\(?:[abfnrtvs\\\"']|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})"
)


def unquoted(value: str, version: Version) -> str:
    """A value whose last line counts: which double quotes at its ends are dropped."""
    if version < _KEEPS_QUOTES:
        return value
    if version < _ONLY_PAIRS:
        return value.strip('"')
    paired = len(value) > 1 and value.startswith('"') and value.endswith('"')
    return value[1:-1] if paired else value


def kept_words(value: str, *, escapes: bool) -> tuple[Word, ...]:
    """The words of a list that survive.

    An unknown escape loses the whole line, and so does an unclosed quote if there are no escapes;
    an empty word is lost with all words after it.
    """
    if escapes and "\\" in _KNOWN_ESCAPE.sub("", value):
        return ()
    try:
        words = split_words(value, escapes=escapes)
    except InputError:
        words = _with_open_quote(value) if escapes else ()
    empty = next(
        (number for number, word in enumerate(words) if not word.text),
        len(words),
    )
    return words[:empty]


def _with_open_quote(value: str) -> tuple[Word, ...]:
    """Quadlet treats an unclosed quote as closed at the end."""
    for quote in "\"'":
        try:
            words = split_words(value + quote)
        except InputError:
            continue
        last = words[-1]
        return (
            *words[:-1],
            Word(
                last.text,
                last.start,
                len(value),
                last.offsets,
            ),
        )
    return ()


def keeps_name_alone(version: Version) -> bool:
    """Whether a word without `=` in Environment= or Label= is passed on; before 5.6 it is lost."""
    return version >= _NAMES_ALONE


def empty_entrypoint(version: Version) -> bool:
    """Whether an empty Entrypoint= is passed on."""
    return version < _SKIPS_EMPTY or version >= _ONLY_PAIRS


def guesses_names(version: Version) -> bool:
    """Whether a missing network or volume unit is still named after its file."""
    return version < _KNOWS_UNITS


def takes_tmpfs(version: Version) -> bool:
    """Whether ReadOnly= also removes the tmpfs mounts that Podman adds."""
    return version < _NAMED_USERS


def user_text(value: str, version: Version) -> str:
    """How User= or Group= is read: before 4.8 as a number, and any other text as 0, which is root."""
    as_it_stands = version >= _NAMED_USERS or value.isdecimal() or is_open(value)
    return value if as_it_stands else "0"


def absolute(path: str, directory: str) -> str:
    """A path that may be relative to the unit's directory; one that begins with a specifier is
    unchanged."""
    specifier = path.startswith("%") and not path.startswith("%%")
    if path.startswith("/") or specifier or not directory:
        return path
    return posixpath.normpath(f"{directory}/{path}")
