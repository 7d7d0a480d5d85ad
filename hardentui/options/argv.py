"""The tokenizer of podman command lines: words as flags with their arguments. Pure.

The only place that knows which flags take an argument, what short flags mean, and where the
subcommand and the image are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from hardentui.errors import InputError
from hardentui.model.open_value import OpenText, is_open
from hardentui.model.spec import (
    NEWEST_KNOWN,
    Codec,
    OpenArgument,
    Option,
    Setting,
    Source,
    Spec,
    Version,
)
from hardentui.options import COMMAND, FLAGS_WITHOUT_ROW, IMAGE, ROOTFS, TABLE, V5
from hardentui.options.codecs import as_csv_field, parse_mount, split_csv
from hardentui.options.inspect import CommandLine

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
    "--help --noout --remote --syslog --trace --transient-store --version".split()
)

CARRIED_GLOBALS = frozenset(option.flag for option in TABLE if option.before_verb)
"""Flags before the subcommand that affect the container."""

_VERBS = ("run", "create")


class Token(Struct, frozen=True):
    """The words from `start` to `end` (exclusive); several parts for a cluster such as `-dit`."""

    start: int
    end: int
    parts: tuple[tuple[str, str], ...]  # (long flag, argument; `true` for a bare switch)


def read_command(words: Sequence[str]) -> RunCommand | None:
    """Tokenize the words after `podman`; None if they are neither run nor create."""
    before, at = read_flags(
        words,
        0,
        GLOBAL_SHORT,
        GLOBAL_SWITCHES,
    )
    if words[at : at + 1] and words[at] == "container":
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


# --- Parsing of the command line that created a container -----------------------------------------


def parse_create_command(
    argv: Sequence[str] | None,
    version: Version = NEWEST_KNOWN,
) -> CommandLine | None:
    """Parse a recorded command line; None if it is neither `podman run` nor `podman create`.
    `version`: the Podman that was given it.
    """
    line = read_command(argv[1:]) if argv else None
    if argv is None or line is None:
        return None
    words = argv[1:]
    command = CommandLine(verb=words[line.verb])
    split = COMMA_LISTS if version >= V5 else comma_lists(version)
    for into, tokens in (
        (command.globals, line.globals),
        (command.flags, line.flags),
    ):
        for token in tokens:
            for flag, argument in token.parts:
                into.setdefault(flag, []).extend(
                    split_csv(argument) if flag in split else [argument]
                )
    if line.image < len(words):
        command.image = words[line.image]
        command.words = tuple(words[line.image + 1 :])
    return command


# One argument of one option from a command line: its value, and its identity in a list.


class Unparsed:
    """The value of an argument that only systemd can expand, or that cannot be parsed."""


UNPARSED = Unparsed()


def _by_flag() -> dict[str, list[tuple[Option[Any], Codec[Any]]]]:
    rows: dict[str, list[tuple[Option[Any], Codec[Any]]]] = {}
    for option in TABLE:
        for flag, codec in ((option.flag, option.codec), *option.also):
            rows.setdefault(flag, []).append((option, codec))
    return rows


_BY_FLAG = _by_flag()
"""Flag -> the rows that an argument of it may belong to, each with its codec for that flag."""


class Item(Struct, frozen=True):
    """One entry of a list, or the value of a scalar."""

    option: Option[Any]
    value: Any  # the element of the list, the value of the scalar, or UNPARSED
    raw: str  # the argument as written; empty for a bare switch
    flag: str  # the flag as written; `--mount` and `--volume` differ

    @property
    def is_list(self) -> bool:
        return self.option.is_list

    @property
    def known(self) -> bool:
        return not isinstance(self.value, Unparsed)

    @property
    def open(self) -> OpenArgument | None:
        """The argument, if parts of it are open."""
        words = self.value if self.option is COMMAND and self.known else (self.raw,)
        if not any(map(is_open, words)):
            return None
        return OpenArgument(self.option, self.flag, tuple(map(OpenText.read, words)))

    @property
    def identity(self) -> str:
        """The key that identifies an entry of a list: the destination, the name, the port."""
        identify = dict(self.option.also).get(self.flag, self.option.codec).identity
        return "" if identify is None else identify(self.raw)

    @property
    def canonical(self) -> str:
        """The canonical form, equal for two spellings of the same value; the text itself if it is
        not parsed."""
        return self.option.codec.canonical(self.value) if self.known else self.raw


def items_of(spec: Spec, option: Option[Any]) -> tuple[Item, ...]:
    """The entries of an option in a spec."""
    if option not in spec:
        return ()
    value = spec[option]
    if not option.is_list:
        return (Item(option, value, "", option.flag),)
    codec = option.codec
    return tuple(
        Item(
            option, entry, codec.text(entry), codec.flag_of(entry) if codec.flag_of else option.flag
        )
        for entry in value
    )


def item_word(item: Item) -> str:
    """The item as one word of a command line."""
    option = item.option
    if not item.known:
        raw = as_csv_field(item.raw) if item.flag in COMMA_LISTS else item.raw
        return f"{item.flag}={raw}"
    words = option.to_words((item.value,) if item.is_list else item.value)
    if not words:  # a switch that is written although it is the default
        return f"{option.flag}={'true' if option.default else 'false'}"
    return words[0]


def parse_argument(
    flag: str,
    argument: str,
    version: Version = NEWEST_KNOWN,
) -> tuple[Item, ...]:
    """The items in an argument of a flag; none for a flag without a row.

    Args:
        flag: in its long spelling.
        argument: `true` or `false` for a switch.
        version: the Podman that parses it: an older one splits more flags at commas.
    """
    for option, codec in _BY_FLAG.get(flag, ()):
        once_split = option.is_comma_list(version) and not codec.comma_list
        texts = split_csv(argument) if once_split else codec.split(argument)
        if texts:
            return tuple(_item(option, codec, text, flag) for text in texts)
    return ()


def _item(
    option: Option[Any],
    codec: Codec[Any],
    text: str,
    flag: str,
) -> Item:
    try:
        value = UNPARSED if is_open(text) else codec.parse(text)
    except ValueError:
        value = UNPARSED
    return Item(option, value, text, flag)


def same(item: Item, other: Item) -> bool:
    """Whether both have the same value."""
    return item.canonical == other.canonical


def spec_of(items: Iterable[Item]) -> Spec:
    """The spec of these items, in command line order: for a scalar, the last one counts.

    Options with an argument that could not be parsed, or has open parts, are `unknowable`; of a
    list, the other entries are kept.
    """
    lists: dict[Option[Any], dict[str, Any]] = {}
    scalars: dict[Option[Any], Any] = {}
    unknowable: set[Option[Any]] = set()
    opened: list[OpenArgument] = []
    for item in items:
        argument = item.open
        if not item.is_list:
            opened = [each for each in opened if each.option is not item.option]
        if argument is not None:
            opened.append(argument)
        if argument is not None or not item.known:
            unknowable.add(item.option)
            scalars.pop(item.option, None)
        elif item.is_list:
            place = item.canonical if item.option.codec.several_alike else item.identity
            lists.setdefault(item.option, {})[place] = item.value
        else:
            unknowable.discard(item.option)
            scalars[item.option] = item.value
    scalars |= {option: tuple(entries.values()) for option, entries in lists.items()}
    settings = {o: Setting(v, Source.UNIT) for o, v in scalars.items() if v != o.default}
    return Spec(settings, frozenset(unknowable), open=tuple(opened))


def image_item(option: Option[Any], text: str) -> Item:
    """The item of the image or root directory, which is not written as `--flag=value`."""
    return Item(
        option,
        UNPARSED if is_open(text) else text,
        text,
        option.flag,
    )


# --- A parsed `podman run` command line with the words of every flag. Pure ------------------------


_VARIABLE_WORD = re.compile(r"\0{1,2}\$\{?(\w+)\}?")


def items_of_token(
    token: Token,
    version: Version = NEWEST_KNOWN,
) -> tuple[Item, ...]:
    """The items of a token's flags, as this Podman parses them."""
    return tuple(
        item for flag, argument in token.parts for item in parse_argument(flag, argument, version)
    )


class RunCommand(Struct, frozen=True):
    """`podman [globals] run|create [flags] IMAGE [words]`, after the program's name."""

    words: tuple[str, ...]
    globals: tuple[Token, ...]
    verb: int  # index of run or create
    flags: tuple[Token, ...]
    image: int  # index of the image; the number of words if there is none

    def items(self) -> tuple[Item, ...]:
        """All items; the image and the words after it come last."""
        entries = [
            item
            for token in self.globals
            for item in items_of_token(token)
            if item.option.before_verb
        ]
        entries += [item for token in self.flags for item in items_of_token(token)]
        return (*entries, *self.positional())

    def positional(self) -> tuple[Item, ...]:
        """The image (or root directory) and the command."""
        if self.image >= len(self.words):
            return ()
        rootfs = any(part == ("--rootfs", "true") for token in self.flags for part in token.parts)
        image = image_item(ROOTFS if rootfs else IMAGE, self.words[self.image])
        words = self.words[self.image + 1 :]
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
            or command.image >= len(kept) - 1
            or not may_vanish(words[kept[command.image]])
        ):
            return tuple(kept)
        del kept[command.image]


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
    return spec_of(command.items())


# Compare two podman command lines: do they request the same container?


_QUADLET_FLAGS = frozenset({"--cidfile", "--replace", "--rm", "--detach"})
"""Flags that Quadlet adds to every container, and the expected command line lacks."""
_QUADLET_VALUES = {
    "--cgroups": "split",
    "--sdnotify": "conmon",
    "--log-driver": "passthrough",
    "--runtime": "/usr/bin/crun",
}
"""What generators add themselves; the last two only old ones."""
_UNORDERED = frozenset(
    (
        "--env --label --annotation --security-opt --cap-add --cap-drop --mount --sysctl --tmpfs "
        "--volume"
    ).split()
)
"""Flags whose arguments Podman stores by name or destination, which must be unique."""
_OLD_LABELS = ("label:disable", "label:nested")
"""Spellings of generators before 5.3."""
_CASELESS = frozenset({"--cap-add", "--cap-drop"})
_DEFAULT_SWITCHES = {
    option.flag: str(option.default).lower()
    for option in TABLE
    if option.codec.is_switch and option.quadlet is not None
}
"""Switches that Quadlet may write although they are the default."""


def compare_arguments(
    generated: Sequence[str],
    intended: Sequence[str],
) -> tuple[str, ...]:
    """The differences between a generated command line and the expected one.

    The order of flags does not matter; that of one flag's arguments does, unless Podman ignores it.
    Quadlet's additions to every container are ignored. Image and command have to be equal word by
    word.

    Returns:
        one sentence per difference; empty if both request the same container.
    """
    ours, theirs = _parsed(intended), _parsed(generated)
    if theirs is None:
        return ("the generated command line is not a podman run",)
    if ours is None:
        return ("the intended command line is not a podman run",)
    differences = []
    for kind, wanted, made in (
        (
            "global flag",
            _normal(ours.globals),
            _normal(theirs.globals),
        ),
        ("flag", _normal(ours.flags), _normal(theirs.flags)),
    ):
        for flag in sorted(wanted.keys() | made.keys()):
            if wanted.get(flag) != made.get(flag):
                differences.append(
                    _difference(
                        f"{kind} {flag}",
                        wanted.get(flag),
                        made.get(flag),
                    )
                )
    if ours.image != theirs.image:
        differences.append(_difference("image", (ours.image,), (theirs.image,)))
    if ours.words != theirs.words:
        differences.append(_difference("command", ours.words, theirs.words))
    return tuple(differences)


def _parsed(argv: Sequence[str]) -> CommandLine | None:
    named = argv[:1] and argv[0].rpartition("/")[2] == "podman"
    return parse_create_command(list(argv) if named else ["podman", *argv])


def _difference(
    what: str,
    wanted: Sequence[str] | None,
    made: Sequence[str] | None,
) -> str:
    return f"{what}: expected {_shown(wanted)}, generated {_shown(made)}"


def _shown(values: Sequence[str] | None) -> str:
    return "nothing" if values is None else " ".join(repr(value) for value in values) or "no words"


def _normal(flags: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    normal: dict[str, tuple[str, ...]] = {}
    for flag, values in flags.items():
        if flag in _QUADLET_FLAGS:
            continue
        if flag == "--pod-id-file":
            flag, values = "--pod", [_pod_of(values[-1])]
        if flag in SWITCHES:
            values = ["true" if values[-1] in ("true", "1") else "false"]
            if _DEFAULT_SWITCHES.get(flag) == values[-1]:
                continue
        kept = [value for value in values if _QUADLET_VALUES.get(flag) != value]
        if kept:
            normal[flag] = tuple(_normal_values(flag, kept))
    return normal


def _normal_values(flag: str, values: Iterable[str]) -> list[str]:
    normal = list(values)
    if flag in _CASELESS:
        normal = [value.lower() for value in normal]
    if flag == "--mount":
        normal = [repr(parse_mount(value)) for value in normal]
    if flag == "--security-opt":
        normal = [
            value.replace("label:", "label=", 1) if value in _OLD_LABELS else value
            for value in normal
        ]
        normal = [path for value in normal for path in _each_path(value)]
        normal = [
            value.replace(":true", "") if value.startswith("no-new-privileges") else value
            for value in normal
        ]
    return sorted(normal) if flag in _UNORDERED else normal


def _pod_of(id_file: str) -> str:
    """The pod in `%t/NAME-pod.pod-id`, Quadlet's notation up to 5.5."""
    return id_file.rpartition("/")[2].removesuffix(".pod-id").removesuffix("-pod")


def _each_path(value: str) -> list[str]:
    """`mask=/a:/b` is the same as `mask=/a` and `mask=/b`."""
    name, _, paths = value.partition("=")
    return (
        [f"{name}={path}" for path in paths.split(":")] if name in ("mask", "unmask") else [value]
    )
