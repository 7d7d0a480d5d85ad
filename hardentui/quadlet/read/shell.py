"""The shell script around a podman command: its words and their positions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from hardentui.errors import InputError
from hardentui.systemd.unit_text import UNKNOWN, expand

EXTRA = "PODMAN_EXTRA_ARGS"
"""The variable with additional flags in units of Uyuni."""

_BLANKS = " \t\n\r"
_OPERATORS = ";&|()<>"


class Character(Struct, frozen=True):
    """A character of the script after systemd expanded variables, with its origin.

    An empty one represents a variable without a value.
    """

    character: str
    at: int
    end: int
    variable: str = ""


class ShellWord(Struct):
    text: str
    start: int
    end: int
    variables: set[str]


def substituted(
    script: str, variables: Mapping[str, str], specifiers: dict[str, str], files: bool
) -> list[Character]:
    """The script as the shell receives it: systemd has expanded `${NAME}`, `$$` and specifiers."""
    characters: list[Character] = []
    at = 0
    while at < len(script):
        if script.startswith("$$", at):
            characters.append(Character("$", at, at + 2))
            at += 2
        elif script.startswith("${", at) and (end := script.find("}", at)) != -1:
            name = script[at + 2 : end]
            missing = UNKNOWN + script[at : end + 1] if files and name != EXTRA else ""
            value = variables.get(name, missing)
            characters += [Character(character, at, end + 1, name) for character in value or [""]]
            at = end + 1
        elif script[at] == "%" and at + 1 < len(script):
            text = expand(script[at : at + 2], specifiers)
            characters += [Character(character, at, at + 2) for character in text]
            at += 2
        else:
            characters.append(Character(script[at], at, at + 1))
            at += 1
    return characters


def shell_commands(characters: Sequence[Character]) -> list[list[ShellWord]]:
    """Simple commands of a script, without those that need expansion by the shell.

    Raises:
        InputError: quotes that are never closed.
    """
    commands: list[list[ShellWord]] = [[]]
    at, end = 0, len(characters)
    while at < end:
        character = characters[at].character
        if not character or character in _BLANKS:
            at += 1
        elif character in _OPERATORS:
            commands.append([])
            at += 1
        else:
            word, at = _shell_word(characters, at)
            commands[-1].append(word)
    return commands


def _shell_word(characters: Sequence[Character], at: int) -> tuple[ShellWord, int]:
    first, out, quote = at, [], ""
    while at < len(characters):
        character = characters[at].character
        if quote:
            if character == quote:
                quote = ""
            elif not character:
                pass
            elif character == "\\" and quote == '"' and _at(characters, at + 1) in '"\\$`':
                at += 1
                out.append(_at(characters, at))
            elif quote == '"' and character in "$`":
                out.append(UNKNOWN * 3 + character)  # one word in any case
            else:
                out.append(character)
        elif character and character in "'\"":
            quote = character
        elif character == "\\":
            at += 1
            out.append(_at(characters, at))
        elif not character:
            pass  # a variable that is empty here is part of the word that it stands in
        elif character in _BLANKS or character in _OPERATORS:
            break
        elif character in "$`":
            out.append(UNKNOWN + character)  # the shell itself would put something in
        else:
            out.append(character)
        at += 1
    if quote:
        raise InputError("A quote is opened and never closed in the script of ExecStart=.")
    used = characters[first:at]
    text = "".join(out)
    return ShellWord(text, used[0].at, used[-1].end, {taken.variable for taken in used}), at


def _at(characters: Sequence[Character], index: int) -> str:
    return characters[index].character if index < len(characters) else ""
