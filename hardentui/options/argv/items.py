"""One argument of one option from a command line: its value, and its identity in a list.

Unit files and inspect spell values differently (`8080:80`, `NET_RAW`, `512m`). An `Item` has the typed value
for comparison, and the original text, so that unchanged arguments keep their spelling. The codec of the row
defines the meaning of an argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from hardentui.errors import InputError
from hardentui.model.spec import NEWEST_KNOWN, Codec, Option, Setting, Source, Spec, Version
from hardentui.options import COMMAND, IMAGE, ROOTFS
from hardentui.options.argv.command_line import COMMA_LISTS, Token, read_line
from hardentui.options.codecs.plain import as_csv_field, split_csv
from hardentui.options.table import TABLE
from hardentui.systemd.unit_text import UNKNOWN


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
    """One entry of a list, or the value of a scalar.

    Attributes:
        value: the element of the list, the value of the scalar, or UNPARSED.
        raw: the argument as written; empty for a bare switch.
        flag: the flag as written; `--mount` and `--volume` differ.
    """

    option: Option[Any]
    value: Any
    raw: str
    flag: str

    @property
    def is_list(self) -> bool:
        return self.option.is_list

    @property
    def known(self) -> bool:
        return not isinstance(self.value, Unparsed)

    @property
    def identity(self) -> str:
        """The key that identifies an entry of a list: the destination, the name, the port."""
        identify = dict(self.option.also).get(self.flag, self.option.codec).identity
        return "" if identify is None else identify(self.raw)

    @property
    def canonical(self) -> str:
        """The canonical form, equal for two spellings of the same value; the text itself if it is not
        parsed."""
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
        Item(option, entry, codec.text(entry), codec.flag_of(entry) if codec.flag_of else option.flag)
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


def parse_argument(flag: str, argument: str, version: Version = NEWEST_KNOWN) -> tuple[Item, ...]:
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


def _item(option: Option[Any], codec: Codec[Any], text: str, flag: str) -> Item:
    try:
        value = UNPARSED if UNKNOWN in text else codec.parse(text)
    except ValueError:
        value = UNPARSED
    return Item(option, value, text, flag)


def same(item: Item, other: Item) -> bool:
    """Whether both have the same value."""
    return item.canonical == other.canonical


def spec_of(items: Iterable[Item], remarks: tuple[str, ...] = ()) -> Spec:
    """The spec of these items, in command line order: for a scalar, the last one counts.

    Options that could not be parsed are `unknowable`.
    """
    lists: dict[Option[Any], dict[str, Any]] = {}
    scalars: dict[Option[Any], Any] = {}
    unknowable: set[Option[Any]] = set()
    for item in items:
        if not item.known:
            unknowable.add(item.option)
            scalars.pop(item.option, None)
        elif item.is_list:
            place = item.canonical if item.option.codec.several_alike else item.identity
            lists.setdefault(item.option, {})[place] = item.value
        else:
            unknowable.discard(item.option)
            scalars[item.option] = item.value
    for option, entries in lists.items():
        if option not in unknowable:
            scalars[option] = tuple(entries.values())
    settings = {o: Setting(v, Source.UNIT) for o, v in scalars.items() if v != o.default}
    return Spec(settings, frozenset(unknowable), remarks)


def image_item(option: Option[Any], text: str) -> Item:
    """The item of the image or root directory, which is not written as `--flag=value`."""
    return Item(option, UNPARSED if UNKNOWN in text else text, text, option.flag)


# --- A parsed `podman run` command line with the words of every flag. Pure --------------------------


_VARIABLE_WORD = re.compile(r"\0{1,2}\$\{?(\w+)\}?")


def items_of_token(token: Token, version: Version = NEWEST_KNOWN) -> tuple[Item, ...]:
    """The items of a token's flags, as this Podman parses them."""
    return tuple(item for flag, argument in token.parts for item in parse_argument(flag, argument, version))


class RunCommand(Struct, frozen=True):
    """`podman [globals] run|create [flags] IMAGE [words]`, after the program's name.

    Attributes:
        verb: index of run or create.
        image: index of the image; the number of words if there is none.
    """

    words: tuple[str, ...]
    globals: tuple[Token, ...]
    verb: int
    flags: tuple[Token, ...]
    image: int

    def items(self) -> tuple[Item, ...]:
        """All items; the image and the words after it come last."""
        entries = [
            item for token in self.globals for item in items_of_token(token) if item.option.before_verb
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


def read_command(words: Sequence[str]) -> RunCommand | None:
    """Parse the words after `podman`; None if they are neither run nor create."""
    line = read_line(words)
    if line is None:
        return None
    return RunCommand(tuple(words), line.globals, line.verb, line.flags, line.image)


def may_vanish(word: str) -> bool:
    """Whether a word is only a variable with an unknown value, which may expand to no word or to many.

    Units often take extra flags from a variable (`${HTTPD_EXTRA_CONF}`), which is usually unset. A variable
    whose name refers to an image is the image.
    """
    variable = _VARIABLE_WORD.fullmatch(word)
    return variable is not None and "IMAGE" not in variable[1].upper()


def without_optional(words: Sequence[str]) -> tuple[int, ...]:
    """Indexes of the words that remain without variables that may vanish.

    Only words in the place of a flag or the image are considered, not arguments of flags. The last word never
    is, because it would be the image.
    """
    kept = list(range(len(words)))
    while True:
        command = read_command([words[at] for at in kept])
        if command is None or command.image >= len(kept) - 1 or not may_vanish(words[kept[command.image]]):
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
