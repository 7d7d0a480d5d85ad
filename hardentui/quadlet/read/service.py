"""The `podman run` in ExecStart= of a service, with or without a shell around it. Pure.

Every word of the command knows its position in the unit, or the variable that it comes from.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cached_property

from msgspec import Struct, field

from hardentui.errors import InputError
from hardentui.model.open_value import UNKNOWN
from hardentui.model.spec import Spec
from hardentui.options.argv import items_of_command, read_command, without_optional
from hardentui.options.items import spec_of
from hardentui.options.run_command import RunCommand
from hardentui.systemd.unit_text import (
    SYSTEMD,
    Assignment,
    UnitText,
    character_end,
    expand,
    set_variables,
    split_words,
)

_SECTION = "X-HardenTUI"
_COMMAND, _FLAGS = "CopiedCommand", "CopiedFlags"
_SHORT = 32

ABOUT = "A copy of the unit's command: what an update of the unit changes in it has no effect here."


def has_copy(text: str) -> bool:
    """Whether a drop-in sets a command of its own, or repeats the flags of the variable."""
    return bool(_copied_keys(text))


def stamped(text: str, files: ServiceFiles) -> str:
    """The drop-in with a note of what its copies were made from; an existing note is kept. `files`:
    the unit and its drop-ins without this one.
    """
    known = {assignment.key for assignment in UnitText(text, SYSTEMD).of(_SECTION)}
    lines = [f"{key}={_digest(key, files)}" for key in _copied_keys(text) if key not in known]
    if not lines:
        return text
    header = [] if known else ["", f"[{_SECTION}]"]
    return "\n".join([text.rstrip("\n"), *header, *lines]) + "\n"


def outdated(text: str, files: ServiceFiles) -> bool:
    """Whether the unit's command or flags differ from those that this drop-in has copied."""
    return any(
        assignment.value != _digest(assignment.key, files)
        for assignment in UnitText(text, SYSTEMD).of(_SECTION, _COMMAND, _FLAGS)
    )


def _copied_keys(text: str) -> list[str]:
    unit = UnitText(text, SYSTEMD)
    names = (
        [_COMMAND]
        if any(assignment.value for assignment in unit.of("Service", "ExecStart"))
        else []
    )
    words = [
        word.text
        for assignment in unit.of("Service", "Environment")
        for word in split_words(assignment.value)
    ]
    return names + ([_FLAGS] if any(word.startswith(f"{EXTRA}=") for word in words) else [])


def _digest(key: str, files: ServiceFiles) -> str:
    if key == _COMMAND:
        source = "\n".join(assignment.value for _, assignment in files.commands())
    else:
        source = files.variables.get(EXTRA, "")
    return f"sha256:{hashlib.sha256(source.encode()).hexdigest()[:_SHORT]}"


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
    script: str,
    variables: Mapping[str, str],
    specifiers: dict[str, str],
    files: bool,
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


def shell_commands(
    characters: Sequence[Character],
    inner: list[Sequence[Character]] | None = None,
) -> list[list[ShellWord]]:
    """Simple commands of a script, without those that need expansion by the shell.

    Args:
        inner: what stands in command substitutions is added to it, `id -u` of `$(id -u)`.

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
            word, at = _shell_word(characters, at, [] if inner is None else inner)
            commands[-1].append(word)
    return commands


def _shell_word(
    characters: Sequence[Character],
    at: int,
    inner: list[Sequence[Character]],
) -> tuple[ShellWord, int]:
    first, out, quote = at, [], ""
    while at < len(characters):
        character = characters[at].character
        if quote != "'" and (after := _substituted(characters, at)):
            written = "".join(each.character for each in characters[at:after])
            out.append((UNKNOWN * 3 if quote else UNKNOWN) + written)
            inner.append(characters[at + (2 if written.startswith("$") else 1) : after - 1])
            at = after
            continue
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
        raise InputError("A quote is opened and never closed in the script.")
    used = characters[first:at]
    text = "".join(out)
    return ShellWord(
        text,
        used[0].at,
        used[-1].end,
        {taken.variable for taken in used},
    ), at


def _substituted(characters: Sequence[Character], at: int) -> int:
    """Where what follows `$(id -u)` begins, if that is here; else 0."""
    begins = characters[at].character + _at(characters, at + 1)
    if begins != "$(" and begins[:1] != "`":
        return 0
    depth = 0
    for index in range(at + 1, len(characters)):
        character = characters[index].character
        depth += (character == "(") - (character == ")")
        if character == "`" if begins[0] == "`" else not depth:
            return index + 1
    return len(characters)


def _at(characters: Sequence[Character], index: int) -> str:
    return characters[index].character if index < len(characters) else ""


PROGRAMS = frozenset({"podman", "docker"})
_SHELLS = frozenset({"sh", "bash", "dash"})
_PREFIXES = "-@:+!|"
_SHELL_VARIABLE = re.compile(UNKNOWN + r"\$(?:(\w+)|\{(\w+)\})")


class Splitting(Enum):
    """What splits a variable's value into words."""

    SYSTEMD = "systemd"
    SHELL = "shell"
    NOBODY = "nobody"


class Piece(Struct, frozen=True):
    """One word of the podman command."""

    text: str  # with all known specifiers and variables expanded
    spelled: str  # without expanding; empty if its spelling cannot be preserved
    # start, end: in the value of ExecStart=
    start: int
    end: int
    # the variable that the whole word comes from; empty for a word of the line itself
    variable: str = ""


class RunLine(Struct, frozen=True):
    file: int  # number of the file whose ExecStart= counts
    assignment: Assignment
    pieces: tuple[Piece, ...]  # words after `podman`, without variables that may vanish
    command: RunCommand
    in_shell: bool  # the command is in a shell script
    extra: (
        Splitting | None
    )  # what splits the value of PODMAN_EXTRA_ARGS; None if the command does not use it
    vanished: tuple[str, ...] = ()  # variables without a value, left out of `pieces`


class ServiceFiles(Struct, frozen=True, dict=True):
    """A unit file with its drop-ins, in the order in which systemd reads them."""

    texts: tuple[str, ...]
    specifiers: Mapping[str, str] = field(default_factory=dict)
    # at rest, what no file sets may be set by a drop-in of the host
    open: bool = False
    given: Mapping[str, str] = field(default_factory=dict)  # by the files of EnvironmentFile=

    @cached_property
    def units(self) -> tuple[UnitText, ...]:
        return tuple(UnitText(text, SYSTEMD) for text in self.texts)

    @cached_property
    def variables(self) -> dict[str, str]:
        """Those that are set in the unit, as spelled there, and by its files."""
        return {**set_variables(self.units), **self.given}

    @property
    def has_variable_files(self) -> bool:
        """Whether variables also come from elsewhere, which takes precedence and is not read."""
        return self.open or self.reads_files

    @property
    def reads_files(self) -> bool:
        """Whether variables come from files, which take precedence over what a unit sets."""
        return any(unit.of("Service", "EnvironmentFile") for unit in self.units)

    def commands(
        self,
        key: str = "ExecStart",
    ) -> tuple[tuple[int, Assignment], ...]:
        """The lines of a key in effect, each with the number of its file."""
        current: list[tuple[int, Assignment]] = []
        for number, unit in enumerate(self.units):
            for assignment in unit.of("Service", key):
                current = [*current, (number, assignment)] if assignment.value else []
        return tuple(current)

    def run_line(self) -> RunLine:
        """The podman run command of the service.

        Raises:
            InputError: there is none, or more than one, or it only starts an existing container.
        """
        commands = self.commands()
        if len(commands) != 1:
            raise InputError(f"The unit has {len(commands)} commands in ExecStart=, not one.")
        return self.line_of(*commands[0])

    def line_of(
        self,
        file: int,
        assignment: Assignment,
    ) -> RunLine:
        """The podman run command of one line.

        Raises:
            InputError: there is none, or it only starts an existing container.
        """
        texts = {
            name: expand(value, dict(self.specifiers)) for name, value in self.variables.items()
        }
        pieces, in_shell = self._pieces(assignment.value, texts)
        kept = without_optional([piece.text for piece in pieces])
        vanished = tuple(piece.text for at, piece in enumerate(pieces) if at not in kept)
        pieces = tuple(pieces[at] for at in kept)
        command = read_command([piece.text for piece in pieces])
        if command is None:
            verb = next(
                (piece.text for piece in pieces if not piece.text.startswith("-")),
                "",
            )
            if verb == "start":
                raise InputError(
                    "The unit only starts an existing container (podman start); the options are "
                    "not in it.",
                    "Write a Quadlet for the container instead.",
                )
            raise InputError("ExecStart= of the unit is not a podman run command.")
        extra = _splitting(assignment.value, in_shell)
        return RunLine(
            file,
            assignment,
            pieces,
            command,
            in_shell,
            extra,
            vanished,
        )

    def _pieces(
        self,
        value: str,
        variables: dict[str, str],
    ) -> tuple[tuple[Piece, ...], bool]:
        words = split_words(value)
        texts = [word.text for word in words]
        if texts:
            texts[0] = texts[0].lstrip(_PREFIXES)
        name = texts[0].rpartition("/")[2] if texts else ""
        if any(value[word.start : word.end] == ";" for word in words):
            raise InputError("ExecStart= of the unit has more than one command in its line.")
        if name in PROGRAMS:
            pieces: list[Piece] = []
            for word in words[1:]:
                pieces += self._direct(
                    word.text,
                    word.start,
                    word.end,
                    variables,
                )
            return tuple(pieces), False
        if (
            name in _SHELLS
            and len(words) >= 3
            and texts[1].startswith("-")
            and texts[1].endswith("c")
        ):
            return self._script(
                value,
                words[2].text,
                words[2].offsets,
                variables,
            ), True
        raise InputError("ExecStart= of the unit is not a podman run command.")

    def _direct(
        self,
        text: str,
        start: int,
        end: int,
        variables: dict[str, str],
    ) -> list[Piece]:
        if text.startswith("$") and text[1:2] not in ("", "$", "{"):
            value = variables.get(text[1:])
            if value is None:
                known_empty = not self.has_variable_files or text[1:] == EXTRA
                return (
                    []
                    if known_empty
                    else [
                        Piece(
                            UNKNOWN + text,
                            text,
                            start,
                            end,
                            text[1:],
                        )
                    ]
                )
            return [Piece(word.text, "", start, end, text[1:]) for word in split_words(value)]
        if text == f"${{{EXTRA}}}" and not variables.get(EXTRA):
            return []
        whole = text[2:-1] if text.startswith("${") and text.find("}") == len(text) - 1 else ""
        return [
            Piece(
                expand(text, dict(self.specifiers), variables),
                text,
                start,
                end,
                whole,
            )
        ]

    def _script(
        self,
        value: str,
        script: str,
        offsets: Sequence[int],
        variables: dict[str, str],
    ) -> tuple[Piece, ...]:
        """Words of the podman command in a shell script."""
        characters = substituted(
            script,
            variables,
            dict(self.specifiers),
            self.has_variable_files,
        )
        for words in shell_commands(characters):
            texts = [word.text for word in words]
            for index, text in enumerate(texts):
                if text.rpartition("/")[2] in PROGRAMS and set(texts[:index]) <= {"exec"}:
                    pieces = [_piece(word, value, script, offsets) for word in words[index + 1 :]]
                    return tuple(
                        p for piece in pieces for p in self._put_in_by_shell(piece, variables)
                    )
        raise InputError("The shell script in ExecStart= has no podman run that can be parsed.")

    def _put_in_by_shell(
        self,
        piece: Piece,
        variables: dict[str, str],
    ) -> list[Piece]:
        """A bare `$NAME`, which the shell splits at blanks, regardless of quotes in the value."""
        variable = _SHELL_VARIABLE.fullmatch(piece.text)
        if not variable:
            return [piece]
        name = variable[1] or variable[2]
        if name in variables:
            return [
                Piece(
                    text,
                    "",
                    piece.start,
                    piece.end,
                    name,
                )
                for text in variables[name].split()
            ]
        return [] if name == EXTRA or not self.has_variable_files else [piece]

    def spec(self) -> Spec:
        line = self.run_line()
        return spec_of(items_of_command(line.command))


def _splitting(value: str, in_shell: bool) -> Splitting | None:
    if in_shell:
        words = split_words(value)
        script = words[2].text
        if f"${{{EXTRA}}}" in script and f'"${{{EXTRA}}}"' not in script:
            return Splitting.SHELL
        return Splitting.NOBODY if EXTRA in script else None
    texts = [word.text for word in split_words(value)]
    if f"${EXTRA}" in texts:
        return Splitting.SYSTEMD
    return Splitting.NOBODY if any(EXTRA in text for text in texts) else None


def _piece(
    word: ShellWord,
    value: str,
    script: str,
    offsets: Sequence[int],
) -> Piece:
    source = script[word.start : word.end]
    plain = not any(character in source for character in "'\"\\")
    whole = (
        next(iter(word.variables)) if len(word.variables) == 1 and "" not in word.variables else ""
    )
    return Piece(
        word.text,
        source if plain and not whole else "",
        offsets[word.start],
        character_end(value, offsets[word.end - 1]),
        whole,
    )


def spans_of(
    value: str,
    *,
    in_shell: bool,
) -> tuple[tuple[int, int], ...]:
    """The spans of the words in a variable's value."""
    if not in_shell:
        return tuple((word.start, word.end) for word in split_words(value))
    characters = [Character(character, at, at + 1) for at, character in enumerate(value)]
    return tuple((word.start, word.end) for words in shell_commands(characters) for word in words)
