"""How values and words are written in a unit file, so that systemd and Quadlet read what was meant.
Pure.

See systemd.syntax(7), systemd.service(5) "Command lines" and systemd.unit(5) "Specifiers".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from hardentui.errors import CannotExpress
from hardentui.model.open_value import OpenKind, OpenPart, OpenText
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
    return f'"{_escaped(value)}"'


def _escaped(value: str) -> str:
    characters = []
    for character in neutral(value):
        if character in _ESCAPES:
            characters.append(_ESCAPES[character])
        elif _CONTROL.match(character):
            code = ord(character)
            characters.append(f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}")
        else:
            characters.append(character)
    return "".join(characters)


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
        raise _refuse(
            value, "it begins or ends with a double quote, which older generators take away"
        )
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
        character in "\"'\\" or character.isspace() or _CONTROL.match(character)
        for character in value
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


def open_value(text: OpenText, kind: KeyKind) -> str:
    """The text after `Key=` of a value whose variables the service's environment puts in.

    Raises:
        CannotExpress: this kind of key cannot represent it, or systemd does not know a part of it.
    """
    whole = text.written
    if not text.open:
        return escape(whole, kind)
    if kind in (KeyKind.RAW_ONE, KeyKind.RAW_ALL):
        escape(whole, kind)  # refuses what does not fit
        return text.rendered(neutral, _of_service)
    written = text.rendered(_escaped, _of_service)
    return written if is_plain_word(whole) else f'"{written}"'


def _of_service(part: OpenPart) -> str:
    if part.kind is OpenKind.VARIABLE:
        return f"${{{part.name}}}"
    if part.kind is OpenKind.SPECIFIER:
        return part.written
    raise CannotExpress(f"systemd does not know {part.written}")


def plain(value: str) -> str:
    """A value in [Unit], [Service] or [Install]: only specifiers are special there.

    Raises:
        CannotExpress: line breaks, or blanks at either end.
    """
    return raw_repeatable(value).replace("$$", "$")
