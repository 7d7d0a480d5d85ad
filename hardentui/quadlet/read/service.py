"""The `podman run` in ExecStart= of a service, with or without a shell around it. Pure.

Every word of the command knows its position in the unit, or the variable that it comes from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cached_property

from msgspec import Struct, field

from hardentui.errors import InputError
from hardentui.model.spec import Spec
from hardentui.options.argv.items import RunCommand, read_command, spec_of, without_optional
from hardentui.quadlet.read.shell import EXTRA, Character, ShellWord, shell_commands, substituted
from hardentui.systemd.unit_text import (
    SYSTEMD,
    UNKNOWN,
    Assignment,
    UnitText,
    character_end,
    expand,
    split_words,
)

_SHELLS = frozenset({"sh", "bash", "dash"})
_PREFIXES = "-@:+!|"
_SHELL_VARIABLE = re.compile(UNKNOWN + r"\$(?:(\w+)|\{(\w+)\})")


class Splitting(Enum):
    """What splits a variable's value into words."""

    SYSTEMD = "systemd"
    SHELL = "shell"
    NOBODY = "nobody"


class Variable(Struct, frozen=True):
    """Where a variable is set: number of the file, and the value as spelled there."""

    file: int
    spelled: str


class Piece(Struct, frozen=True):
    """One word of the podman command.

    Attributes:
        text: with all known specifiers and variables expanded.
        spelled: without expanding; empty if its spelling cannot be preserved.
        start, end: in the value of ExecStart=.
        variable: the variable that the whole word comes from; empty for a word of the line itself.
    """

    text: str
    spelled: str
    start: int
    end: int
    variable: str = ""


class RunLine(Struct, frozen=True):
    """The parsed command.

    Attributes:
        file: number of the file whose ExecStart= counts.
        pieces: words after `podman`, without variables that may vanish.
        in_shell: the command is in a shell script.
        extra: what splits the value of PODMAN_EXTRA_ARGS; None if the command does not use it.
    """

    file: int
    assignment: Assignment
    pieces: tuple[Piece, ...]
    command: RunCommand
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
        """The parsed files."""
        return self._read

    def variables(self) -> dict[str, Variable]:
        """The variables of Environment=, before expanding specifiers."""
        by_name: dict[str, Variable] = {}
        for number, unit in enumerate(self.read()):
            for assignment in unit.of("Service", "Environment"):
                if not assignment.value:
                    by_name = {}
                for word in split_words(assignment.value):
                    name, equals, value = word.text.partition("=")
                    if equals:
                        by_name[name] = Variable(number, value)
        return by_name

    @property
    def has_variable_files(self) -> bool:
        """Whether variables also come from files, which take precedence and are not read."""
        return any(unit.of("Service", "EnvironmentFile") for unit in self.read())

    def commands(self) -> tuple[tuple[int, Assignment], ...]:
        """The ExecStart= lines in effect, each with the number of its file."""
        current: list[tuple[int, Assignment]] = []
        for number, unit in enumerate(self.read()):
            for assignment in unit.of("Service", "ExecStart"):
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
        file, assignment = commands[0]
        texts = {name: self._text(variable) for name, variable in self.variables().items()}
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
            raise InputError("ExecStart= of the unit is not a podman run command.")
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
            pieces: list[Piece] = []
            for word in words[1:]:
                pieces += self._direct(word.text, word.start, word.end, variables)
            return tuple(pieces), False
        if name in _SHELLS and len(words) >= 3 and texts[1].startswith("-") and texts[1].endswith("c"):
            return self._script(value, words[2].text, words[2].offsets, variables), True
        raise InputError("ExecStart= of the unit is not a podman run command.")

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
        """Words of the podman command in a shell script."""
        characters = substituted(script, variables, dict(self.specifiers), self.has_variable_files)
        for words in shell_commands(characters):
            texts = [word.text for word in words]
            for index, text in enumerate(texts):
                if text.rpartition("/")[2] == "podman" and set(texts[:index]) <= {"exec"}:
                    pieces = [_piece(word, value, script, offsets) for word in words[index + 1 :]]
                    return tuple(p for piece in pieces for p in self._put_in_by_shell(piece, variables))
        raise InputError("The shell script in ExecStart= has no podman run that can be parsed.")

    def _put_in_by_shell(self, piece: Piece, variables: dict[str, str]) -> list[Piece]:
        """A bare `$NAME`, which the shell splits at blanks, regardless of quotes in the value."""
        variable = _SHELL_VARIABLE.fullmatch(piece.text)
        if not variable:
            return [piece]
        name = variable[1] or variable[2]
        if name in variables:
            return [Piece(text, "", piece.start, piece.end, name) for text in variables[name].split()]
        return [] if name == EXTRA or not self.has_variable_files else [piece]

    def spec(self) -> Spec:
        """The options that the command sets."""
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


def _piece(word: ShellWord, value: str, script: str, offsets: Sequence[int]) -> Piece:
    source = script[word.start : word.end]
    plain = not any(character in source for character in "'\"\\")
    whole = next(iter(word.variables)) if len(word.variables) == 1 and "" not in word.variables else ""
    return Piece(
        word.text,
        source if plain and not whole else "",
        offsets[word.start],
        character_end(value, offsets[word.end - 1]),
        whole,
    )


def spans_of(value: str, *, in_shell: bool) -> tuple[tuple[int, int], ...]:
    """The spans of the words in a variable's value."""
    if not in_shell:
        return tuple((word.start, word.end) for word in split_words(value))
    characters = [Character(character, at, at + 1) for at, character in enumerate(value)]
    return tuple((word.start, word.end) for words in shell_commands(characters) for word in words)
