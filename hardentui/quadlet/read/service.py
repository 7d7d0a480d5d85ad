"""The `podman run` in ExecStart= of a service, with or without a shell around it. Pure.

Every word of the command knows where it stands in the unit, or out of which variable it comes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cached_property

from msgspec import Struct, field

from hardentui.errors import InputError
from hardentui.model.spec import Spec
from hardentui.options.argv.command import Command, read_command, without_optional
from hardentui.options.argv.items import spec_of
from hardentui.systemd.unit_text import (
    SYSTEMD,
    UNKNOWN,
    Assignment,
    UnitText,
    character_end,
    expand,
    split_words,
)

EXTRA = "PODMAN_EXTRA_ARGS"
"""The variable through which units of Uyuni take more flags."""

_SHELLS = frozenset({"sh", "bash", "dash"})
_PREFIXES = "-@:+!|"
_SHELL_VARIABLE = re.compile(UNKNOWN + r"\$(?:(\w+)|\{(\w+)\})")
_BLANKS = " \t\n\r"
_OPERATORS = ";&|()<>"


class Splitting(Enum):
    """Who makes words of a variable's value."""

    SYSTEMD = "systemd"
    SHELL = "shell"
    NOBODY = "nobody"


class Variable(Struct, frozen=True):
    """Where the value of a variable is set: number of the file; the value as it is spelled there."""

    file: int
    spelled: str


class Piece(Struct, frozen=True):
    """One word of the podman command.

    Attributes:
        text: with everything put in that is known.
        spelled: without; empty when it is put together in a way that cannot be kept.
        start, end: in the value of ExecStart=.
        variable: the variable that the whole word comes from; empty for a word of the line itself.
    """

    text: str
    spelled: str
    start: int
    end: int
    variable: str = ""


class RunLine(Struct, frozen=True):
    """The command, taken apart.

    Attributes:
        file: number of the file whose ExecStart= counts.
        pieces: words after `podman`, without variables that may vanish.
        in_shell: the command stands in a shell's script.
        extra: who splits the value of PODMAN_EXTRA_ARGS; None when the command does not use it.
    """

    file: int
    assignment: Assignment
    pieces: tuple[Piece, ...]
    command: Command
    in_shell: bool
    extra: Splitting | None


class ServiceFiles(Struct, frozen=True, dict=True):
    """A unit file with its drop-ins, in the order in which systemd reads them."""

    texts: tuple[str, ...]
    specifiers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _read(self) -> tuple[UnitText, ...]:
        return tuple(UnitText(text, SYSTEMD) for text in self.texts)

    def read(self) -> tuple[UnitText, ...]:
        """The files, each read once."""
        return self._read

    def variables(self) -> dict[str, Variable]:
        """The variables of Environment=, specifiers not yet put in."""
        found: dict[str, Variable] = {}
        for number, unit in enumerate(self.read()):
            for assignment in unit.of("Service", "Environment"):
                if not assignment.value:
                    found = {}
                for word in split_words(assignment.value):
                    name, equals, value = word.text.partition("=")
                    if equals:
                        found[name] = Variable(number, value)
        return found

    @property
    def has_variable_files(self) -> bool:
        """Whether variables are also read from files, which win and are not looked at."""
        return any(unit.of("Service", "EnvironmentFile") for unit in self.read())

    def commands(self) -> tuple[tuple[int, Assignment], ...]:
        """The ExecStart= lines that count, each with the number of its file."""
        found: list[tuple[int, Assignment]] = []
        for number, unit in enumerate(self.read()):
            for assignment in unit.of("Service", "ExecStart"):
                found = [*found, (number, assignment)] if assignment.value else []
        return tuple(found)

    def run_line(self) -> RunLine:
        """The one podman run of the service.

        Raises:
            InputError: there is none, or more than one, or it only starts an existing container.
        """
        commands = self.commands()
        if len(commands) != 1:
            raise InputError(f"The unit has {len(commands)} commands in ExecStart=, not one.")
        file, assignment = commands[0]
        texts = {name: self._text(one) for name, one in self.variables().items()}
        pieces, in_shell = self._pieces(assignment.value, texts)
        kept = without_optional([piece.text for piece in pieces])
        pieces = tuple(pieces[at] for at in kept)
        command = read_command([piece.text for piece in pieces])
        if command is None:
            verb = next((piece.text for piece in pieces if not piece.text.startswith("-")), "")
            if verb == "start":
                raise InputError(
                    "The unit only starts an existing container (podman start); the options are not in it.",
                    "Write a Quadlet for the container instead.",
                )
            raise InputError("ExecStart= of the unit is no podman run.")
        extra = _splitting(assignment.value, in_shell)
        return RunLine(file, assignment, pieces, command, in_shell, extra)

    def _text(self, variable: Variable) -> str:
        return expand(variable.spelled, dict(self.specifiers))

    def _pieces(self, value: str, variables: dict[str, str]) -> tuple[tuple[Piece, ...], bool]:
        words = split_words(value)
        texts = [word.text for word in words]
        if texts:
            texts[0] = texts[0].lstrip(_PREFIXES)
        name = texts[0].rpartition("/")[2] if texts else ""
        if any(value[word.start : word.end] == ";" for word in words):
            raise InputError("ExecStart= of the unit has more than one command in its line.")
        if name == "podman":
            found: list[Piece] = []
            for word in words[1:]:
                found += self._direct(word.text, word.start, word.end, variables)
            return tuple(found), False
        if name in _SHELLS and len(words) >= 3 and texts[1].startswith("-") and texts[1].endswith("c"):
            return self._script(value, words[2].text, words[2].offsets, variables), True
        raise InputError("ExecStart= of the unit is no podman run.")

    def _direct(self, text: str, start: int, end: int, variables: dict[str, str]) -> list[Piece]:
        if text.startswith("$") and text[1:2] not in ("", "$", "{"):
            value = variables.get(text[1:])
            if value is None:
                known_empty = not self.has_variable_files or text[1:] == EXTRA
                return [] if known_empty else [Piece(UNKNOWN + text, text, start, end, text[1:])]
            return [Piece(word.text, "", start, end, text[1:]) for word in split_words(value)]
        if text == f"${{{EXTRA}}}" and not variables.get(EXTRA):
            return []
        whole = text[2:-1] if text.startswith("${") and text.find("}") == len(text) - 1 else ""
        return [Piece(expand(text, dict(self.specifiers), variables), text, start, end, whole)]

    def _script(
        self, value: str, script: str, offsets: Sequence[int], variables: dict[str, str]
    ) -> tuple[Piece, ...]:
        """Words of the podman command in a shell's script."""
        characters = _substituted(script, variables, dict(self.specifiers), self.has_variable_files)
        for words in _shell_commands(characters):
            texts = [word.text for word in words]
            for index, text in enumerate(texts):
                if text.rpartition("/")[2] == "podman" and set(texts[:index]) <= {"exec"}:
                    found = [word.piece(value, script, offsets) for word in words[index + 1 :]]
                    return tuple(p for piece in found for p in self._put_in_by_shell(piece, variables))
        raise InputError("The shell script in ExecStart= has no podman run that can be understood.")

    def _put_in_by_shell(self, piece: Piece, variables: dict[str, str]) -> list[Piece]:
        """A bare `$NAME`, which the shell splits at blanks, whatever quotes are in it."""
        found = _SHELL_VARIABLE.fullmatch(piece.text)
        if not found:
            return [piece]
        name = found[1] or found[2]
        if name in variables:
            return [Piece(text, "", piece.start, piece.end, name) for text in variables[name].split()]
        return [] if name == EXTRA or not self.has_variable_files else [piece]

    def spec(self) -> Spec:
        """What the command asks for."""
        line = self.run_line()
        return spec_of(line.command.items())


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


class _Character(Struct, frozen=True):
    """A character of the script after systemd put variables in; where it comes from.

    An empty one stands for a variable without a value.
    """

    character: str
    at: int
    end: int
    variable: str = ""


class _ShellWord(Struct):
    text: str
    start: int
    end: int
    variables: set[str]

    def piece(self, value: str, script: str, offsets: Sequence[int]) -> Piece:
        source = script[self.start : self.end]
        plain = not any(character in source for character in "'\"\\")
        whole = next(iter(self.variables)) if len(self.variables) == 1 and "" not in self.variables else ""
        return Piece(
            self.text,
            source if plain and not whole else "",
            offsets[self.start],
            character_end(value, offsets[self.end - 1]),
            whole,
        )


def _substituted(
    script: str, variables: Mapping[str, str], specifiers: dict[str, str], files: bool
) -> list[_Character]:
    """The script as the shell gets it: systemd has put `${NAME}`, `$$` and specifiers in."""
    found: list[_Character] = []
    at = 0
    while at < len(script):
        if script.startswith("$$", at):
            found.append(_Character("$", at, at + 2))
            at += 2
        elif script.startswith("${", at) and (end := script.find("}", at)) != -1:
            name = script[at + 2 : end]
            missing = UNKNOWN + script[at : end + 1] if files and name != EXTRA else ""
            value = variables.get(name, missing)
            found += [_Character(character, at, end + 1, name) for character in value or [""]]
            at = end + 1
        elif script[at] == "%" and at + 1 < len(script):
            text = expand(script[at : at + 2], specifiers)
            found += [_Character(character, at, at + 2) for character in text]
            at += 2
        else:
            found.append(_Character(script[at], at, at + 1))
            at += 1
    return found


def _shell_commands(characters: Sequence[_Character]) -> list[list[_ShellWord]]:
    """Simple commands of a script, without what a shell would still expand.

    Raises:
        InputError: quotes that are never closed.
    """
    commands: list[list[_ShellWord]] = [[]]
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


def _shell_word(characters: Sequence[_Character], at: int) -> tuple[_ShellWord, int]:
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
    return _ShellWord(text, used[0].at, used[-1].end, {one.variable for one in used}), at


def _at(characters: Sequence[_Character], index: int) -> str:
    return characters[index].character if index < len(characters) else ""


def spans_of(value: str, *, in_shell: bool) -> tuple[tuple[int, int], ...]:
    """Where the words of a variable's value stand in it."""
    if not in_shell:
        return tuple((word.start, word.end) for word in split_words(value))
    characters = [_Character(character, at, at + 1) for at, character in enumerate(value)]
    return tuple((word.start, word.end) for words in _shell_commands(characters) for word in words)
