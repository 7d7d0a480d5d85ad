"""Line numbers in a TOML text: path -> line. The parser of the standard library does not report them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import TypeAlias

TomlPath: TypeAlias = "tuple[str | int, ...]"


_BLANK = r"(?:[ \t\r\n]|#[^\n]*)*"


_SPACE = r"[ \t]*"


_BARE_KEY = r"[A-Za-z0-9_-]+"


_BARE_VALUE = r"[^,\]}#\n]+"


_STRING = (
    r'(?s)"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)


def toml_lines(text: str) -> Mapping[TomlPath, int]:
    """The line (from 1) of every table, key and item of an array. `text`: TOML that `tomllib`
    accepts; anything else gives a partial result.
    """
    scanner = _TomlScanner(text)
    scanner.scan()
    return scanner.lines


def line_of(lines: Mapping[TomlPath, int], path: TomlPath) -> int:
    """The line of `path`, or of the nearest table around it; 1 for the whole text."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 1


class _TomlScanner:
    def __init__(self, text: str) -> None:
        self.lines: dict[TomlPath, int] = {}
        self._text = text
        self._at = 0
        self._breaks = [newline.start() for newline in re.finditer("\n", text)]
        self._tables: dict[TomlPath, int] = {}  # arrays of tables: how many there are so far

    def scan(self) -> None:
        base: TomlPath = ()
        while True:
            self._skip(_BLANK)
            if self._at >= len(self._text):
                return
            before = self._at
            if self._peek("["):
                base = self._header()
            else:
                self._pair(base)
            if self._at == before:
                return  # not TOML: better a partial result than none

    def _peek(self, sign: str) -> bool:
        return self._text.startswith(sign, self._at)

    def _skip(self, pattern: str) -> str:
        match = re.compile(pattern).match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[0]

    def _take(self, sign: str) -> bool:
        if not self._peek(sign):
            return False
        self._at += len(sign)
        return True

    def _note(self, path: TomlPath) -> None:
        self.lines.setdefault(
            path,
            bisect_right(self._breaks, self._at - 1) + 1,
        )

    def _key(self) -> tuple[str, ...]:
        parts = []
        while True:
            self._skip(_SPACE)
            if self._text[self._at : self._at + 1] in ('"', "'"):
                parts.append(_unquoted(self._skip(_STRING)))
            else:
                parts.append(self._skip(_BARE_KEY))
            self._skip(_SPACE)
            if not self._take("."):
                return tuple(parts)

    def _header(self) -> TomlPath:
        array = self._take("[[")
        if not array:
            self._take("[")
        *parents, last = self._key()
        path: TomlPath = ()
        for part in parents:
            path = self._inside((*path, part))
        path = (*path, last)
        if array:
            self._note(path)
            self._tables[path] = self._tables.get(path, 0) + 1
            path = self._inside(path)
        self._note(path)
        self._take("]]" if array else "]")
        return path

    def _inside(self, path: TomlPath) -> TomlPath:
        """The newest table of an array of tables; any other table itself."""
        return (*path, self._tables[path] - 1) if path in self._tables else path

    def _pair(self, base: TomlPath) -> None:
        self._skip(_SPACE)
        start = self._at
        parts = self._key()
        after, self._at = self._at, start
        path = base
        for part in parts:
            path = (*path, part)
            self._note(path)
        self._at = after
        if self._take("="):
            self._value(path)

    def _value(self, path: TomlPath) -> None:
        self._skip(_SPACE)
        if self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline_table(path)
        elif not self._skip(_STRING):
            self._skip(_BARE_VALUE)

    def _array(self, path: TomlPath) -> None:
        index = 0
        while self._more("]"):
            self._note((*path, index))
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: TomlPath) -> None:
        while self._more("}"):
            self._pair(path)

    def _more(self, end: str) -> bool:
        """Whether another item follows; steps over the comma before it, or over the end."""
        self._skip(_BLANK)
        if self._take(","):
            self._skip(_BLANK)
        return not self._take(end) and self._at < len(self._text)


def _unquoted(key: str) -> str:
    if key.startswith("'"):
        return key[1:-1]
    return re.sub(r"\\(.)", r"\1", key[1:-1])


def kind_of(value: object) -> str:
    """The type of a TOML value, in words."""
    if isinstance(value, bool):
        return "true or false"
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (int, "a whole number"),
        (float, "a fraction"),
        (str, "a string"),
        (tuple, "a list of strings"),
        (list, "a list"),
        (dict, "a table"),
    )
    return next(
        (words for kind, words in kinds if isinstance(value, kind)),
        "a date or time",
    )
