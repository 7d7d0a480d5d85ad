"""A value that its file leaves open: literal text with parts that only its host can put in.

`${DATA}/db:/var/lib/db` is the open part `${DATA}` and the text `/db:/var/lib/db`. Readers mark an
open part inside a word, so that it passes every tokenizer as it stands: `MARK`, then the part as a
shell, compose or systemd writes it. `OpenText.read` makes parts of it; nobody else looks at marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from msgspec import Struct

UNKNOWN = "\0"
"""The mark before an open part; no real argument can contain it."""


class OpenKind(StrEnum):
    VARIABLE = "variable"  # of the environment: of compose, a shell or a service
    SPECIFIER = "specifier"  # `%i`: systemd puts it in
    ARGUMENT = "argument"  # `$1`: of the script
    COMMAND = "command"  # `$(id -u)`: what a command prints


class OpenPart(Struct, frozen=True):
    """A part of a value that is not known."""

    written: str  # `${DATA}`, `$DATA`, `%i`, `$1`, `$(id -u)`
    name: str  # `DATA`, `i`, `1`; empty for a command
    kind: OpenKind = OpenKind.VARIABLE


_PART = re.compile(
    UNKNOWN + r"+(?P<written>"
    r"\$\{(?P<braced>[A-Za-z_]\w*)[^{}]*\}"
    r"|\$(?P<plain>[A-Za-z_]\w*)"
    r"|\$\{?(?P<argument>[@*#?!$-]|\d+)\}?"
    r"|%(?P<specifier>.)"
    rf"|(?P<command>[^{UNKNOWN}]+))"
    rf"|{UNKNOWN}+",
    re.DOTALL,
)


class OpenText(Struct, frozen=True):
    """A text with literal and open parts, in their order."""

    parts: tuple[str | OpenPart, ...]

    @classmethod
    def read(cls, marked: str) -> OpenText:
        """The parts of a word in which readers marked what is open."""
        parts: list[str | OpenPart] = []
        at = 0
        for match in _PART.finditer(marked):
            parts += [text for text in (marked[at : match.start()],) if text]
            parts += [_part(match)] if match["written"] else []
            at = match.end()
        rest = marked[at:]
        return cls((*parts, rest) if rest else tuple(parts))

    @property
    def open(self) -> tuple[OpenPart, ...]:
        return tuple(part for part in self.parts if isinstance(part, OpenPart))

    @property
    def written(self) -> str:
        """As the file writes it: `${DATA}/db:/var/lib/db`."""
        return self.rendered(lambda text: text, lambda part: part.written)

    def rendered(
        self,
        literal: Callable[[str], str],
        variable: Callable[[OpenPart], str],
    ) -> str:
        """The text with each part as its callable writes it."""
        return "".join(
            variable(part) if isinstance(part, OpenPart) else literal(part) for part in self.parts
        )

    def partition(self, joint: str) -> tuple[str, OpenText] | None:
        """A literal name and what follows the joint, as in `NAME=${VALUE}`; None where the name is
        open too."""
        first = self.parts[0] if self.parts else ""
        if isinstance(first, OpenPart) or joint not in first:
            return None
        name, _, rest = first.partition(joint)
        return name, OpenText((*([rest] if rest else []), *self.parts[1:]))


def _part(match: re.Match[str]) -> OpenPart:
    written = match["written"]
    if name := match["braced"] or match["plain"]:
        return OpenPart(written, name)
    if match["argument"]:
        return OpenPart(written, match["argument"], OpenKind.ARGUMENT)
    if match["specifier"]:
        return OpenPart(written, match["specifier"], OpenKind.SPECIFIER)
    return OpenPart(written, "", OpenKind.COMMAND)


def is_open(text: str) -> bool:
    """Whether a reader marked a part of this word."""
    return UNKNOWN in text


def marked(written: str) -> str:
    """An open part, as readers put it into a word."""
    return UNKNOWN + written


def names_of(texts: Iterable[OpenText]) -> tuple[str, ...]:
    """The open parts as they are written, each once."""
    return tuple(dict.fromkeys(part.written for text in texts for part in text.open))


# What a variable is worth, by the rules of compose and of environment files.


_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?P<how>:?[-?+])?)"
)


def interpolated(text: str, values: Mapping[str, str]) -> str:
    """A text of a compose file with its variables put in; what nobody defines is marked.

    `$$` is a dollar sign, `${X:-y}` is y where X is not defined, and y may hold variables again
    (https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md).
    """
    out: list[str] = []
    at = 0
    while match := _VARIABLE.search(text, at):
        end = _end(text, match)
        if end is None:  # a brace that is never closed
            break
        out += [text[at : match.start()], _value(match, text[match.end() : end], values)]
        at = end + (match["name"] is not None)
    return "".join((*out, text[at:]))


def _end(text: str, match: re.Match[str]) -> int | None:
    """Where the closing brace of a variable stands; without braces, where the variable ends."""
    if match["name"] is None:
        return match.end()
    depth = 0
    for at in range(match.end(), len(text)):
        if text[at] == "{":
            depth += 1
        elif text[at] == "}" and depth:
            depth -= 1
        elif text[at] == "}":
            return at
    return None


def _value(
    match: re.Match[str],
    other: str,
    values: Mapping[str, str],
) -> str:
    if match["escaped"]:
        return "$"
    name = match["plain"] or match["name"]
    value, how = values.get(name), match["how"] or ""
    is_there = value is not None and bool(value or not how.startswith(":"))
    if how.endswith("+"):
        return interpolated(other, values) if is_there else ""
    if is_there:
        return value or ""
    return interpolated(other, values) if how.endswith("-") else marked(f"${{{name}}}")


_NAME = re.compile(r"[A-Za-z_]\w*")


class Assigned(Struct, frozen=True):
    """A line of an environment file, `.env` too."""

    name: str
    value: str | None  # None: only named, so its value comes from elsewhere
    line: int  # from 1
    literal: bool = False  # in single quotes, where compose puts no variables in


def environment_file(text: str) -> tuple[Assigned, ...]:
    """The variables of an environment file, with the line of each."""
    assigned: list[Assigned] = []
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not _NAME.fullmatch(name):
            continue
        quoted = len(value) > 1 and value[0] in "'\"" and value[-1] == value[0]
        value = value[1:-1] if quoted else value.partition(" #")[0].strip()
        literal = line.rstrip().endswith("'") and quoted
        assigned.append(Assigned(name, value if equals else None, number, literal))
    return tuple(assigned)


def compose_variables(text: str) -> dict[str, str]:
    """The variables of a `.env` of compose, whose values may hold those above them."""
    values: dict[str, str] = {}
    for each in environment_file(text):
        if each.value is not None:
            values[each.name] = each.value if each.literal else interpolated(each.value, values)
    return values
