"""The tokenizer of podman command lines: words as flags with their arguments. Pure.

The only place that knows which flags take an argument, what short flags mean, and where the
subcommand and the image are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from hardentui.errors import InputError
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.model.spec import Spec
from hardentui.options import COMMAND, FLAGS_WITHOUT_ROW, IMAGE, ROOTFS, TABLE
from hardentui.options.columns import V5
from hardentui.options.items import (
    COMMA_LISTS,
    Item,
    comma_lists,
    image_item,
    parse_argument,
    spec_of,
)
from hardentui.options.run_command import RunCommand, Token

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


GLOBAL_SHORT = {"c": "--connection", "r": "--remote", "v": "--version"}

GLOBAL_SWITCHES = frozenset(
    "--help --noout --remote --syslog --trace --transient-store --version".split()
)

CARRIED_GLOBALS = frozenset(option.flag for option in TABLE if option.before_verb)
"""Flags before the subcommand that affect the container."""

_VERBS = ("run", "create")


def read_command(words: Sequence[str]) -> RunCommand | None:
    """Tokenize the words after `podman`; None if they are neither run nor create. `pod create` has
    flags of the same names, and no image."""
    before, at = read_flags(
        words,
        0,
        GLOBAL_SHORT,
        GLOBAL_SWITCHES,
    )
    if (words[at : at + 1] and words[at] == "container") or words[at : at + 2] == ["pod", "create"]:
        at += 1
    if at >= len(words) or words[at] not in _VERBS:
        return None
    flags, image = read_flags(words, at + 1)
    return RunCommand(
        tuple(words), before, at, tuple(token for token in flags if token.parts), image
    )


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
        token = (
            _long(words, at, switches)
            if word.startswith("--")
            else _cluster(words, at, short, switches)
        )
        tokens.append(token)
        at = token.end
    return tuple(tokens), at


def _long(
    words: Sequence[str],
    at: int,
    switches: frozenset[str],
) -> Token:
    name, equals, value = words[at].partition("=")
    flag = ALIASES.get(name, name)
    if equals:
        return Token(at, at + 1, ((flag, value),))
    if flag in switches or at + 1 >= len(words):
        return Token(
            at,
            at + 1,
            ((flag, "true" if flag in switches else ""),),
        )
    return Token(at, at + 2, ((flag, words[at + 1]),))


def _cluster(
    words: Sequence[str],
    at: int,
    short: Mapping[str, str],
    switches: frozenset[str],
) -> Token:
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


def parse_create_command(
    argv: Sequence[str] | None,
    version: Version = NEWEST_KNOWN,
) -> RunCommand | None:
    """Parse a recorded command line; None if it is neither `podman run` nor `podman create`: that
    of an infra container makes its pod. `version`: the Podman that was given it.
    """
    line = read_command(argv[1:]) if argv else None
    if argv is None or line is None:
        return None
    if "pod" in line.words[: line.verb_at]:
        return None
    split = COMMA_LISTS if version >= V5 else comma_lists(version)
    return replace(line, comma_lists=frozenset(split))


_VARIABLE_WORD = re.compile(r"\0{1,2}\$\{?(\w+)\}?")


def items_of_token(
    token: Token,
    version: Version = NEWEST_KNOWN,
) -> tuple[Item, ...]:
    """The items of a token's flags, as this Podman parses them."""
    return tuple(
        item for flag, argument in token.parts for item in parse_argument(flag, argument, version)
    )


def items_of_command(command: RunCommand) -> tuple[Item, ...]:
    """All items; the image and the words after it come last."""
    entries = [
        item
        for token in command.global_tokens
        for item in items_of_token(token)
        if item.option.before_verb
    ]
    entries += [item for token in command.tokens for item in items_of_token(token)]
    return (*entries, *positional_items(command))


def positional_items(command: RunCommand) -> tuple[Item, ...]:
    """The image (or root directory) and the command."""
    if command.image_at >= len(command.words):
        return ()
    rootfs = any(part == ("--rootfs", "true") for token in command.tokens for part in token.parts)
    image = image_item(ROOTFS if rootfs else IMAGE, command.image)
    words = command.rest
    return (image, Item(COMMAND, words, "", COMMAND.flag)) if words else (image,)


def may_vanish(word: str) -> bool:
    """Whether a word is only a variable with an unknown value, which may expand to no word or to
    many.

    Units often take extra flags from a variable (`${HTTPD_EXTRA_CONF}`), which is usually unset. A
    variable whose name refers to an image is the image.
    """
    variable = _VARIABLE_WORD.fullmatch(word)
    return variable is not None and "IMAGE" not in variable[1].upper()


def without_optional(words: Sequence[str]) -> tuple[int, ...]:
    """Indexes of the words that remain without variables that may vanish.

    Only words in the place of a flag or the image are considered, not arguments of flags. The last
    word never is, because it would be the image.
    """
    kept = list(range(len(words)))
    while True:
        command = read_command([words[at] for at in kept])
        if (
            command is None
            or command.image_at >= len(kept) - 1
            or not may_vanish(words[kept[command.image_at]])
        ):
            return tuple(kept)
        del kept[command.image_at]


def spec_from_argv(argv: Sequence[str]) -> Spec:
    """The spec of a `podman run` command line with its variables expanded.

    Args:
        argv: including the program's name.

    Raises:
        InputError: it is neither podman run nor podman create.
    """
    command = read_command(argv[1:])
    if command is None:
        raise InputError("The command line is neither podman run nor podman create.")
    return spec_of(items_of_command(command))
