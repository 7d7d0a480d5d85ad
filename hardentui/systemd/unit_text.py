"""A unit file as text in which every assignment and every word knows its position. Pure.

Nothing is lost: an edit replaces spans of the text and leaves the rest byte for byte. Quadlet and
systemd read continued lines differently (`joint`), and the meaning of a backslash depends on the
key.

What only a running systemd can know (a specifier such as %t, a variable of its own environment) is
left in a word after the mark UNKNOWN, a NUL: no real argument can hold it, so such a word never
equals a literal one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from msgspec import Struct, field

from hardentui.errors import InputError
from hardentui.model.open_value import UNKNOWN
from hardentui.systemd.command_line import EMPTY_WORD, HELPER_VARIABLES, SEMICOLON_WORD
from hardentui.visible import visible

QUADLET, SYSTEMD = "", " "
"""The text between two joined lines."""

LONGEST = 256 << 10
"""Largest accepted unit file, in characters."""

_BLANKS = " \t\n\r"
_SECTION = re.compile(r"\[([^\]]*)\]$")
_LONE_RETURN = re.compile(r"\r(?!\n)")
_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " ",
    "\\": "\\", '"': '"', "'": "'",
}  # fmt: skip
_NUMBERED = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})")


class Word(Struct, frozen=True):
    """One word of a value: its text without quotes, and its position in the value."""

    text: str
    start: int
    end: int
    # for each character of the text, the offset of its spelling in the value
    offsets: tuple[int, ...]


class Assignment(Struct, frozen=True):
    """`key=value` with its position in the file."""

    section: str
    key: str
    value: str  # continued lines joined, comments between them left out
    # start, end: of its physical lines, including the last line break
    start: int
    end: int
    # for each character of the value, its offset in the file; one more for its end
    offsets: tuple[int, ...]


class UnitText(Struct, frozen=True, dict=True):
    text: str
    joint: str = QUADLET

    @cached_property
    def _read(self) -> tuple[tuple[Assignment, ...], tuple[tuple[str, int], ...]]:
        return _parse(self.text, self.joint)

    @property
    def assignments(self) -> tuple[Assignment, ...]:
        return self._read[0]

    @property
    def sections(self) -> tuple[tuple[str, int], ...]:
        """(name, offset after its header line) of each header, in order."""
        return self._read[1]

    def of(self, section: str, *keys: str) -> tuple[Assignment, ...]:
        """Assignments of a section; only of these keys, if any are named."""
        return tuple(
            a for a in self.assignments if a.section == section and (not keys or a.key in keys)
        )

    @property
    def line_end(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"


def check_unit_text(text: str, name: str) -> None:
    """Refuse a text that Quadlet, systemd and we would read differently.

    Raises:
        InputError: too large, binary, not UTF-8, or with a carriage return inside a line.
    """
    shown = visible(name, 120)
    if len(text) > LONGEST:
        raise InputError(f"{shown} is too large for a unit file.")
    if "\0" in text:
        raise InputError(f"{shown} is not text: it has NUL characters.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError(f"{shown} is not valid UTF-8; it is left unchanged.")
    match = _LONE_RETURN.search(text)
    if match:
        number = text.count("\n", 0, match.start()) + 1
        raise InputError(
            f"{shown} has a carriage return inside line {number}: systemd ends the line there, Quadlet"
            " does not.",
            "Remove it by hand first.",
        )


def _parse(
    text: str,
    joint: str,
) -> tuple[tuple[Assignment, ...], tuple[tuple[str, int], ...]]:
    assignments: list[Assignment] = []
    sections: list[tuple[str, int]] = []
    section = ""
    lines = list(_physical_lines(text))
    index = 0
    while index < len(lines):
        start, end, first, last = lines[index]
        index += 1
        content = text[first:last]
        if not content or content[0] in "#;":
            continue
        header = _SECTION.match(content)
        if header:
            section = header[1]
            sections.append((section, end))
            continue
        characters = list(content)
        offsets = list(range(first, last))
        while _continues(characters, joint) and index < len(lines):
            _, next_end, first, last = lines[index]
            index += 1
            if text[first : first + 1] in ("#", ";"):
                continue
            end = next_end
            at = offsets.pop()
            characters.pop()
            characters += [*joint, *text[first:last]]
            offsets += [*([at] * len(joint)), *range(first, last)]
        key, equals, value = "".join(characters).partition("=")
        if not equals:
            continue
        skipped = len(key) + 1 + len(value) - len(value.lstrip())
        ends_at = offsets[-1] + 1
        place = (*offsets[skipped:], ends_at)
        assignments.append(
            Assignment(
                section,
                key.rstrip(),
                value.lstrip(),
                start,
                end,
                place,
            )
        )
    return tuple(assignments), tuple(sections)


def _physical_lines(text: str) -> Iterator[tuple[int, int, int, int]]:
    """(start, start of the next line, start and end without blanks at the edges) of each line."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        line = text[start:end]
        first = start + len(line) - len(line.lstrip())
        last = start + len(line.rstrip())
        yield (
            start,
            end,
            min(first, last) if line.strip() else start,
            last if line.strip() else start,
        )
        start = end


def _continues(characters: list[str], joint: str) -> bool:
    if not characters or characters[-1] != "\\":
        return False
    if joint == QUADLET:
        return True
    run = len(characters) - len("".join(characters).rstrip("\\"))
    return run % 2 == 1


_LINE_END = "\r\n|\n\r|[\n\r\0]"
"""A lone carriage return ends a line for systemd too: what follows it can be an assignment."""


def unit_settings(text: str) -> Iterator[tuple[str, str, str]]:
    """(section, key, value) of each assignment as systemd reads it, in order; comments skipped,
    continued lines joined. Without positions, it takes a tenth of the time."""
    section = joined = ""
    plain = "\r" not in text and "\0" not in text  # a regular expression takes ten times as long
    for physical in (
        *(text.split("\n") if plain else re.split(_LINE_END, text)),
        "",
    ):
        line = physical.lstrip(" \t\r")
        if line.startswith(("#", ";")):
            continue  # also in the middle of a continued line
        joined += line
        if (len(joined) - len(joined.rstrip("\\"))) % 2:
            joined = f"{joined[:-1]} "
            continue
        line, joined = joined.strip(" \t\r"), ""
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        key, equals, value = line.partition("=")
        if equals:
            yield section, key.rstrip(), value.lstrip()


def set_variables(units: Iterable[UnitText]) -> dict[str, str]:
    """What Environment= of a unit with its drop-ins sets, as spelled there; an empty line clears
    the list."""
    variables: dict[str, str] = {}
    for unit in units:
        for assignment in unit.of("Service", "Environment"):
            if not assignment.value:
                variables = {}
            pairs = (word.text.partition("=") for word in split_words(assignment.value))
            variables |= {name: value for name, equals, value in pairs if equals}
    return variables


def split_words(
    value: str,
    *,
    escapes: bool = True,
    in_bytes: bool = False,
) -> tuple[Word, ...]:
    """Words as systemd and Quadlet split them: at blanks, outside quotes.

    Args:
        escapes: a backslash begins an escape (else it is literal).
        in_bytes: `\\xNN` and `\\NNN` are bytes, several of which make a character: so systemd, but
            not Quadlet. The offsets in such a word are of its bytes.

    Raises:
        InputError: a quote is never closed.
    """
    return tuple(_words(value, escapes, in_bytes))


def split_command(text: str) -> tuple[str, ...]:
    """The words of Exec…=, as systemd executes them: a bare `;` ends the command, and `\\;` is a
    semicolon.

    Raises:
        InputError: a quote is never closed.
    """
    words: list[str] = []
    for word in _words(text, True, True):
        spelled = text[word.start : word.end]
        if words and spelled == ";":
            break
        words.append(";" if words and spelled == "\\;" else word.text)
    return tuple(words)


def _words(
    value: str,
    escapes: bool,
    in_bytes: bool,
) -> Iterator[Word]:
    at = 0
    while True:
        while at < len(value) and value[at] in _BLANKS:
            at += 1
        if at == len(value):
            return
        word = _word(value, at, escapes, in_bytes)
        yield word
        at = word.end


def _word(
    value: str,
    start: int,
    escapes: bool,
    in_bytes: bool,
) -> Word:
    out: list[str] = []
    offsets: list[int] = []
    quote = ""
    at = start
    while at < len(value):
        character = value[at]
        if character == "\\" and escapes:
            text, length = _escape(value, at, in_bytes)
            out += text
            offsets += [at] * len(text)
            at += length
            continue
        if quote:
            if character == quote:
                quote = ""
            else:
                out.append(character)
                offsets.append(at)
        elif character in "'\"":
            quote = character
        elif character in _BLANKS:
            break
        else:
            out.append(character)
            offsets.append(at)
        at += 1
    if quote:
        raise InputError("A quote is opened and never closed in a unit file.")
    text = "".join(out)
    if in_bytes:
        text = text.encode("utf-8", "surrogateescape").decode(
            "utf-8",
            "surrogateescape",
        )
    return Word(text, start, at, (*offsets, at))


def _escape(
    value: str,
    at: int,
    in_bytes: bool = False,
) -> tuple[str, int]:
    """The character and the length of an escape; an unknown one is kept unchanged."""
    letter = value[at + 1 : at + 2]
    if letter in _ESCAPES and letter:
        return _ESCAPES[letter], 2
    numbered = _NUMBERED.match(value, at + 1)
    if numbered:
        digits = next(group for group in numbered.groups() if group)
        code = int(digits, 8 if numbered[4] else 16)
        if 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
            byte = in_bytes and code > 0x7F and (numbered[1] or numbered[4])
            return chr(code + 0xDC00 if byte else code), 1 + len(numbered[0])
    return value[at : at + 2], len(value[at : at + 2])


def character_end(value: str, at: int) -> int:
    """The end of the spelling of the character at `at`: an escape is longer than one character."""
    return at + (_escape(value, at)[1] if value[at] == "\\" else 1)


def quote_word(text: str) -> str:
    """A word with C escapes, its specifiers and variables unchanged."""
    spelled = []
    for character in text:
        if character in '\\"':
            spelled.append("\\" + character)
        elif character < " " or character == "\x7f":
            spelled.append(
                {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(
                    character,
                    f"\\x{ord(character):02x}",
                )
            )
        else:
            spelled.append(character)
    return '"' + "".join(spelled) + '"'


_SPECIFIER = re.compile("%(.)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\$|\{([^}]*)\})")


def expand(
    text: str,
    specifiers: dict[str, str] | None = None,
    variables: dict[str, str] | None = None,
) -> str:
    """Expand `%%`, `%n`, `$$` and `${NAME}`; unknown ones are kept, after UNKNOWN.

    Args:
        specifiers: letter -> value.
        variables: None = `$` means nothing here (Environment=).
    """
    known = {"%": "%", **(specifiers or {})}
    text = _SPECIFIER.sub(
        lambda match: known.get(match[1], UNKNOWN + match[0]),
        text,
    )
    return text if variables is None else _with_values(text, variables)


def _with_values(text: str, variables: dict[str, str]) -> str:
    return _VARIABLE.sub(
        lambda match: "$" if match[1] is None else variables.get(match[1], UNKNOWN + match[0]), text
    )


def expand_variables(
    words: Sequence[str],
    variables: dict[str, str],
) -> tuple[str, ...]:
    """`$$` becomes `$`, `${NAME}` its value; a word `$NAME` becomes the words of its value."""
    out: list[str] = []
    for word in words:
        if word.startswith("$") and word[1:2] not in ("", "{", "$"):
            value = variables.get(word[1:])
            parts = () if value is None else split_words(value, in_bytes=True)
            out += [UNKNOWN + word] if value is None else [part.text for part in parts]
        else:
            out.append(_with_values(word, variables))
    return tuple(out)


class Unit(Struct):
    """A unit under construction."""

    name: str  # file name with suffix
    comments: list[str] = field(default_factory=list)  # plain sentences for the top
    # name -> (key, escaped text) in order; an empty key is a blank line
    sections: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def add(
        self,
        section: str,
        key: str,
        text: str,
    ) -> None:
        """Append `key=text`; the text is already escaped."""
        self.sections.setdefault(section, []).append((key, text))

    def define_helpers(self) -> None:
        """Define the variables for an empty word and a lone semicolon, if they are used."""
        used = any(
            EMPTY_WORD in text.replace("$$", "") or SEMICOLON_WORD in text.replace("$$", "")
            for lines in self.sections.values()
            for _, text in lines
        )
        if used:
            self.add("Service", "Environment", HELPER_VARIABLES)

    def text(self) -> str:
        blocks = []
        if self.comments:
            blocks.append("\n".join(comment_lines(self.comments)))
        order = ("Unit", "Container", "Pod", "Network", "Volume", "Image", "Service", "Install")
        for section in sorted(self.sections, key=order.index):
            lines = [
                f"[{section}]",
                *(f"{key}={text}" if key else "" for key, text in self.sections[section]),
            ]
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks) + "\n"


def comment_lines(comments: Sequence[str]) -> list[str]:
    """Comments for a script or a unit: one line each, nothing that a terminal or parser would
    interpret."""
    return [("# " + visible(comment)).rstrip("\\ ") for comment in comments]


def head_comments(text: str) -> tuple[str, ...]:
    """The comments before the first section, without their marks."""
    head = text.partition("\n[")[0] if not text.startswith("[") else ""
    lines = (line.strip() for line in head.splitlines())
    return tuple(line[1:].strip() for line in lines if line.startswith(("#", ";")))


def assignment_at(unit: UnitText, offset: int) -> Assignment:
    """The assignment whose lines contain this offset of the text."""
    return next(
        assignment for assignment in unit.assignments if assignment.start <= offset < assignment.end
    )


def without_assignment(unit: UnitText, assignment: Assignment) -> str:
    """The text without its lines; comments between continued lines stay."""
    text = unit.text
    lines = text[assignment.start : assignment.end].splitlines(keepends=True)
    kept = [line for line in lines if line.lstrip()[:1] in ("#", ";")]
    return text[: assignment.start] + "".join(kept) + text[assignment.end :]


def without_span(
    unit: UnitText,
    start: int,
    end: int,
) -> str:
    """The text without a word, and without its line if the word was alone on it."""
    text = unit.text
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end) + 1 or len(text)
    before, after = text[first:start], text[end:last]
    if "\n" in text[start:end]:
        return text[:start] + text[end:]
    if before.strip() == "" and after.strip() == "\\":
        return text[:first] + text[last:]
    if before.strip() == "" and after.strip() == "":
        assignment = assignment_at(unit, start)
        return _without_continuation(text, assignment.start, first) + text[last:]
    if before[-1:] in (" ", "\t"):
        return text[: start - (len(before) - len(before.rstrip(" \t")))] + text[end:]
    return text[:start] + text[end:].lstrip(" \t")


def _without_continuation(
    text: str,
    start: int,
    first: int,
) -> str:
    """The text up to `first`, with the last content line before it no longer continued."""
    lines = text[start:first].splitlines(keepends=True)
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].lstrip()[:1] in ("#", ";"):
            continue
        content = lines[index].rstrip()
        end = lines[index][len(content) :]
        lines[index] = content.removesuffix("\\").rstrip() + end
        break
    return text[:start] + "".join(lines)


def with_span(
    text: str,
    start: int,
    end: int,
    new: str,
) -> str:
    return text[:start] + new + text[end:]


def with_lines(
    unit: UnitText,
    offset: int,
    lines: list[str],
) -> str:
    """The text with whole lines inserted at an offset where a line begins (or the file ends)."""
    before, after = unit.text[:offset], unit.text[offset:]
    if before and not before.endswith("\n"):
        before += unit.line_end
    return before + "".join(line + unit.line_end for line in lines) + after
