"""A `podman run` command line in which every flag knows which words it takes. Pure.

`create_command` tells what a command line says; this tells where, for those who change a single flag of it
and keep every other word as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from hardentui.options import COMMAND, IMAGE, ROOTFS
from hardentui.options.argv.flags import (
    ALIASES,
    CARRIED_GLOBALS,
    GLOBAL_SHORT,
    GLOBAL_SWITCHES,
    SHORT,
    SWITCHES,
)
from hardentui.options.argv.items import Item, image_item, parse_argument

_VARIABLE_WORD = re.compile(r"\0{1,2}\$\{?(\w+)\}?")


class Token(Struct, frozen=True):
    """The words `start` to `end` (exclusive); more than one part for a cluster such as `-dit`.

    Attributes:
        parts: (flag in its long spelling, argument; `true` for a bare switch).
    """

    start: int
    end: int
    parts: tuple[tuple[str, str], ...]

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(item for flag, argument in self.parts for item in parse_argument(flag, argument))


class Command(Struct, frozen=True):
    """`podman [globals] run|create [flags] IMAGE [words]`, after the program's name.

    Attributes:
        verb: position of run or create.
        image: position of the image; the number of words when there is none.
    """

    words: tuple[str, ...]
    globals: tuple[Token, ...]
    verb: int
    flags: tuple[Token, ...]
    image: int

    def items(self) -> tuple[Item, ...]:
        """Everything that it says, the image and the words after it last."""
        found = [
            item
            for token in self.globals
            for item in token.items
            if item.flag in CARRIED_GLOBALS
        ]  # fmt: skip
        found += [item for token in self.flags for item in token.items]
        return (*found, *self.positional())

    def positional(self) -> tuple[Item, ...]:
        """The image (or root directory) and the command."""
        if self.image >= len(self.words):
            return ()
        rootfs = any(part == ("--rootfs", "true") for token in self.flags for part in token.parts)
        image = image_item(ROOTFS if rootfs else IMAGE, self.words[self.image])
        words = self.words[self.image + 1 :]
        return (image, Item(COMMAND, words, "", COMMAND.flag)) if words else (image,)


def read_command(words: Sequence[str]) -> Command | None:
    """Take the words after `podman` apart; None when they are no run and no create."""
    given = tuple(words)
    before, at = read_flags(given, 0, GLOBAL_SHORT, GLOBAL_SWITCHES)
    if given[at : at + 1] == ("container",):
        at += 1
    if given[at : at + 1] not in (("run",), ("create",)):
        return None
    flags, image = read_flags(given, at + 1)
    return Command(given, before, at, tuple(token for token in flags if token.parts), image)


def may_vanish(word: str) -> bool:
    """Whether a word is nothing but a variable whose value is not known here: it may be no word or many.

    Units that take more flags through a variable are common (`${HTTPD_EXTRA_CONF}`), and it is mostly unset.
    One that names an image by its own name is the image.
    """
    found = _VARIABLE_WORD.fullmatch(word)
    return found is not None and "IMAGE" not in found[1].upper()


def without_optional(words: Sequence[str]) -> tuple[int, ...]:
    """Positions of the words that are left when variables that may vanish are taken out.

    They are looked for where a flag or the image is expected, not where a flag expects its argument; the last
    word is never one of them: then it is the image.
    """
    kept = list(range(len(words)))
    while True:
        command = read_command([words[at] for at in kept])
        if command is None or command.image >= len(kept) - 1 or not may_vanish(words[kept[command.image]]):
            return tuple(kept)
        del kept[command.image]


def read_flags(
    words: Sequence[str],
    position: int = 0,
    short: Mapping[str, str] = SHORT,
    switches: frozenset[str] = SWITCHES,
) -> tuple[tuple[Token, ...], int]:
    """Flags from `position` on, and the position of the first word that is none."""
    found: list[Token] = []
    at = position
    while at < len(words):
        word = words[at]
        if word == "--":
            return tuple(found), at + 1
        if word[:1] != "-" or word == "-":
            return tuple(found), at
        token = _long(words, at, switches) if word.startswith("--") else _cluster(words, at, short, switches)
        found.append(token)
        at = token.end
    return tuple(found), at


def _long(words: Sequence[str], at: int, switches: frozenset[str]) -> Token:
    name, equals, value = words[at].partition("=")
    flag = ALIASES.get(name, name)
    if equals:
        return Token(at, at + 1, ((flag, value),))
    if flag in switches or at + 1 >= len(words):
        return Token(at, at + 1, ((flag, "true" if flag in switches else ""),))
    return Token(at, at + 2, ((flag, words[at + 1]),))


def _cluster(words: Sequence[str], at: int, short: Mapping[str, str], switches: frozenset[str]) -> Token:
    parts: list[tuple[str, str]] = []
    letters = words[at][1:]
    for index, letter in enumerate(letters):
        flag = short.get(letter, f"-{letter}")
        rest = letters[index + 1 :]
        if flag in switches and not rest.startswith("="):
            parts.append((flag, "true"))
            continue
        if rest:
            parts.append((flag, rest.removeprefix("=")))
        elif at + 1 < len(words):
            parts.append((flag, words[at + 1]))
            return Token(at, at + 2, tuple(parts))
        else:
            parts.append((flag, ""))
        break
    return Token(at, at + 1, tuple(parts))
