"""The tokenizer of podman command lines: words as flags with their arguments. Pure.

The only place that knows which flags take an argument, what short flags mean, and where the subcommand and
the image are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from hardentui.options.argv.flags import ALIASES, GLOBAL_SHORT, GLOBAL_SWITCHES, SHORT, SWITCHES

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
