"""The options of all commands. The modules of the commands are imported when needed."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NoReturn

from hardentui import __version__
from hardentui.cli.command_modules import command_part
from hardentui.cli.terminal import columns
from hardentui.named_files import any_paths

if TYPE_CHECKING:
    from argparse import _ActionsContainer
from hardentui.cli.commands import COMMANDS, EXAMPLES, EXIT_CODES, GROUPS, MOVED

_HELP = "help"
_ALL = (*COMMANDS, _HELP)


class Parser(argparse.ArgumentParser):
    """An argument parser that suggests the nearest word for a mistyped one."""

    def error(self, message: str) -> NoReturn:
        if "invalid choice: " in message:
            word, _, choices = message.partition("invalid choice: ")[2].partition(" (choose from ")
            words = [choice.strip(" '") for choice in choices.rstrip(")").split(",")]
            if self.prog == "hardentui" and (now := MOVED.get(word.strip("'"))):
                self.exit(
                    2,
                    f"hardentui {word.strip(chr(39))} is now: hardentui {now}\n",
                )
            message += did_you_mean(word.strip("'"), words)
        super().error(message)


class Given(argparse.Action):
    """An option whose value must not be empty: `--url "$UNSET"` must not mean "wherever Podman is"."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        if not values:
            parser.error(f"argument {option_string}: its value is empty")
        setattr(namespace, self.dest, values)


class GivenAgain(Given):
    """An option that can be repeated, each time with a non-empty value."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        before = getattr(namespace, self.dest)
        super().__call__(
            parser,
            namespace,
            values,
            option_string,
        )
        setattr(namespace, self.dest, [*before, values])


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def period(text: str) -> float:
    """A time like `7d` in seconds; `0` is none.

    Raises:
        ArgumentTypeError: it is none, or longer than a year.
    """
    number, unit = text[:-1], text[-1:]
    value = int(number) * _UNITS[unit] if number.isdecimal() and unit in _UNITS else -1
    if text != "0" and not 0 <= value <= 365 * 86_400:
        raise argparse.ArgumentTypeError("a time like 7d, 12h or 30m")
    return float(max(0, value))


def seconds(text: str) -> float:
    """A time as an option's value.

    Raises:
        ArgumentTypeError: it is not between half a second and a week.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.5 <= value <= 604_800:
        raise argparse.ArgumentTypeError("seconds between 0.5 and 604800")
    return value


def flag(
    parser: _ActionsContainer,
    name: str,
    about: str,
    level: str = "",
) -> None:
    """A switch. `level`: the same by the word for one of the three levels."""
    parser.add_argument(
        name,
        *([f"--{level}"] if level else []),
        action="store_true",
        help=about,
    )


def given(
    parser: _ActionsContainer,
    name: str,
    metavar: str,
    about: str,
    *,
    dest: str | None = None,
    absent: str = "",
) -> None:
    """An option with a text that is not empty. `absent`: its value without it."""
    parser.add_argument(
        name,
        action=Given,
        metavar=metavar,
        dest=dest,
        default=absent,
        help=about,
    )


def repeated(
    parser: _ActionsContainer,
    name: str,
    metavar: str,
    about: str,
) -> None:
    """An option that can be given several times."""
    parser.add_argument(
        name,
        action="append",
        metavar=metavar,
        default=[],
        help=about,
    )


def patience_option(parser: _ActionsContainer, about: str) -> None:
    parser.add_argument(
        "--patience", type=seconds, metavar="S", default=30.0, help=f"{about} (default: 30)"
    )


def format_option(parser: _ActionsContainer) -> None:
    parser.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="default: text",
    )


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`; did you mean …?` with the nearest words, or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(words), 3, 0.5)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


class CommandParser(Parser):
    """The parser of a command. `--help` is one screen of 80x24: each option of its own in a line,
    and as many examples as fit; `--help-all` has everything.
    """

    def format_help(self) -> str:
        width = columns() - 2
        places = [action for action in self._actions if not action.option_strings]
        options = [
            action
            for action in self._actions
            if action.option_strings
            and action.dest not in _ANYWHERE
            and action.help is not argparse.SUPPRESS
        ]
        names = " ".join(_placed(action) for action in places)
        lines = [
            f"{self.prog} {names} [OPTION…]".replace("  ", " "),
            *fill(self.description or "", width),
        ]
        for action in places:
            parts: list[argparse.Action] = getattr(
                action, "_choices_actions", [action]
            )  # or its verbs
            for part in parts:
                lines += _line(
                    str(part.metavar or part.dest),
                    part.help or "?",
                    width,
                )
        lines += (
            _line(
                _flags(action),
                action.help or "",
                width,
                whole=False,
            )[0]
            for action in options
        )
        name = self.prog.partition(" ")[2]
        more = f"all of it: hardentui {name} --help-all; its page: hardentui help {name}"
        room = _SCREEN - len(lines) - 2
        examples = [f"  hardentui {name} {line}".rstrip() for line in EXAMPLES.get(name, ())]
        return "\n".join((*lines, *examples[: max(0, room)], more, ""))


class _HelpAll(argparse.Action):
    """Prints the whole help."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        *given: object,
    ) -> None:
        sys.stdout.write(super(CommandParser, parser).format_help())  # type: ignore[misc]
        parser.exit(0)


_SCREEN = 24
_COLUMN = 22
_ANYWHERE = ("help", "url", "connection", "demo", "no_color", "quiet")
"""Options of every command: the help of the whole tells them."""


def _flags(action: argparse.Action) -> str:
    value = action.metavar or "|".join(map(str, action.choices or ()))
    words = (
        *action.option_strings,
        *([] if action.nargs == 0 else [value] if isinstance(value, str) else value),
    )
    return " ".join(words)


def _placed(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest)
    if name == "…":  # whatever follows the first word
        return name
    return {
        "*": f"[{name}…]",
        "?": f"[{name}]",
        "+": f"{name}…",
        "...": "[…]",
    }.get(str(action.nargs), name)


def fill(text: str, width: int) -> list[str]:
    """The text in lines."""
    from textwrap import wrap

    return wrap(text, width)


def _clause(text: str, room: int) -> str:
    """The beginning of a sentence that says something by itself; empty if none fits."""
    if len(text) <= room:
        return text
    ends = (match.start() for match in re.finditer(r"[;:]|,? \(", text))
    return text[: max((end for end in ends if end <= room), default=0)]


def _line(
    name: str,
    text: str,
    width: int,
    *,
    whole: bool = True,
) -> list[str]:
    """What a name means; unless the whole is wanted, what of it fits on one line as a sentence."""
    left = f"  {name}  "
    room = width - max(_COLUMN, len(left))
    if not whole and (clause := _clause(text, room)):
        return [f"{left:<{_COLUMN}}{clause}"]
    told = fill(text, width - _COLUMN)
    beside = [
        f"{left:<{_COLUMN}}{told[0]}",
        *(f"{'':<{_COLUMN}}{line}" for line in told[1:]),
    ]
    return (
        beside
        if len(left) <= _COLUMN
        else [
            left.rstrip(),
            *(f"{'':<{_COLUMN}}{line}" for line in told),
        ]
    )


class MainParser(Parser):
    """The parser of the whole command line; its help is one screen of 80x24."""

    def format_help(self) -> str:
        commands = (
            f"{group if at == 0 else '':<8}{name:<10}{about}"
            for group, names in GROUPS.items()
            for at, (name, about) in enumerate(names.items())
        )
        return "\n".join((_SYNOPSIS, *commands, _COMMON, ""))


_SYNOPSIS = "hardentui [PATH… | COMMAND]: harden a Podman host or files. Alone: its screens."
_COMMON = """\
anywhere: --demo, --url URL, --connection NAME, --no-color, --quiet
alone: --text, --checklist LIST, --facts PATH, --version
more: hardentui COMMAND --help, hardentui help TOPIC"""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The options of a command line; `command` is empty if none is given. Exits with 2 on an
    invalid one."""
    # if the command comes first, the other commands are not needed; each costs a quarter of a
    # millisecond
    names = argv[:1] if argv[:1] and argv[0] in _ALL else _ALL
    paths = tuple(takewhile(lambda word: word not in _ALL and any_paths([word]), argv))
    rest = argv[len(paths) :]
    options = make_parser(names, [name for name in names if name in rest]).parse_args(rest)
    options.paths = paths
    return options


def make_parser(
    names: Iterable[str] = _ALL,
    loaded: Collection[str] = _ALL,
) -> Parser:
    """The parser of the command line.

    Args:
        names: the commands it accepts.
        loaded: those whose modules are imported, so that it also has their options.
    """
    width = columns() - 2  # else argparse imports shutil to find the width
    formatter = partial(argparse.RawDescriptionHelpFormatter, width=width)
    parser = MainParser(
        prog="hardentui",
        usage="hardentui [OPTION…] [COMMAND …]",
        description="Find, fix and prove: harden the containers of a Podman host. "
        "Without a command, the terminal UI opens.",
        epilog=EXIT_CODES,
        formatter_class=formatter,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"hardentui {__version__}",
    )
    parser.add_argument(
        "--text",
        action="store_true",
        help="without a command: plain lines instead of screens, for screen readers (also: "
        "HARDENTUI_TEXT=1)",
    )
    parser.add_argument(
        "--facts",
        action=GivenAgain,
        dest="fleet",
        metavar="PATH",
        default=[],
        help="without a command: the screens on saved facts, of a folder the list of its hosts first",
    )
    common_options(parser, top=True)
    checklist_option(parser, top=True)
    commands = parser.add_subparsers(
        dest="command",
        metavar="COMMAND",
        parser_class=CommandParser,
        prog=parser.prog,  # else argparse computes it, with the usage of the whole
    )
    for name in names:
        about = COMMANDS.get(name, "the pages of the documentation")
        command = commands.add_parser(
            name,
            help=about,
            description=about[0].upper() + about[1:] + ".",
            allow_abbrev=False,
            formatter_class=formatter,
        )
        if name in loaded:
            command_part(name, "arguments")(command)
            command.epilog = _epilog(
                command.epilog,
                EXAMPLES.get(name, ()),
                name,
                width,
            )
        command.add_argument(
            "--help-all",
            action=_HelpAll,
            nargs=0,
            help=argparse.SUPPRESS,
        )
        common_options(command)
    parser.set_defaults(command="")
    return parser


def _epilog(
    about: str | None,
    lines: Sequence[str],
    name: str,
    width: int,
) -> str:
    """The end of a command's help: its own epilog, and examples."""
    parts = ["\n".join(fill(about, width))] if about else []
    if lines:
        parts.append(
            "\n".join(
                (
                    "examples:",
                    *(f"  hardentui {name} {line}".rstrip() for line in lines),
                )
            )
        )
    return "\n\n".join(parts)


def common_options(
    parser: argparse.ArgumentParser,
    *,
    top: bool = False,
) -> None:
    """Options that every command has; those after the command win over those before it."""
    group = parser.add_argument_group("where to look")
    place = group.add_mutually_exclusive_group()
    absent: object = "" if top else argparse.SUPPRESS
    off: object = False if top else argparse.SUPPRESS
    place.add_argument(
        "--url",
        action=Given,
        default=absent,
        help="Podman's address: unix:///PATH or ssh://USER@HOST/PATH",
    )
    place.add_argument(
        "--connection",
        action=Given,
        metavar="NAME",
        default=absent,
        help="a name from `podman system connection list`",
    )
    place.add_argument(
        "--demo",
        action="store_true",
        default=off,
        help="a simulated host",
    )
    group = parser.add_argument_group("output")
    group.add_argument(
        "--no-color", action="store_true", default=off, help="no colours (also: NO_COLOR)"
    )
    group.add_argument(
        "--quiet", action="store_true", default=off, help="no progress, no notes, no hints"
    )


def group_of(
    parser: argparse.ArgumentParser,
    *,
    required: bool,
    saved: bool | None = None,
    tried: bool = False,
    as_is: bool = False,
) -> None:
    """`--plan FILE | --trial FILE | --check ID | --all | --likely | --safe`: which fixes.

    Args:
        saved: a saved plan is accepted; None = a choice is required.
        tried: the result of a trial is accepted.
        as_is: no change at all is a choice too.
    """
    checklist_option(parser)
    group = parser.add_argument_group("which fixes").add_mutually_exclusive_group(required=required)
    repeated(
        group,
        "--check",
        "ID",
        "this fix; repeatable",
    )
    flag(
        group,
        "--all",
        "every fix that can be carried out",
        "strict",
    )
    flag(
        group,
        "--likely",
        "every fix except those that may break something",
        "recommended",
    )
    flag(
        group,
        "--safe",
        "only fixes known to break nothing",
    )
    if as_is:
        flag(
            group,
            "--as-is",
            "nothing hardened, for one container",
        )
    if required if saved is None else saved:
        given(
            group,
            "--plan",
            "FILE",
            "the fixes of a saved plan",
        )
    if tried:
        given(
            group,
            "--trial",
            "FILE",
            "the fixes that worked in a trial (trial.json)",
        )


def checklist_option(
    parser: argparse.ArgumentParser,
    *,
    top: bool = False,
) -> None:
    """`--checklist`; the one after the command wins over the one before it."""
    parser.add_argument(
        "--checklist",
        action=Given,
        metavar="LIST",
        default="" if top else argparse.SUPPRESS,
        help="baseline, strict, edge, systemd, or a file of your own, instead of the ten steps",
    )
