"""`podman run` and `docker run` in scripts, or as single lines, as services."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct

from hardentui.errors import InputError
from hardentui.features.at_rest.services import (
    Format,
    Maker,
    Service,
    Set,
    Span,
    SpecAtRest,
    rootless_by,
    waivers_in,
    with_more,
)
from hardentui.features.at_rest.sources import SourceFile, Sources
from hardentui.model.open_value import UNKNOWN, OpenText
from hardentui.options import NAME
from hardentui.options.argv import items_of_token, positional_items, read_command
from hardentui.options.items import spec_of
from hardentui.options.run_command import RunCommand
from hardentui.quadlet.read.service import Character, ShellWord, shell_commands
from hardentui.visible import visible

_SCRIPTS = (".sh", ".bash")
_MOST_LEVELS = 4
"""How many times the characters of a script are read again at most, for command substitutions."""
_PROGRAMS = ("podman", "docker")
_BEFORE = frozenset(
    "exec sudo nohup time command doas env nice ionice timeout setsid "
    "if then elif else while until do ! {".split()
)
"""Programs that run another one, and words of the shell before a command."""
_WITH_ACCOUNT = frozenset({"-u", "-g", "--user", "--group"})
_NUMBER = re.compile(r"\d+[smhd]?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_VARIABLE = re.compile(
    UNKNOWN + r"+\$(?:(?P<plain>[A-Za-z_]\w*)"
    r"|\{(?P<braced>[A-Za-z_]\w*|\d+)(?::?-(?P<default>[^{}$`\"'\\]*))?\})"
)
_WORDS = re.compile(UNKNOWN + r"+\$(?:[@*]|\{?([A-Za-z_]\w*)(\[[@*]\])?\}?)")
"""A word that is nothing but a variable; unquoted, or a whole array, it may be several words."""
_QUOTED = UNKNOWN * 3
_LONGEST = 4096
"""Characters of a variable, and words of an array, that are followed."""
_MOST_COMMANDS = 1000
_HERE = re.compile(r"<<-?[ \t]*([\"'\\]?)(\w+)\1(?!\w)")


class InScript(Struct, frozen=True):
    """The command that a service was made from: its words with their places, after the program's
    name."""

    file: SourceFile
    words: tuple[ShellWord, ...]
    command: RunCommand


def is_script(file: SourceFile) -> bool:
    return file.name.endswith(_SCRIPTS) or not file.path


def command_makers(sources: Sources) -> Iterator[Maker]:
    """The scripts with run commands."""
    for file in sources.files.values():
        if is_script(file) and any(name in file.text for name in _PROGRAMS):
            yield file, partial(services_of, sources, file)


def services_of(sources: Sources, file: SourceFile) -> Iterator[Service]:
    variables: dict[str, str] = {}
    arrays: dict[str, list[str]] = {}
    array, end, count = "", 0, 0
    for command_words in _commands(file.text):
        words = list(_expanded(command_words, variables, arrays))
        texts = [word.text for word in words]
        if array and ")" not in file.text[end : words[0].start]:
            arrays[array] += texts
            end = words[-1].end
            if len(arrays[array]) > _LONGEST:
                raise InputError(
                    f"{visible(file.shown, 200)} is not used: {array} has too many words."
                )
            continue
        array = ""
        if all(_ASSIGNMENT.match(text) for text in texts):
            for text in texts:
                name, _, value = text.partition("=")
                if name.endswith("+"):
                    name = name.rstrip("+")
                    value = variables.get(name, UNKNOWN) + value
                variables[name] = value
            if texts[-1].endswith("=") and file.text[words[-1].end :].startswith("("):
                array, end = name, words[-1].end
                arrays[array] = arrays.get(array, []) if texts[-1].endswith("+=") else []
            variables = {
                name: value
                for name, value in variables.items()
                if UNKNOWN not in value and len(value) < _LONGEST
            }
            continue
        at = _program(texts)
        if at is None:
            continue
        rest = words[at + 1 :]
        more: list[str] = []
        while (command := read_command([word.text for word in rest])) is not None:
            if command.image_at + 1 >= len(rest) or not _may_be_options(
                rest[command.image_at].text
            ):
                break
            more.append(OpenText.read(rest[command.image_at].text).written)
            del rest[command.image_at]
        if command is not None:
            count += 1
            if count > _MOST_COMMANDS:
                raise InputError(
                    f"{visible(file.shown, 200)} is not used: it has more than {_MOST_COMMANDS} "
                    "commands."
                )
            yield _service(
                sources,
                file,
                words[at],
                tuple(rest),
                command,
                tuple(more),
            )


def _commands(text: str) -> list[list[ShellWord]]:
    """Those in command substitutions too: `ID=$(podman run -d …)`.

    Raises:
        InputError: they are nested too deeply: each level is read again.
    """
    inner: list[Sequence[Character]] = []
    whole = list(_characters(text))
    commands = shell_commands(whole, inner)
    left = _MOST_LEVELS * len(whole)
    for characters in inner:  # which grows by what is nested
        left -= len(characters)
        if left < 0:
            raise InputError("Its command substitutions are nested too deeply.")
        commands += shell_commands(characters, inner)
    return sorted(filter(None, commands), key=lambda words: words[0].start)


def _expanded(
    words: Iterable[ShellWord],
    variables: Mapping[str, str],
    arrays: Mapping[str, list[str]],
) -> Iterator[ShellWord]:
    """The words with what the script itself puts into its variables, which may be several words."""
    for word in words:
        whole = _WORDS.fullmatch(word.text)
        if whole is not None and whole[1] in arrays and whole[2]:
            values = arrays[whole[1]]
        elif whole is not None and whole[1] in variables and not word.text.startswith(_QUOTED):
            values = variables[whole[1]].split()
        else:
            values = [_VARIABLE.sub(partial(_value_of, variables), word.text)]
        yield from (
            ShellWord(
                value,
                word.start,
                word.end,
                word.variables,
            )
            for value in values
        )


def _value_of(variables: Mapping[str, str], match: re.Match[str]) -> str:
    """What the script gives a variable, else the default that stands there; still open without."""
    name = match["plain"] or match["braced"]
    default = match[0] if match["default"] is None else match["default"]
    return variables.get(name, default)


def _may_be_options(word: str) -> bool:
    """Whether what stands in the place of the image may be options: a variable of several words."""
    whole = _WORDS.fullmatch(word)
    return whole is not None and (
        not whole[1] or bool(whole[2]) or not (word.startswith(_QUOTED) or "im" in whole[1].lower())
    )


def _program(texts: Sequence[str]) -> int | None:
    """Where podman or docker is the command."""
    for index, text in enumerate(texts):
        if text.rpartition("/")[2] in _PROGRAMS:
            return index
        is_value = bool(_NUMBER.fullmatch(text)) or texts[index - 1] in _WITH_ACCOUNT
        if not (is_value or text in _BEFORE or text[:1] == "-" or _ASSIGNMENT.match(text)):
            return None
    return None


def _service(
    sources: Sources,
    file: SourceFile,
    program: ShellWord,
    words: tuple[ShellWord, ...],
    command: RunCommand,
    more: tuple[str, ...],
) -> Service:
    """Args: more: variables that may hold more options."""
    sets: list[Set] = []
    for token in (*command.global_tokens, *command.tokens):
        span = Span(
            file,
            words[token.start].start,
            words[token.end - 1].end,
        )
        sets += [Set(item, span) for item in items_of_token(token)]
    if command.image_at < len(words):
        image, *others = positional_items(command)
        sets.append(
            Set(
                image,
                Span(
                    file,
                    words[command.image_at].start,
                    words[command.image_at].end,
                ),
            )
        )
        last = words[-1].end
        sets += [Set(item, Span(file, words[command.image_at + 1].start, last)) for item in others]
    spec = spec_of(each.item for each in sets)
    line = file.line_of(program.start)
    name = spec[NAME] if NAME not in spec.unknowable else ""
    unknowable = with_more(spec) if more else spec.unknowable
    return Service(
        name=name or f"line {line}",
        format=Format.RUN,
        header=Span(file, program.start, words[command.verb_at].end),
        spec=SpecAtRest(
            spec.settings,
            unknowable,
            open=spec.open,
            more=more,
        ),
        sets=tuple(sets),
        group=file.path or file.shown,
        version=sources.version,
        rootless=rootless_by(file, sources.rootless),
        waivers=waivers_in(file, name or f"line {line}"),
        source=InScript(file, words, command),
    )


def _characters(text: str) -> Iterator[Character]:
    """The script without comments, here-documents and continued lines; a line break ends a command."""
    quote, at, word, here = "", 0, False, ""
    while at < len(text):
        character = text[at]
        if character == "\\" and quote != "'" and at + 1 < len(text):
            end = 3 if text[at + 1 : at + 3] == "\r\n" else 2
            if text[at + 1] not in "\r\n":
                yield Character("\\", at, at + 1)
                yield Character(text[at + 1], at + 1, at + 2)
                word = True
            at += end
            continue
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#" and not word:
            at = text.find("\n", at)
            if at < 0:
                return
            continue
        elif character == "<" and (match := _HERE.match(text, at)):
            here, at = match[2], match.end()
            continue
        elif character == "\n":
            character = ";"
            if here:
                last = re.compile(rf"^\t*{here}[ \t]*$", re.MULTILINE).search(text, at)
                at, here = last.end() if last is not None else len(text), ""
        yield Character(character, at, at + 1)
        word = character not in " \t;&|()" or bool(quote)
        at += 1
