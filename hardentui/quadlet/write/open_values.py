"""The open values of a container in its Quadlet: variables of the service, given in one input file.

`${DATA}` of a compose file stays `${DATA}` in the unit: systemd puts it in from the file that
`EnvironmentFile=` in [Service] names, and does not start the service without that file. What is a
password becomes a secret of Podman. Nothing is made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from hardentui.errors import CannotExpress
from hardentui.model.open_value import OpenKind, OpenPart, OpenText, marked
from hardentui.model.podman_version import Version
from hardentui.model.spec import KeyKind, OpenArgument, Option
from hardentui.options import COMMAND, ENV, IMAGE, MOUNTS, NETWORK, POD, RESTART, ROOTFS, SDNOTIFY
from hardentui.options.codecs import TEXT
from hardentui.quadlet.read.container import CONTAINER
from hardentui.systemd.command_line import (
    EMPTY_WORD,
    HELPER_VARIABLES,
    SEMICOLON_WORD,
    open_value,
)
from hardentui.systemd.unit_text import UnitText, with_lines

_KEYED = frozenset({ENV, MOUNTS, NETWORK})
"""Lists whose key holds one argument as it stands; so do the keys of plain texts."""

_NEVER: dict[Option[Any], str] = {
    RESTART: "a unit is started again by systemd: write Restart= in [Service]",
    SDNOTIFY: "Quadlet decides when the service is ready: write Notify= in [Container]",
}
"""What no variable gives, and why."""


class OpenUnit(Struct, frozen=True):
    """A unit with its open values."""

    text: str
    argv: tuple[str, ...]  # what the generator must produce; open parts are marked
    variables: tuple[str, ...]  # that the input file must give
    left_out: tuple[str, ...]  # arguments that no unit can hold, and why, a sentence each


def with_open_values(
    text: str,
    argv: Sequence[str],
    arguments: Iterable[OpenArgument],
    version: Version,
    project: str,
) -> OpenUnit:
    """The unit of the literal options, with the open ones.

    Args:
        text, argv: of the unit without them.
        project: what the file that gives the variables is named after.
    """
    before: list[str] = []
    after: list[str] = []
    loose: list[str] = []
    words = list(argv)
    names: dict[str, None] = {}
    left_out: list[str] = []
    for argument in _each_once(arguments):
        try:
            key, line = _line(argument, version)
        except CannotExpress:
            why = _NEVER.get(argument.option, "systemd cannot put its value in")
            left_out.append(f"{_written(argument)} is left out: {why}")
            continue
        if key == "PodmanArgs":
            loose.append(f"PodmanArgs={line}")
        elif argument.option in (IMAGE, ROOTFS):
            before.append(f"{key}={line}")
        else:
            after.append(f"{key}={line}")
        words = _with_words(words, argument)
        names |= {part.name: None for part in _variables(argument)}
    text = _with_first(text, before)
    text = _with_last(text, CONTAINER, (*after, *loose))
    text = _with_last(
        text,
        "Service",
        [f"EnvironmentFile={_input_file(project)}"] if names else [],
    )
    if EMPTY_WORD in text or SEMICOLON_WORD in text:
        helper = f"Environment={HELPER_VARIABLES}"
        text = _with_last(
            text,
            "Service",
            [] if helper in text else [helper],
        )
    return OpenUnit(
        text,
        tuple(words),
        tuple(names),
        tuple(left_out),
    )


def _each_once(arguments: Iterable[OpenArgument]) -> Iterable[OpenArgument]:
    """`--security-opt=${X}` stands once in a command, whatever of its options it may become."""
    return {(argument.flag, argument.words): argument for argument in arguments}.values()


def _input_file(project: str) -> str:
    """Beside the units of either service manager, where they are installed: `%E` is /etc or
    ~/.config."""
    return f"%E/containers/systemd/{project}.env"


def _line(argument: OpenArgument, version: Version) -> tuple[str, str]:
    """The key and its text."""
    if argument.option is COMMAND:
        words = (open_value(word, KeyKind.WORDS_ESCAPED) for word in argument.words)
        return "Exec", " ".join(words)
    if argument.option in _NEVER:
        raise CannotExpress(_NEVER[argument.option])
    text, key = argument.text, argument.option.quadlet
    if key is not None and _holds(argument, version):
        return key.name, open_value(text, key.kind)
    flag = OpenText((f"{argument.flag}=", *text.parts))
    return "PodmanArgs", open_value(flag, KeyKind.WORDS_ESCAPED)


def _holds(argument: OpenArgument, version: Version) -> bool:
    option: Option[Any] = argument.option
    key = option.quadlet
    if key is None or version < key.since or argument.flag != option.flag:
        return False
    if option is MOUNTS and argument.text.written.startswith("."):
        return False  # Quadlet would resolve it
    if option is POD:
        return False  # Quadlet takes only a unit
    if option is ENV and argument.text.partition("=") is None:
        return False  # old generators lose what has no name
    as_it_stands = key.holds is None or key.holds(argument.text.written, version)
    plain = option.codec is TEXT and key.kind is KeyKind.RAW_ONE
    return as_it_stands and (plain or option in _KEYED)


def _variables(argument: OpenArgument) -> Iterable[OpenPart]:
    return (part for word in argument.words for part in word.open if part.kind is OpenKind.VARIABLE)


def _written(argument: OpenArgument) -> str:
    words = " ".join(word.written for word in argument.words)
    return words if argument.option in (COMMAND, IMAGE) else f"{argument.flag}={words}"


def _with_words(
    words: Sequence[str],
    argument: OpenArgument,
) -> list[str]:
    """The command line with an open argument, its parts marked as the generator's port marks
    them."""
    texts = [
        word.rendered(
            lambda literal: literal,
            lambda part: marked(_as_executed(part)),
        )
        for word in argument.words
    ]
    if argument.option is COMMAND:
        return [*words, *texts]
    if argument.option is IMAGE:
        at = words.index("", words.index("run"))
        return [*words[:at], texts[0], *words[at + 1 :]]
    at = words.index("run") + 1
    while at < len(words) and words[at].startswith("-"):
        at += 1
    return [
        *words[:at],
        f"{argument.flag}={texts[0]}",
        *words[at:],
    ]


def _as_executed(part: OpenPart) -> str:
    return part.written if part.kind is OpenKind.SPECIFIER else f"${{{part.name}}}"


def _with_first(text: str, lines: list[str]) -> str:
    """The unit with lines at the beginning of [Container]."""
    unit = UnitText(text)
    start = next(offset for name, offset in unit.sections if name == CONTAINER)
    return with_lines(unit, start, lines)


def _with_last(
    text: str,
    section: str,
    lines: Sequence[str],
) -> str:
    """The unit with lines at the end of a section, which is made where there is none."""
    unit = UnitText(text)
    starts = [offset for name, offset in unit.sections if name == section]
    if not lines:
        return text
    if not starts:
        block = "".join(f"{line}\n" for line in (f"[{section}]", *lines))
        before, header, after = text.partition("[Install]\n")
        return f"{before}{block}\n{header}{after}" if header else f"{text}\n{block}"
    end = max(
        (assignment.end for assignment in unit.of(section)),
        default=starts[-1],
    )
    return with_lines(unit, end, list(lines))
