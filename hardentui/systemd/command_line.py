"""How systemd reads a unit file and splits a command line into the words that it executes. Pure.

See systemd.syntax(7), systemd.service(5) "Command lines" and systemd.unit(5) "Specifiers". What only a
running systemd can know (a specifier such as %t, a variable of its own environment) is left in the word
after the mark `UNEXPANDED`, a NUL: no real argument can hold it, so such a word never equals a literal one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from hardentui.errors import CannotExpress
from hardentui.model.spec import KeyKind

EMPTY_WORD, SEMICOLON_WORD = "${HT_EMPTY}", "${HT_SEMI}"
"""An empty word and a lone semicolon do not survive; variables of the service represent them."""

HELPER_VARIABLES = '"HT_EMPTY=" "HT_SEMI=;"'
"""The value of `Environment=` in [Service] that defines them."""

_TRIMMED = (
    " \t\n\r\v\f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters, and those that some parser of the file treats as the end of a line."""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _refuse(value: str, why: str) -> CannotExpress:
    return CannotExpress(f"{value[:40]!r} cannot be written in this place of a unit file: {why}")


def _refuse_controls(value: str) -> None:
    if _CONTROL.search(value):
        raise _refuse(value, "it has a line break or another control character")


def neutral(value: str) -> str:
    """`value` with systemd's specifiers and variables escaped.

    Raises:
        CannotExpress: no unit file can represent it (NUL, U+0080, bytes that are not UTF-8).
    """
    if "\0" in value or "\x80" in value:
        raise _refuse(value, "it contains NUL or U+0080")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise _refuse(value, "it is not valid UTF-8")
    return value.replace("%", "%%").replace("$", "$$")


def word(value: str) -> str:
    """One word with C escapes: Exec=, PodmanArgs=, Secret=; for KEY=VALUE keys the whole pair.

    It is quoted only if needed, as a person would write it.
    """
    if value == "":
        return EMPTY_WORD
    if value == ";":
        return SEMICOLON_WORD
    if is_plain_word(value):
        return neutral(value)
    characters = []
    for character in neutral(value):
        if character in _ESCAPES:
            characters.append(_ESCAPES[character])
        elif _CONTROL.match(character):
            code = ord(character)
            characters.append(f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}")
        else:
            characters.append(character)
    return '"' + "".join(characters) + '"'


def words(values: Iterable[str]) -> str:
    """Several words on one line."""
    return " ".join(word(value) for value in values)


def raw_repeatable(value: str) -> str:
    """A value that Quadlet uses verbatim, one per line: Volume=, Network=, PublishPort=."""
    if value in ("", ";"):
        raise _refuse(value, "it is empty or a lone semicolon")
    _refuse_controls(value)
    if value != value.strip(_TRIMMED):
        raise _refuse(value, "it begins or ends with a blank")
    if value.endswith("\\"):
        raise _refuse(value, "it ends with a backslash")
    return neutral(value)


def raw_single(value: str) -> str:
    """A value that Quadlet uses verbatim, the last one counting: Image=, HealthCmd=."""
    text = raw_repeatable(value)
    if value.startswith('"') or value.endswith('"'):
        raise _refuse(value, "it begins or ends with a double quote, which older generators take away")
    return text


def literal_word(value: str) -> str:
    """One word of a list without escapes: quotes are wrapped in the other kind of quotes."""
    if value in ("", ";"):
        raise _refuse(value, "it is empty or a lone semicolon")
    _refuse_controls(value)
    if is_plain_word(value):
        return neutral(value)
    parts: list[str] = []
    run = ""
    for character in neutral(value):
        if run and (character == '"') != (run[0] == '"'):
            parts.append(run)
            run = ""
        run += character
    parts.append(run)
    return "".join(f"'{part}'" if part[0] == '"' else f'"{part}"' for part in parts)


def boolean(value: str) -> str:
    if value not in ("true", "false"):
        raise _refuse(value, "it is neither true nor false")
    return value


def is_plain_word(value: str) -> bool:
    """Whether it needs no quotes: it contains no blank, quote, backslash or control character."""
    return bool(value) and not any(
        character in "\"'\\" or character.isspace() or _CONTROL.match(character) for character in value
    )


_BY_KIND: dict[KeyKind, Callable[[str], str]] = {
    KeyKind.RAW_ONE: raw_single,
    KeyKind.RAW_ALL: raw_repeatable,
    KeyKind.WORDS_LITERAL: literal_word,
    KeyKind.WORDS_ESCAPED: word,
    KeyKind.KEY_VALUE: word,
    KeyKind.BOOLEAN: boolean,
}


def escape(value: str, kind: KeyKind) -> str:
    """The text after `Key=` with which Podman gets `value`.

    Raises:
        CannotExpress: this kind of key cannot represent the value.
    """
    return _BY_KIND[kind](value)


def plain(value: str) -> str:
    """A value in [Unit], [Service] or [Install]: only specifiers are special there.

    Raises:
        CannotExpress: line breaks, or blanks at either end.
    """
    return raw_repeatable(value).replace("$$", "$")


UNEXPANDED = "\0"

_LINE_END = "\r\n|\n\r|[\n\r\0]"
"""A lone carriage return ends a line for systemd too: what follows it can be an assignment."""

_BLANKS = b" \t\n\r"
_SIMPLE = {
    ord("a"): 7,
    ord("b"): 8,
    ord("f"): 12,
    ord("n"): 10,
    ord("r"): 13,
    ord("t"): 9,
    ord("v"): 11,
    ord("\\"): ord("\\"),
    ord('"'): ord('"'),
    ord("'"): ord("'"),
    ord("s"): ord(" "),
}
_NUMBERED = {ord("x"): 2, ord("u"): 4, ord("U"): 8}


class UnbalancedQuotes(ValueError):
    """A quote is never closed: systemd refuses the line."""


def unit_settings(text: str) -> Iterator[tuple[str, str, str]]:
    """(section, key, value) of each assignment, in order; comments skipped, continued lines joined."""
    section = ""
    for line in _logical_lines(text):
        line = line.strip(" \t\r")
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        key, equals, value = line.partition("=")
        if equals:
            yield section, key.rstrip(), value.lstrip()


def _logical_lines(text: str) -> Iterator[str]:
    joined = ""
    plain = "\r" not in text and "\0" not in text  # a regular expression takes ten times as long
    for physical in text.split("\n") if plain else re.split(_LINE_END, text):
        line = physical.lstrip(" \t\r")
        if line.startswith(("#", ";")):
            continue  # also in the middle of a continued line
        joined += line
        if (len(joined) - len(joined.rstrip("\\"))) % 2:
            joined = f"{joined[:-1]} "
            continue
        yield joined
        joined = ""
    if joined:
        yield joined


def split_words(text: str) -> tuple[str, ...]:
    """Words after quotes and escapes, before specifiers and variables. Raises UnbalancedQuotes."""
    data = text.encode("utf-8", "surrogateescape")
    words: list[str] = []
    at = _skip_blanks(data, 0)
    while at < len(data):
        word, at = _word(data, at)
        words.append(word)
    return tuple(words)


def split_command(text: str) -> tuple[str, ...]:
    """As `split_words`, for Exec…=: a bare `;` ends the command, and `\\;` is a semicolon."""
    data = text.encode("utf-8", "surrogateescape")
    words: list[str] = []
    at = _skip_blanks(data, 0)
    while at < len(data):
        if words and _stands_alone(data, at, b";"):
            break
        if words and _stands_alone(data, at, b"\\;"):
            words.append(";")
            at = _skip_blanks(data, at + 2)
            continue
        word, at = _word(data, at)
        words.append(word)
    return tuple(words)


def _stands_alone(data: bytes, at: int, token: bytes) -> bool:
    end = at + len(token)
    return data.startswith(token, at) and (end == len(data) or data[end] in _BLANKS)


def _skip_blanks(data: bytes, at: int) -> int:
    while at < len(data) and data[at] in _BLANKS:
        at += 1
    return at


def _word(data: bytes, at: int) -> tuple[str, int]:
    """The word that starts at `at`, and where the next one starts."""
    out = bytearray()
    quote = 0
    while at < len(data):
        byte = data[at]
        at += 1
        if byte == ord("\\"):
            at = _escape(data, at, out)
        elif quote:
            if byte == quote:
                quote = 0
            else:
                out.append(byte)
        elif byte in b"'\"":
            quote = byte
        elif byte in _BLANKS:
            break
        else:
            out.append(byte)
    if quote:
        raise UnbalancedQuotes("a quote is opened and never closed")
    return out.decode("utf-8", "surrogateescape"), _skip_blanks(data, at)


def _escape(data: bytes, at: int, out: bytearray) -> int:
    """Append the character of the escape after a backslash; an unknown escape is kept unchanged."""
    letter = data[at] if at < len(data) else -1
    if letter in _SIMPLE:
        out.append(_SIMPLE[letter])
        return at + 1
    if letter in _NUMBERED:
        digits = data[at + 1 : at + 1 + _NUMBERED[letter]]
        if len(digits) == _NUMBERED[letter] and _append_number(letter, digits, 16, out):
            return at + 1 + len(digits)
    elif ord("0") <= letter <= ord("7"):
        digits = data[at : at + 3]
        if len(digits) == 3 and _append_number(letter, digits, 8, out):
            return at + 3
    out += data[at - 1 : at + 1]  # the next character is literal too, even a blank or the end
    return at + 1


def _append_number(letter: int, digits: bytes, base: int, out: bytearray) -> bool:
    """False if it is not a number, NUL or not a character."""
    allowed = b"0123456789abcdefABCDEF" if base == 16 else b"01234567"
    if any(digit not in allowed for digit in digits):
        return False
    value = int(digits, base)
    if letter in b"uU":
        if not 0 < value <= 0x10FFFF or 0xD800 <= value <= 0xDFFF:
            return False
        out += chr(value).encode("utf-8")
        return True
    if not 0 < value <= 0xFF:
        return False
    out.append(value)  # \xNN and \NNN are bytes, not characters
    return True


def expand_specifiers(word: str, known: Mapping[str, str]) -> str:
    """`%%` becomes `%`; `%n` becomes `known["n"]`, or is marked if it is unknown."""
    out: list[str] = []
    at = 0
    while at < len(word):
        if word[at] != "%" or at + 1 == len(word):
            out.append(word[at])
            at += 1
            continue
        letter = word[at + 1]
        out.append("%" if letter == "%" else known.get(letter, f"{UNEXPANDED}%{letter}"))
        at += 2
    return "".join(out)


def expand_variables(words: tuple[str, ...], variables: Mapping[str, str]) -> tuple[str, ...]:
    """`$$` becomes `$`, `${NAME}` its value; a word `$NAME` becomes the words of its value.

    A variable that is not in `variables` is marked: the service manager may know it.
    """
    out: list[str] = []
    for word in words:
        if word.startswith("$") and word[1:2] not in ("", "{", "$"):
            value = variables.get(word[1:])
            out.extend([UNEXPANDED + word] if value is None else split_words(value))
        else:
            out.append(_expand_inside(word, variables))
    return tuple(out)


def _expand_inside(word: str, variables: Mapping[str, str]) -> str:
    out: list[str] = []
    at = 0
    while at < len(word):
        if word.startswith("$$", at):
            out.append("$")
            at += 2
        elif word.startswith("${", at) and (end := word.find("}", at)) != -1:
            name = word[at + 2 : end]
            out.append(variables.get(name, f"{UNEXPANDED}${{{name}}}"))
            at = end + 1
        else:
            out.append(word[at])
            at += 1
    return "".join(out)
