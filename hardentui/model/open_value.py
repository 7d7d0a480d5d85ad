"""A value that its file leaves open: literal text with parts that only its host can put in.

`${DATA}/db:/var/lib/db` is the open part `${DATA}` and the text `/db:/var/lib/db`. Readers mark an
open part inside a word, so that it passes every tokenizer as it stands: `MARK`, then the part as a
shell, compose or systemd writes it. `OpenText.read` makes parts of it; nobody else looks at marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import StrEnum

from msgspec import Struct

UNKNOWN = "\0"
"""The mark before an open part; no real argument can contain it."""


class OpenKind(StrEnum):
    VARIABLE = "variable"  # of the environment: of compose, a shell or a service
    SPECIFIER = "specifier"  # `%i`: systemd puts it in
    ARGUMENT = "argument"  # `$1`: of the script
    COMMAND = "command"  # `$(id -u)`: what a command prints
    FILE = "file"  # `.env`: its lines, as it is not here
    TEMPLATE = "template"  # `{{ .Image }}`: what Ansible, Helm or Go puts into a file


class OpenPart(Struct, frozen=True):
    """A part of a value that is not known."""

    written: str  # `${DATA}`, `$DATA`, `%i`, `$1`, `$(id -u)`, `{{ .Image }}`
    name: str  # `DATA`, `i`, `1`; empty for a command, a file and a template
    kind: OpenKind = OpenKind.VARIABLE


_PART = re.compile(
    UNKNOWN + r"+(?P<written>"
    r"\$\{(?P<braced>[A-Za-z_]\w*)[^{}]*\}"
    r"|\$(?P<plain>[A-Za-z_]\w*)"
    r"|\$\{?(?P<argument>[@*#?!$-]|\d+)\}?"
    r"|%(?P<specifier>.)"
    r"|(?P<template>\{\{[^{}]*\}\})"
    rf"|(?P<command>\$\((?:[^(){UNKNOWN}]|\([^(){UNKNOWN}]*\))*\)|`[^`{UNKNOWN}]*`)"
    rf"|(?P<file>[^{UNKNOWN}]+))"
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
        return OpenPart(
            written,
            match["specifier"],
            OpenKind.SPECIFIER,
        )
    if match["template"]:
        return OpenPart(written, "", OpenKind.TEMPLATE)
    return OpenPart(written, "", OpenKind.FILE if match["file"] else OpenKind.COMMAND)


def is_open(text: str) -> bool:
    """Whether a reader marked a part of this word."""
    return UNKNOWN in text


def marked(written: str) -> str:
    """An open part, as readers put it into a word."""
    return UNKNOWN + written


def names_of(texts: Iterable[OpenText]) -> tuple[str, ...]:
    """The open parts as they are written, each once."""
    return tuple(dict.fromkeys(part.written for text in texts for part in text.open))
