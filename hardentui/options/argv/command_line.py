"""The tokenizer of podman command lines: words as flags with their arguments. Pure.

The only place that knows which flags take an argument, what short flags mean, and where the subcommand and
the image are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from hardentui.model.spec import NEWEST_KNOWN, Version
from hardentui.options.codecs.plain import split_csv
from hardentui.options.inspect.view import CommandLine
from hardentui.options.table import FLAGS_WITHOUT_ROW, ROOTFS, TABLE, V5

ALIASES = {alias: option.flag for option in TABLE for alias in option.aliases}
"""Alternative spellings that Podman accepts."""

SHORT = {option.short: option.flag for option in TABLE if option.short}
SHORT |= {known.short: known.flag for known in FLAGS_WITHOUT_ROW if known.short}
"""Letter -> flag."""

SWITCHES = frozenset(
    [
        ROOTFS.flag,  # its directory takes the place of the image
        *(option.flag for option in TABLE if option.codec.is_switch),
        *(known.flag for known in FLAGS_WITHOUT_ROW if known.is_switch),
    ]
)
"""Flags without an argument (`--flag=false` switches them off)."""


def comma_lists(version: Version) -> frozenset[str]:
    """Flags whose argument this Podman splits at commas, as a CSV record."""
    return frozenset(
        [
            *(option.flag for option in TABLE if option.is_comma_list(version)),
            *(known.flag for known in FLAGS_WITHOUT_ROW if known.comma_list),
        ]
    )


COMMA_LISTS = comma_lists(NEWEST_KNOWN)

GLOBAL_SHORT = {"c": "--connection", "r": "--remote", "v": "--version"}

GLOBAL_SWITCHES = frozenset(
    {"--help", "--noout", "--remote", "--syslog", "--trace", "--transient-store", "--version"}
)

CARRIED_GLOBALS = frozenset(option.flag for option in TABLE if option.before_verb)
"""Flags before the subcommand that affect the container."""


_VERBS = ("run", "create")


class Token(Struct, frozen=True):
    """The words from `start` to `end` (exclusive); several parts for a cluster such as `-dit`.

    Attributes:
        parts: (long flag, argument; `true` for a bare switch).
    """

    start: int
    end: int
    parts: tuple[tuple[str, str], ...]


class TokenLine(Struct, frozen=True):
    """`[globals] run|create [flags] IMAGE [words]`, as positions.

    Attributes:
        verb: index of run or create.
        image: index of the image; the number of words if there is none.
    """

    globals: tuple[Token, ...]
    verb: int
    flags: tuple[Token, ...]
    image: int


def read_line(words: Sequence[str]) -> TokenLine | None:
    """Tokenize the words after `podman`; None if they are neither run nor create."""
    before, at = read_flags(words, 0, GLOBAL_SHORT, GLOBAL_SWITCHES)
    if words[at : at + 1] and words[at] == "container":
        at += 1
    if at >= len(words) or words[at] not in _VERBS:
        return None
    flags, image = read_flags(words, at + 1)
    return TokenLine(before, at, tuple(token for token in flags if token.parts), image)


def read_flags(
    words: Sequence[str],
    position: int = 0,
    short: Mapping[str, str] = SHORT,
    switches: frozenset[str] = SWITCHES,
) -> tuple[tuple[Token, ...], int]:
    """Flags from `position` on, and the index of the first other word."""
    tokens: list[Token] = []
    at = position
    while at < len(words):
        word = words[at]
        if word == "--":
            return tuple(tokens), at + 1
        if word[:1] != "-" or word == "-":
            return tuple(tokens), at
        token = _long(words, at, switches) if word.startswith("--") else _cluster(words, at, short, switches)
        tokens.append(token)
        at = token.end
    return tuple(tokens), at


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


# --- Parsing of the command line that created a container -------------------------------------------


def parse_create_command(argv: Sequence[str] | None, version: Version = NEWEST_KNOWN) -> CommandLine | None:
    """Parse a recorded command line; None if it is neither `podman run` nor `podman create`.

    Args:
        version: the Podman that was given it.
    """
    line = read_line(argv[1:]) if argv else None
    if argv is None or line is None:
        return None
    words = argv[1:]
    command = CommandLine(verb=words[line.verb])
    split = COMMA_LISTS if version >= V5 else comma_lists(version)
    for into, tokens in ((command.globals, line.globals), (command.flags, line.flags)):
        for token in tokens:
            for flag, argument in token.parts:
                into.setdefault(flag, []).extend(split_csv(argument) if flag in split else [argument])
    if line.image < len(words):
        command.image = words[line.image]
        command.words = tuple(words[line.image + 1 :])
    return command
