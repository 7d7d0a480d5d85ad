"""How Quadlet splits the value of a list key into words, and what gets lost."""

from __future__ import annotations

import re
from typing import NamedTuple, TypeAlias

Version: TypeAlias = "tuple[int, ...]"
"""Of Podman: (5, 4) or (5, 4, 2)."""


_OCTAL = (5, 4)


_BLANKS = " \t\n\r"


_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " ",
    "\\": "\\", '"': '"', "'": "'",
}  # fmt: skip


_NUMBERED = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})")


_LAST_OCTAL = 0xFF


_LAST_CHARACTER = 0x10FFFF


_REPLACEMENT = "\ufffd"


class SplitWords(NamedTuple):
    """The remaining words, and why others were lost (empty: nothing was lost)."""

    words: tuple[str, ...]
    lost: str = ""


class _UnknownEscapeError(ValueError):
    pass


def split_escaped(value: str, version: Version) -> SplitWords:
    """Words with quotes and C escapes. An unknown escape loses all of them, an empty word the rest.

    Before Podman 5.4 an octal escape becomes a NUL and its other digits, which nobody can intend.
    """
    try:
        return _until_empty(
            _WordScanner(
                value,
                escapes=True,
                octal=version >= _OCTAL,
            )
        )
    except _UnknownEscapeError as error:
        return SplitWords((), f"the unknown escape {error} loses the whole line")


def split_literal(value: str) -> SplitWords:
    """Words with quotes; a backslash is literal. An unclosed quote loses all of them."""
    scanner = _WordScanner(value, escapes=False)
    split = _until_empty(scanner)
    if scanner.open_quote:
        return SplitWords((), "a quote that is never closed loses the whole line")
    return split


def split_for_systemd(value: str) -> tuple[str, ...] | None:
    """Words as systemd itself splits them: an unknown escape is kept; None if a quote is never
    closed."""
    scanner = _WordScanner(
        value,
        escapes=True,
        keeps_unknown=True,
    )
    words: list[str] = []
    while (word := scanner.next_word()) is not None:
        words.append(word)
    return None if scanner.open_quote else tuple(words)


def _until_empty(scanner: _WordScanner) -> SplitWords:
    words: list[str] = []
    lost = ""
    while (word := scanner.next_word()) is not None:
        if not word:
            lost = lost or "an empty word is lost, and all words after it"
        elif not lost:
            words.append(word)
    return SplitWords(tuple(words), lost)


class _WordScanner:
    """Iterates over the words of a value."""

    def __init__(
        self,
        value: str,
        *,
        escapes: bool,
        octal: bool = True,
        keeps_unknown: bool = False,
    ) -> None:
        self.value = value
        self.octal = octal
        self.keeps_unknown = keeps_unknown
        self.escapes = escapes
        self.at = 0
        self.open_quote = ""

    def next_word(self) -> str | None:
        """The next word without its quotes; None at the end."""
        while self.at < len(self.value) and self.value[self.at] in _BLANKS:
            self.at += 1
        if self.at == len(self.value):
            return None
        out: list[str] = []
        while self.at < len(self.value):
            character = self.value[self.at]
            self.at += 1
            if character == "\\" and self.escapes:
                out.append(self._escape_or_text())
            elif self.open_quote:
                if character == self.open_quote:
                    self.open_quote = ""
                else:
                    out.append(character)
            elif character in "'\"":
                self.open_quote = character
            elif character in _BLANKS:
                break
            else:
                out.append(character)
        return "".join(out)

    def _escape_or_text(self) -> str:
        try:
            return self._escape()
        except _UnknownEscapeError:
            if not self.keeps_unknown:
                raise
            self.at += 1
            return self.value[self.at - 2 : self.at]

    def _escape(self) -> str:
        letter = self.value[self.at : self.at + 1]
        if letter in _SIMPLE:
            self.at += 1
            return _SIMPLE[letter]
        numbered = _NUMBERED.match(self.value, self.at)
        if numbered is None or (numbered[4] and not self.octal):
            raise _UnknownEscapeError(f"\\{letter}")
        self.at = numbered.end()
        code = next(
            int(digits, base)
            for digits, base in zip(numbered.groups(), (16, 16, 16, 8), strict=True)
            if digits
        )
        if code == 0 or code > _LAST_CHARACTER or (numbered[4] and code > _LAST_OCTAL):
            raise _UnknownEscapeError(f"\\{numbered[0]}")
        return _REPLACEMENT if 0xD800 <= code <= 0xDFFF else chr(code)
