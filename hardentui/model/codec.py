"""How the arguments of one option are read and written, compared and told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


def _whole(argument: str) -> tuple[str, ...]:
    return (argument,)


class Codec(Struct, Generic[T], frozen=True, kw_only=True):
    """What an argument of an option means.

    The value of a list option is a tuple of entries; each entry has a text. The value of a scalar option is
    one entry.

    Attributes:
        write: value -> arguments, one per occurrence of the flag; a bare switch: `("",)` when set, else `()`.
        parse: text -> entry; raises ValueError for a spelling that is not known.
        split: argument -> texts of its entries; none when the argument belongs to another row of the flag.
        text: entry -> text; the reverse of `parse`.
        identity: text -> what makes two entries of a list the same entry (destination, name, port);
            None = the option is a scalar.
        canonical: entry -> equal for two spellings of the same thing.
        values: value -> values of the Quadlet key, where they differ from the arguments.
        flag_of: entry -> the flag that it needs, where that is not always the flag of the row.
        several_alike: a list may have several entries of one identity (a port on two addresses).
        comma_list: Podman splits an argument at commas, as one record of CSV.
        is_switch: the flag takes its value only after `=`.
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
