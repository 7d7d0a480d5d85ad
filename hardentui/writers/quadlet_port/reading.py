"""A unit file as Quadlet reads it: its lines, its sections, and the lookups that differ from key to key."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct, field

from hardentui.errors import GeneratorError, InputError
from hardentui.model.version import Version
from hardentui.options.unit_text import check_unit_text
from hardentui.visible import visible
from hardentui.writers.quadlet_port.words import Split, split_escaped, split_literal

# what is cut from both ends of a line; a value loses only ASCII blanks at its beginning
_LINE_BLANKS = (
    " \t\n\r\v\f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_VALUE_BLANKS = " \t\n\r\v\f"
_HEADER = re.compile(r"\[([^\[\]]*)\]$")
_TRUE = frozenset({"1", "yes", "true", "on"})

_PAIRS_WITHOUT_VALUE = Version(5, 6)
_ONLY_PAIRED_QUOTES = Version(5, 8, 2)


class Line(NamedTuple):
    """An assignment; `number` is that of its first line, from 1."""

    key: str
    value: str
    number: int


class Section(Struct, frozen=True):
    """The assignments of one section, and how a version of Quadlet looks them up."""

    unit: str
    name: str
    version: Version
    lines: list[Line] = field(default_factory=list)

    def has(self, key: str) -> bool:
        return any(line.key == key for line in self.lines)

    def last(self, key: str) -> str:
        """The last value, without quotes at its ends; empty when there is none."""
        values = [line.value for line in self.lines if line.key == key]
        return _without_quotes(values[-1], self.version) if values else ""

    def every(self, key: str) -> list[str]:
        """All values since the last empty one, as they stand."""
        return [line.value for line in self._current(key)]

    def switch(self, key: str) -> bool | None:
        """None when the key is absent; everything that is not a yes is a no."""
        return self.last(key).lower() in _TRUE if self.has(key) else None

    def words(self, key: str) -> list[str]:
        """The words of all lines, with C escapes."""
        return [word for _, split in self._split(key, split_escaped) for word in split.words]

    def last_words(self, key: str) -> tuple[str, ...]:
        """The words of the last line, with C escapes."""
        values = [line.value for line in self.lines if line.key == key]
        return split_escaped(values[-1]).words if values else ()

    def literal_words(self, key: str) -> list[str]:
        """The words of all lines; a backslash is a character."""
        return [word for _, split in self._split(key, split_literal) for word in split.words]

    def pairs(self, key: str) -> list[str]:
        """`NAME=VALUE` words, sorted by name, the last of each name."""
        found: dict[str, str] = {}
        for word in self.words(key):
            name, equals, _ = word.partition("=")
            if equals or self.version >= _PAIRS_WITHOUT_VALUE:
                found[name] = word
        return [found[name] for name in sorted(found, key=lambda name: name.encode("utf-8"))]

    def losses_of_words(self, key: str) -> list[str]:
        return [self._loss(line, split.lost) for line, split in self._split(key, split_escaped) if split.lost]

    def losses_of_literal_words(self, key: str) -> list[str]:
        return [self._loss(line, split.lost) for line, split in self._split(key, split_literal) if split.lost]

    def losses_of_pairs(self, key: str) -> list[str]:
        found = self.losses_of_words(key)
        for line, split in self._split(key, split_escaped):
            names = [word for word in split.words if "=" not in word]
            if self.version >= _PAIRS_WITHOUT_VALUE:
                found += [self._loss(line, "a name without `=` takes a value from elsewhere") for _ in names]
            else:
                found += [self._loss(line, "a name without `=` is lost") for _ in names]
        return found

    def _current(self, key: str) -> list[Line]:
        found: list[Line] = []
        for line in self.lines:
            if line.key == key:
                found = [*found, line] if line.value else []
        return found

    def _split(self, key: str, splitter: Callable[[str], Split]) -> list[tuple[Line, Split]]:
        return [(line, splitter(line.value)) for line in self._current(key)]

    def _loss(self, line: Line, what: str) -> str:
        return f"{visible(self.unit, 120)}, line {line.number}: {what} ({line.key}=)"


class QuadletUnit(Struct, frozen=True):
    """A unit file, read.

    Attributes:
        own: the section that gives the unit its kind: [Container], [Network]...
        losses: assignments that were dropped while reading.
    """

    name: str
    version: Version
    own: Section
    sections: dict[str, Section]
    losses: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        return self.name.rpartition(".")[0]

    def section(self, name: str) -> Section:
        """That section; empty when the file has none."""
        return self.sections.get(name) or Section(self.name, name, self.version)


def read_unit(name: str, text: str, own: str, version: Version) -> QuadletUnit:
    """Read a unit file.

    Raises:
        GeneratorError: a line that is no assignment, section or comment; or a text that Quadlet and systemd
            read differently (a carriage return inside a line, NUL, not UTF-8).
    """
    try:
        check_unit_text(text, name)
    except InputError as error:
        raise GeneratorError(error.title, error.hint) from error
    sections: dict[str, Section] = {}
    lost: list[str] = []
    section: Section | None = None
    for content, number, complete in _logical_lines(text):
        header = _HEADER.match(content)
        if header:
            title = header[1]
            if not title or any(character < " " or character == "\x7f" for character in title):
                raise _unreadable(name, f"invalid group name: {title}")
            section = sections.setdefault(title, Section(name, title, version))
            continue
        key, equals, value = content.partition("=")
        if not equals or not key:
            raise _unreadable(name, f"line {number} is not a key-value pair, group, or comment: {content}")
        if section is None:
            raise _unreadable(name, "key file does not start with a group")
        if not complete:
            lost.append(f"{visible(name, 120)}, line {number}: a continued line that never ends is lost")
            continue
        section.lines.append(Line(key.rstrip(_VALUE_BLANKS), value.lstrip(_VALUE_BLANKS), number))
    mine = sections.setdefault(own, Section(name, own, version))
    return QuadletUnit(name, version, mine, sections, tuple(lost))


def _unreadable(name: str, why: str) -> GeneratorError:
    return GeneratorError(f"The Quadlet generator cannot read {visible(name, 120)}.", visible(why, 300))


def _logical_lines(text: str) -> list[tuple[str, int, bool]]:
    """(text, number, whether it came to an end) of each line that is neither empty nor a comment.

    A backslash at the end joins the next line that is not empty and no comment, with nothing in between.
    """
    found: list[tuple[str, int, bool]] = []
    physical = [line.strip(_LINE_BLANKS) for line in text.split("\n")]
    if physical[-1] == "":
        physical.pop()
    at = 0
    while at < len(physical):
        line, number = physical[at], at + 1
        at += 1
        if _is_skipped(line):
            continue
        complete = True
        while line.endswith("\\"):
            line = line[:-1]
            start = at
            while at < len(physical) and _is_skipped(physical[at]):
                at += 1
            if at == len(physical):
                complete = at == start
                break
            line += physical[at]
            at += 1
        found.append((line, number, complete))
    return found


def _is_skipped(line: str) -> bool:
    return not line or line[0] in "#;"


def _without_quotes(value: str, version: Version) -> str:
    """Every double quote at either end goes, matching or not; since 5.8.2 one matching pair."""
    if version < _ONLY_PAIRED_QUOTES:
        return value.strip('"')
    paired = len(value) > 1 and value.startswith('"') and value.endswith('"')
    return value[1:-1] if paired else value
