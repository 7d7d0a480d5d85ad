"""A unit file as Quadlet reads it: lines, sections, words, and the lookups that differ between
keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from hardentui.lib.quadlet.words import SplitWords, Version, split_escaped, split_literal

_LONGEST = 256 << 10


class UnitRefused(Exception):
    """A generator refuses a unit, in a sentence, and why; both name what the unit says, as it says
    it."""

    def __init__(self, title: str, why: str = "") -> None:
        super().__init__(f"{title} {why}".strip())
        self.title = title
        self.why = why


# what is cut from both ends of a line; a value loses only ASCII blanks at its beginning
_LINE_BLANKS = (
    " \t\n\r\v\f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_VALUE_BLANKS = " \t\n\r\v\f"
_HEADER = re.compile(r"\[([^\]]*)\][ \t]*\Z")
_LONE_RETURN = re.compile(r"\r(?!\n)")
_TRUE = frozenset({"1", "yes", "true", "on"})
_INTEGER = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)\Z")

_CUT_WHOLE_LINES = (4, 6)
_CUT_EACH_LINE = (5, 0)
_WITHOUT_QUOTES = (5, 0)
_COMMENTS_IN_CONTINUED_LINES = (5, 4)
_PAIRS_WITHOUT_VALUE = (5, 6)
_ONLY_PAIRED_QUOTES = (5, 8, 2)


class UnitLine(NamedTuple):
    """An assignment; `number` is that of its first line, from 1."""

    key: str
    value: str
    number: int


class UnitSection(msgspec.Struct, frozen=True):
    """The assignments of one section, and how a version of Quadlet looks them up."""

    unit: str
    name: str
    version: Version
    lines: list[UnitLine] = msgspec.field(default_factory=list)

    def has(self, key: str) -> bool:
        return any(line.key == key for line in self.lines)

    def last(self, key: str) -> str:
        """The last value, without quotes at its ends; empty when there is none."""
        values = [line.value for line in self.lines if line.key == key]
        return _without_quotes(values[-1].rstrip(_LINE_BLANKS), self.version) if values else ""

    def every(self, key: str) -> list[str]:
        """All values since the last empty one, unchanged."""
        return [line.value for line in self._current(key)]

    def switch(self, key: str) -> bool | None:
        """None if the key is absent; everything that is not a yes is a no."""
        return self.last(key).lower() in _TRUE if self.has(key) else None

    def number(self, key: str) -> int:
        """An unsigned 32-bit number; 0 for anything else. A leading zero makes it octal."""
        text = self.last(key)
        if not _INTEGER.match(text):
            return 0
        digits = text.lstrip("+-")
        base = 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" else 10
        try:
            value = int(digits, base)
        except ValueError:
            return 0
        return value if not text.startswith("-") and value <= 0xFFFFFFFF else 0

    def words(self, key: str) -> list[str]:
        """The words of all lines, with C escapes."""
        return [word for _, split in self._split(key, self._escaped) for word in split.words]

    def last_words(self, key: str) -> tuple[str, ...]:
        """The words of the last line, with C escapes."""
        values = [line.value for line in self.lines if line.key == key]
        return self._escaped(values[-1]).words if values else ()

    def literal_words(self, key: str) -> list[str]:
        """The words of all lines; a backslash is literal."""
        return [word for _, split in self._split(key, split_literal) for word in split.words]

    def pairs(self, key: str) -> list[str]:
        """`NAME=VALUE` words, sorted by name, the last of each name."""
        by_name: dict[str, str] = {}
        for word in self.words(key):
            name, equals, _ = word.partition("=")
            if equals or self.version >= _PAIRS_WITHOUT_VALUE:
                by_name[name] = word
        return [by_name[name] for name in sorted(by_name, key=lambda name: name.encode("utf-8"))]

    def losses_of_words(self, key: str) -> list[str]:
        return [
            self._loss(line, split.lost)
            for line, split in self._split(key, self._escaped)
            if split.lost
        ]

    def losses_of_literal_words(self, key: str) -> list[str]:
        return [
            self._loss(line, split.lost)
            for line, split in self._split(key, split_literal)
            if split.lost
        ]

    def losses_of_pairs(self, key: str) -> list[str]:
        lost = self.losses_of_words(key)
        for line, split in self._split(key, self._escaped):
            names = [word for word in split.words if "=" not in word]
            if self.version >= _PAIRS_WITHOUT_VALUE:
                lost += [
                    self._loss(line, "a name without `=` takes a value from elsewhere")
                    for _ in names
                ]
            else:
                lost += [self._loss(line, "a name without `=` is lost") for _ in names]
        return lost

    def _current(self, key: str) -> list[UnitLine]:
        current: list[UnitLine] = []
        for line in self.lines:
            if line.key == key:
                current = [*current, line] if line.value else []
        return current

    def _escaped(self, value: str) -> SplitWords:
        return split_escaped(value, self.version)

    def _split(
        self,
        key: str,
        splitter: Callable[[str], SplitWords],
    ) -> list[tuple[UnitLine, SplitWords]]:
        return [(line, splitter(line.value)) for line in self._current(key)]

    def _loss(self, line: UnitLine, what: str) -> str:
        return f"{self.unit}, line {line.number}: {what} ({line.key}=)"


class QuadletUnit(msgspec.Struct, frozen=True):
    name: str
    version: Version
    own: UnitSection  # the section that defines the kind of unit: [Container], [Network]
    sections: dict[str, UnitSection]
    losses: tuple[str, ...] = ()  # assignments that the generator drops

    @property
    def stem(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def kind(self) -> str:
        """Its suffix."""
        return self.name.rpartition(".")[2]

    def section(self, name: str) -> UnitSection:
        """That section; empty if the file has none."""
        return self.sections.get(name) or UnitSection(self.name, name, self.version)


def read_unit(
    name: str,
    texts: Sequence[str],
    own: str,
    version: Version,
) -> QuadletUnit:
    """Read a unit file and its drop-ins.

    Raises:
        UnitRefused: a line that is not an assignment, section or comment; or a text that Quadlet
            and systemd read differently (a carriage return inside a line, NUL, not UTF-8).
    """
    sections: dict[str, UnitSection] = {}
    lost: list[str] = []
    for text in texts:
        _check(text, name)
        _read_into(
            sections,
            lost,
            name,
            text,
            version,
        )
    mine = sections.setdefault(own, UnitSection(name, own, version))
    return QuadletUnit(
        name,
        version,
        mine,
        sections,
        tuple(lost),
    )


def _read_into(
    sections: dict[str, UnitSection],
    lost: list[str],
    name: str,
    text: str,
    version: Version,
) -> None:
    section: UnitSection | None = None
    for content, number, complete in _logical_lines(name, text, version):
        header = _HEADER.match(content)
        if header:
            title = header[1]
            if not title or any(character < " " or character in "[\x7f" for character in title):
                raise _unreadable(name, f"invalid group name: {title}")
            section = sections.setdefault(title, UnitSection(name, title, version))
            continue
        key, equals, value = content.partition("=")
        if not equals or not key:
            raise _unreadable(
                name, f"line {number} is not a key-value pair, group, or comment: {content}"
            )
        if key.startswith(" "):
            raise _unreadable(name, f"invalid key name: {key}")
        if section is None:
            raise _unreadable(name, "key file does not start with a group")
        if not complete:
            lost.append(f"{name}, line {number}: a continued line that never ends is lost")
            continue
        section.lines.append(
            UnitLine(
                key.rstrip(_VALUE_BLANKS),
                value.lstrip(_VALUE_BLANKS),
                number,
            )
        )


def _check(text: str, name: str) -> None:
    if len(text) > _LONGEST:
        raise UnitRefused(f"{name} is too large for a unit file.")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise UnitRefused(f"{name} is not text: it has NUL characters or is not valid UTF-8.")
    if _LONE_RETURN.search(text):
        raise UnitRefused(
            f"{name} has a carriage return inside a line: systemd ends the line there, Quadlet "
            "does not.",
            "Remove it by hand first.",
        )


def _unreadable(name: str, why: str) -> UnitRefused:
    return UnitRefused(f"The Quadlet generator cannot read {name}.", why)


def _logical_lines(
    name: str,
    text: str,
    version: Version,
) -> Iterator[tuple[str, int, bool]]:
    """(text, number, whether it is complete) of each line that is neither empty nor a comment.

    A backslash at the end joins the next line, with nothing in between. Since 5.4 empty lines and
    comments are skipped between the two; before, they become part of the value, and the comment's
    own last character decides whether the line goes on.
    """
    physical = text.split("\n")
    if physical[-1] == "":
        physical.pop()
    if version >= _COMMENTS_IN_CONTINUED_LINES:
        yield from _joined([line.strip(_LINE_BLANKS) for line in physical])
    else:
        yield from _joined_as_they_stand(name, physical, version)


def _joined(physical: Sequence[str]) -> Iterator[tuple[str, int, bool]]:
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
        yield line, number, complete


def _is_skipped(line: str) -> bool:
    return not line or line[0] in "#;"


def _joined_as_they_stand(
    name: str,
    physical: Sequence[str],
    version: Version,
) -> Iterator[tuple[str, int, bool]]:
    each, whole = version >= _CUT_EACH_LINE, version >= _CUT_WHOLE_LINES
    at = 0
    while at < len(physical):
        line, number = physical[at].strip(_LINE_BLANKS) if each or whole else physical[at], at + 1
        at += 1
        comment = not line or line[0] in "#:"
        if (each and comment) or line.find("=") < 1:
            if not comment:
                yield line, number, True
            continue
        while line.endswith("\\") and at < len(physical):
            if (
                whole
                and not each
                and (physical[at - 1][-1:] != "\\" or physical[number - 1][0].isspace())
            ):
                raise _unreadable(
                    name,
                    f"line {at}: with blanks around a continued line this version may never come "
                    "to an end",
                )
            line = line[:-1] + (physical[at].strip(_LINE_BLANKS) if each else physical[at])
            at += 1
            if whole and not each:
                line = line.rstrip(_LINE_BLANKS)
        if not comment:
            yield line, number, True


def _without_quotes(value: str, version: Version) -> str:
    """Before 5.0 quotes stay; then all at either end go, matching or not; since 5.8.2 one matching
    pair."""
    if version < _WITHOUT_QUOTES:
        return value
    if version < _ONLY_PAIRED_QUOTES:
        return value.strip('"')
    paired = len(value) > 1 and value.startswith('"') and value.endswith('"')
    return value[1:-1] if paired else value


def refused(unit: QuadletUnit, why: str) -> UnitRefused:
    """The error raised when this generator refuses a unit, with its reason."""
    version = ".".join(map(str, unit.version))
    return UnitRefused(
        f"The Quadlet generator of Podman {version} refuses {unit.name}.",
        why,
    )
