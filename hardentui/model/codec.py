"""How the arguments of one option are parsed, formatted, compared and identified."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


def _whole(argument: str) -> tuple[str, ...]:
    return (argument,)


class Codec(Struct, Generic[T], frozen=True, kw_only=True):
    """How to parse and format the arguments of an option.

    The value of a list option is a tuple of entries; each entry has a text. The value of a scalar option is
    one entry.

    Attributes:
        write: value -> arguments, one per occurrence of the flag; a bare switch: `("",)` when set, else `()`.
        parse: text -> entry; raises ValueError if it cannot be parsed.
        split: argument -> texts of its entries; none if the argument belongs to another row of the flag.
        text: entry -> text; the reverse of `parse`.
        identity: text -> key that identifies an entry of a list (destination, name, port); None = the option
            is a scalar.
        canonical: entry -> canonical form, equal for two spellings of the same value.
        values: value -> values of the Quadlet key, if they differ from the arguments.
        flag_of: entry -> the flag that it needs, if that is not always the flag of the row.
        several_alike: a list may have several entries with the same key (a port on two addresses).
        comma_list: Podman splits an argument at commas, as a CSV record.
        is_switch: the flag takes a value only after `=`.
    """

    write: Callable[[T], tuple[str, ...]]
    parse: Callable[[str], Any]
    split: Callable[[str], tuple[str, ...]] = _whole
    text: Callable[[Any], str] = str
    identity: Callable[[str], str] | None = None
    canonical: Callable[[Any], str] = str
    values: Callable[[T], tuple[str, ...]] | None = None
    flag_of: Callable[[Any], str] | None = None
    several_alike: bool = False
    comma_list: bool = False
    is_switch: bool = False
