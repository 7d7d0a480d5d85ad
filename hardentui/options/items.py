"""One argument of one option from a command line: its value, and its identity in a list."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from hardentui.model.open_value import UNKNOWN, OpenText, is_open
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.model.spec import Codec, OpenArgument, Option, Setting, Source, Spec
from hardentui.options import COMMAND, FLAGS_WITHOUT_ROW, TABLE
from hardentui.options.codecs import as_csv_field, split_csv


def comma_lists(version: Version) -> frozenset[str]:
    """Flags whose argument this Podman splits at commas, as a CSV record."""
    return frozenset(
        [
            *(option.flag for option in TABLE if option.is_comma_list(version)),
            *(known.flag for known in FLAGS_WITHOUT_ROW if known.comma_list),
        ]
    )


COMMA_LISTS = comma_lists(NEWEST_KNOWN)


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
    certain: bool = True  # no: what is open of it may make it an argument of another row

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
        return OpenArgument(
            self.option,
            self.flag,
            tuple(map(OpenText.read, words)),
        )

    @property
    def identity(self) -> str:
        """The key that identifies an entry of a list: the destination, the name, the port."""
        identify = dict(self.option.also).get(self.flag, self.option.codec).identity
        return "" if identify is None else identify(self.raw)

    @property
    def place(self) -> str:
        """Of two entries of a list with the same place, the last counts."""
        return self.canonical if self.option.codec.several_alike else self.identity

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
    return _of_any_row(flag, argument) if is_open(argument) else ()


def _of_any_row(flag: str, argument: str) -> tuple[Item, ...]:
    """An argument that may become one of several rows: `--security-opt=${X}`."""
    literal = re.sub("[=:]", "=", argument.partition(UNKNOWN)[0], count=1)
    return tuple(
        Item(
            option,
            UNPARSED,
            argument,
            flag,
            certain=False,
        )
        for option, codec in _BY_FLAG.get(flag, ())
        if codec.begins.startswith(literal) or literal.startswith(codec.begins)
    )


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
    list, the other entries are kept, and so is a value that an argument may leave as it is.
    """
    lists: dict[Option[Any], dict[str, Any]] = {}
    scalars: dict[Option[Any], Any] = {}
    unknowable: set[Option[Any]] = set()
    opened: list[OpenArgument] = []
    for item in items:
        argument = item.open
        if not item.is_list and item.certain:
            opened = [each for each in opened if each.option is not item.option]
        if argument is not None:
            opened.append(argument)
        if argument is not None or not item.known:
            unknowable.add(item.option)
            if item.certain:
                scalars.pop(item.option, None)
        elif item.is_list:
            lists.setdefault(item.option, {})[item.place] = item.value
        else:
            unknowable.discard(item.option)
            scalars[item.option] = item.value
    scalars |= {option: tuple(entries.values()) for option, entries in lists.items()}
    settings = {o: Setting(v, Source.UNIT) for o, v in scalars.items() if v != o.default}
    return Spec(
        settings,
        frozenset(unknowable),
        open=tuple(opened),
    )


def image_item(option: Option[Any], text: str) -> Item:
    """The item of the image or root directory, which is not written as `--flag=value`."""
    return Item(
        option,
        UNPARSED if is_open(text) else text,
        text,
        option.flag,
    )
